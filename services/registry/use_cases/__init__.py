"""What can be done in the registry, one gerund a file; each runs inside one transaction."""
