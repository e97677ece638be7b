"""Entries that wait for money: announced, drawn, or on the reserve list."""

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Nothing yet."""
