"""Appraisal's tables and read models."""

from alembic import op

from services.appraisal import projections  # noqa: F401 (declares the read models' tables)
from services.appraisal.tables import APPRAISAL

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create them all."""
    APPRAISAL.create_all(op.get_bind())
