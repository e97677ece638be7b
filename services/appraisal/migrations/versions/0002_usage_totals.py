"""How long facilities ran, by provider and year."""

from alembic import op

from services.appraisal import projections  # noqa: F401 (declares the read models' tables)
from services.appraisal.tables import APPRAISAL

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the table."""
    APPRAISAL.create_all(op.get_bind(), tables=[APPRAISAL.tables["usage_totals"]])
