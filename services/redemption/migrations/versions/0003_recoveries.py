"""Money that is asked back, and what of a redemption has come back."""

from alembic import op

from services.redemption.projections.recovery_list import table as recovery_list
from services.redemption.tables import REDEMPTION

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the list of claw-backs, and to the list of redemptions the sum that has come back."""
    op.execute("ALTER TABLE redemption_list ADD COLUMN IF NOT EXISTS recovered BIGINT NOT NULL DEFAULT 0")
    REDEMPTION.create_all(op.get_bind(), tables=[recovery_list])
