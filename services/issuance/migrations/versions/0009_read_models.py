"""A claimant's vouchers are listed from the table that has everybody's; smaller indexes find what is a claimant's."""

from alembic import op

revision = "0009"
down_revision = "0008"

_CONSUMER = "projection:claimant_vouchers"


def upgrade() -> None:
    """Have an index in the place of a second table, and forget how far that table was; name a claimant once in each."""
    op.execute("CREATE INDEX IF NOT EXISTS voucher_balances_claimant_id_idx ON voucher_balances (claimant_id)")
    op.execute("DROP TABLE IF EXISTS claimant_vouchers")
    for table in ("consumer_positions", "parked_events"):
        op.execute(f"DELETE FROM {table} WHERE consumer = '{_CONSUMER}'")
    op.execute("CREATE INDEX IF NOT EXISTS ledger_entries_claimant_id_idx ON ledger_entries (claimant_id)")
    places = "ledger_entries_period_id_position_idx"
    op.execute(f"CREATE INDEX IF NOT EXISTS {places} ON ledger_entries (period_id, position)")
    for column in ("claimant_id", "period_id"):
        op.execute(f"DROP INDEX IF EXISTS ledger_entries_{column}_position_line_idx")
