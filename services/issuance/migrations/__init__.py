"""The schema of issuance, one revision after another."""
