"""The tables and read models of contracts."""

from alembic import op

from services.contracts import projections  # noqa: F401 (declares the read models' tables)
from services.contracts.tables import CONTRACTS

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create them all."""
    CONTRACTS.create_all(op.get_bind())
