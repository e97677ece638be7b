"""What must always hold in issuance."""

CHECKS = ()
