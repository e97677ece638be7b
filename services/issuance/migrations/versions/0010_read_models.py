"""A claimant's vouchers are listed from the table that has everybody's."""

from alembic import op

revision = "0010"
down_revision = "0009"

_CONSUMER = "projection:claimant_vouchers"


def upgrade() -> None:
    """Have an index in the place of a second table, and forget how far that table was."""
    op.execute("CREATE INDEX IF NOT EXISTS voucher_balances_claimant_id_idx ON voucher_balances (claimant_id)")
    op.execute("DROP TABLE IF EXISTS claimant_vouchers")
    for table in ("consumer_positions", "parked_events"):
        op.execute(f"DELETE FROM {table} WHERE consumer = '{_CONSUMER}'")
