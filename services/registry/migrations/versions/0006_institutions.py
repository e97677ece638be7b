"""Referral and service agencies, field centres, laboratories and design centres."""

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Change nothing yet."""
