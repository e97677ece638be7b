"""Who is appointed to which duties of the office."""

from alembic import op

from services.redemption.tables import REDEMPTION

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the copy; appointments are heard from now on."""
    REDEMPTION.create_all(op.get_bind(), tables=[REDEMPTION.tables["appointed_users"]])
