"""Read models of projects and contracts."""
