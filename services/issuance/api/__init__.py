"""The REST interface of issuance."""
