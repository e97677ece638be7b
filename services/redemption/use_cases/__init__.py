"""What can be done with a redemption, one gerund a file; each runs inside one transaction."""
