"""The registry's tables and read models."""

from alembic import op

from services.registry import projections  # noqa: F401 (declares the read models' tables)
from services.registry.tables import REGISTRY

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create them all."""
    REGISTRY.create_all(op.get_bind())
