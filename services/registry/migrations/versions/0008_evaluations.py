"""Yearly evaluations of service agencies."""

from alembic import op

from services.registry import institution_tables, projections  # noqa: F401 (they declare their tables)
from services.registry.tables import REGISTRY

revision = "0008"
down_revision = "0007"

_TABLES = ("evaluation_words", "agency_evaluations")


def upgrade() -> None:
    """Create them."""
    REGISTRY.create_all(op.get_bind(), tables=[REGISTRY.tables[name] for name in _TABLES])
