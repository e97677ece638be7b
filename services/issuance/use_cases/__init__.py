"""What issuance does when it is asked or when a deadline has come: one transaction each."""
