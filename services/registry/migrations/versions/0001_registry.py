"""The registry's tables and read models."""

from alembic import op

from services.registry import projections  # noqa: F401 (declares the read models' tables)
from services.registry.tables import REGISTRY

revision = "0001"
down_revision = None

_TABLES = (
    "claimants", "providers", "condition_checks", "objections", "facilities", "services", "experts", "sanctions",
    "claimant_list", "provider_list", "provider_notices", "facility_catalogue", "service_catalogue",
)  # fmt: skip


def upgrade() -> None:
    """Create them all."""
    REGISTRY.create_all(op.get_bind(), tables=[REGISTRY.tables[name] for name in _TABLES])
