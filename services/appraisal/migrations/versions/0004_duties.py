"""Who is appointed to which duties of the office."""

from alembic import op

from services.appraisal.tables import APPRAISAL

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the copy; appointments are heard from now on."""
    APPRAISAL.create_all(op.get_bind(), tables=[APPRAISAL.tables["appointed_users"]])
