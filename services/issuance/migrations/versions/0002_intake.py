"""What the intake of claims keeps."""

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Change nothing yet."""
