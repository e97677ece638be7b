"""Opening and closing periods when their hour has come."""

from services.issuance import ledger
from services.issuance.domain.period import ClosePeriod, OpenPeriod, period
from services.issuance.pseudonyms import draw_key
from shared.store.transaction import Transaction


async def open_period(tx: Transaction, period_id: str) -> None:
    """Announce that a period is open; claims were taken from its first instant on, whenever this runs."""
    await tx.handle(period, f"period-{period_id}", OpenPeriod(at=tx.now))


async def close_period(tx: Transaction, period_id: str) -> None:
    """Close a period, after the claims that were on their way, and write down what it issued."""
    given = await ledger.quota_of(tx.connection, period_id, lock=True)
    if given is None:
        return
    close = ClosePeriod(issued=given.issued, vouchers=given.claims, at=tx.now)
    if (await tx.handle(period, f"period-{period_id}", close)).events:
        await draw_key(tx.connection, period_id)
        await ledger.close_quota(tx.connection, period_id)
