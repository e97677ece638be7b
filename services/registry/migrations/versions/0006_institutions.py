"""Referral and service agencies, field centres, laboratories and design centres."""

from alembic import op

from services.registry import institution_tables, projections  # noqa: F401 (they declare their tables)
from services.registry.tables import REGISTRY

revision = "0006"
down_revision = "0005"

_TABLES = (
    "affiliations", "affiliation_remarks", "referral_profiles", "agency_occasions", "design_centres",
    "affiliation_list", "agency_list", "referrals", "laboratory_catalogue", "field_centre_members",
    "design_centre_list",
)  # fmt: skip


def upgrade() -> None:
    """Create them all."""
    REGISTRY.create_all(op.get_bind(), tables=[REGISTRY.tables[name] for name in _TABLES])
