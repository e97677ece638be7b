"""Places in the waiting room."""

from alembic import op

from services.issuance.tables import ISSUANCE

revision = "0008"
down_revision = "0007"

_TABLES = ("waiting_rooms", "entry_tickets", "spent_challenges")


def upgrade() -> None:
    """Create the lines of waiting rooms, the places in them, and the answers to challenges that were used."""
    ISSUANCE.create_all(op.get_bind(), tables=[ISSUANCE.tables[name] for name in _TABLES])
