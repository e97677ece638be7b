"""The rules of issuance, readable as the Measures: art. 12 and 15."""
