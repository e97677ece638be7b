"""Exits of providers, and the contracts that run before them."""

from alembic import op

from services.registry.tables import REGISTRY

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the two tables."""
    tables = [REGISTRY.tables[name] for name in ("provider_exits", "running_contracts")]
    REGISTRY.create_all(op.get_bind(), tables=tables)
