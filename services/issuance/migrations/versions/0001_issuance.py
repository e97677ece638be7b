"""The sums that decide, the copy of who may claim, and the first read models."""

from alembic import op

from services.issuance.projections.annual_totals import TABLE as ANNUAL_TOTALS
from services.issuance.projections.period_board import TABLE as PERIOD_BOARD
from services.issuance.projections.voucher_balances import TABLE as VOUCHER_BALANCES
from services.issuance.tables import ISSUANCE

revision = "0001"
down_revision = None

_TABLES = ("quotas", "allowances", "claimants", "bans")


def upgrade() -> None:
    """Create every table of issuance."""
    ISSUANCE.create_all(op.get_bind(), tables=[ISSUANCE.tables[name] for name in _TABLES])
    for table in (VOUCHER_BALANCES, ANNUAL_TOTALS, PERIOD_BOARD):
        table.create(op.get_bind())
