"""The bench, as far as it can be wrong without a clock."""
