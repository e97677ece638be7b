"""What can be asked of contracts; each is decided and written in one transaction."""
