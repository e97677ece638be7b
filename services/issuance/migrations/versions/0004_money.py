"""The ledger and the read models of money."""

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Change nothing yet."""
