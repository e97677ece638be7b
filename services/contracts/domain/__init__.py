"""What the regulation says of projects and contracts, as pure decisions."""
