"""The ledger and the read models of money."""

from alembic import op

from services.issuance.projections.exposure import TABLE as EXPOSURE
from services.issuance.projections.ledger import TABLE as LEDGER_ENTRIES
from services.issuance.tables import ISSUANCE

revision = "0004"
down_revision = "0003"

_TABLES = ("contract_providers", "ledger_proofs")
_FIRST_PROOF = """
    INSERT INTO deadlines (kind, subject, due_at) VALUES ('prove-balances', 'nightly',
        (date_trunc('day', now() AT TIME ZONE 'Asia/Shanghai') + interval '1 day 2 hours') AT TIME ZONE 'Asia/Shanghai')
    ON CONFLICT DO NOTHING
"""
"""Every later night is set by the one before it."""


def upgrade() -> None:
    """Create the journal, the exposure, and what proofs keep; set the first night."""
    ISSUANCE.create_all(op.get_bind(), tables=[ISSUANCE.tables[name] for name in _TABLES])
    for table in (LEDGER_ENTRIES, EXPOSURE):
        table.create(op.get_bind())
    op.execute("DROP INDEX IF EXISTS voucher_balances_claimant_id_voucher_id_idx")
    op.execute(_FIRST_PROOF)
