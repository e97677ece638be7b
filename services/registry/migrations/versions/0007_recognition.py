"""New products, mutual recognition, channels, office users, changes of measures."""

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Change nothing yet."""
