"""What contracts knows of its parties."""

from alembic import op

from services.contracts import projections  # noqa: F401 (declares the read models' tables)
from services.contracts.tables import CONTRACTS

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the copies of what the registry tells.

    The read models fill from its topic; no authorisation before was for contracts, and no contract was declared.
    """
    copies = ("claimant_standing", "new_products", "channel_authorisations", "closed_channels")
    CONTRACTS.create_all(op.get_bind(), tables=[CONTRACTS.tables[name] for name in copies])
    op.execute("ALTER TABLE providers ADD COLUMN IF NOT EXISTS leaves_after date")
    op.execute("ALTER TABLE contract_list ADD COLUMN IF NOT EXISTS relation_declared boolean NOT NULL DEFAULT false")
