"""What a read model is, without servers."""
