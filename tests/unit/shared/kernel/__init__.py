"""What the domain is made of."""
