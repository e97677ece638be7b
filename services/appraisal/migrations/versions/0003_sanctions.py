"""Which measures of art. 17 keep providers from being appraised."""

from alembic import op

from services.appraisal import projections  # noqa: F401 (declares the read models' tables)
from services.appraisal.tables import APPRAISAL

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table."""
    APPRAISAL.create_all(op.get_bind(), tables=[APPRAISAL.tables["measures_in_force"]])
