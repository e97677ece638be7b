"""Yearly evaluations, and sanctions on every kind of party."""

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Nothing yet."""
