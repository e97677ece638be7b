"""When experts are away, how much they take on, and on which panels they sit."""

from alembic import op

from services.redemption.tables import REDEMPTION, seats

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add what an older copy of the experts lacks, and the table of seats."""
    op.execute("ALTER TABLE experts ADD COLUMN IF NOT EXISTS employers JSONB NOT NULL DEFAULT '[]'")
    op.execute("ALTER TABLE experts ADD COLUMN IF NOT EXISTS load_max INTEGER")
    op.execute("ALTER TABLE experts ADD COLUMN IF NOT EXISTS absences JSONB NOT NULL DEFAULT '[]'")
    REDEMPTION.create_all(op.get_bind(), tables=[seats])
