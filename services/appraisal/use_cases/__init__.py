"""What can be done with a round, one gerund a file; each runs inside one transaction."""
