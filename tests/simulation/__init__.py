"""The house in memory, where every step can go wrong and every run can be had again by its seed."""
