"""How CXQ is put on a machine, as far as it needs no server."""
