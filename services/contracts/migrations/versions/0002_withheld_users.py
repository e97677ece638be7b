"""Who may no longer act for a claimant."""

from alembic import op

from services.contracts.tables import CONTRACTS

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the copy; the registry's facts about users are heard from now on, and there were none before."""
    CONTRACTS.create_all(op.get_bind(), tables=[CONTRACTS.tables["withheld_users"]])
