"""Departments, delegations, people, usage records and bookings of providers."""

from alembic import op

from services.registry import projections, provider_tables  # noqa: F401 (they declare their tables)
from services.registry.tables import REGISTRY

revision = "0005"
down_revision = "0004"

_TABLES = (
    "provider_entries", "provider_departments", "delegations",
    "facility_history", "facility_former_descriptions", "facility_proofs", "service_people",
    "usage_records", "bookings",
)  # fmt: skip


def upgrade() -> None:
    """Create the tables; facilities open before are in service, as none was said not to be."""
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")  # for periods that must not overlap
    op.execute("ALTER TABLE facility_catalogue ADD COLUMN IF NOT EXISTS status text NOT NULL DEFAULT 'in_service'")
    REGISTRY.create_all(op.get_bind(), tables=[REGISTRY.tables[name] for name in _TABLES])
