"""Redemption's tables and read models."""

from alembic import op

from services.redemption import projections  # noqa: F401 (declares the read models' tables)
from services.redemption.tables import REDEMPTION

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create them all."""
    REDEMPTION.create_all(op.get_bind())
