"""Facilities by the thousand: the index they are found by, and the files they come in."""

from alembic import op

from services.registry.tables import REGISTRY

revision = "0003"
down_revision = "0002"

_TABLES = ("facility_index", "facility_imports", "facility_import_portions", "facility_import_rows")


def upgrade() -> None:
    """Create the four tables."""
    REGISTRY.create_all(op.get_bind(), tables=[REGISTRY.tables[name] for name in _TABLES])
