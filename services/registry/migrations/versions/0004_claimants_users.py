"""Users of a claimant, its history, bank account and review queue."""

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Change nothing yet."""
