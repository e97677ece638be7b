"""Answers to granted claims are kept by the event that tells them."""

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Nothing yet."""
