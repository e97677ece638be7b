"""Evidence files: checked for what they are, stored under random names, known by their digest."""
