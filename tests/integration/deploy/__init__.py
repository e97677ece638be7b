"""The servers and the containers."""
