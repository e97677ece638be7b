"""Planning a period and approving it: two officers, one announcement (art. 12)."""

from datetime import datetime

from services.issuance import ledger
from services.issuance.deadlines import await_opening_and_closing
from services.issuance.domain.period import ApprovePeriod, Period, ProposePeriod, State, Unplanned, period
from shared.store.transaction import Handled, Transaction, UnknownSubjectError


async def propose_period(
    tx: Transaction,
    *,
    period_id: str,
    name: str,
    quota: int,
    opens_at: datetime,
    closes_at: datetime,
    proposed_by: str,
) -> Handled[object, State]:
    """Plan a period with the terms of today; `quota` in fen."""
    return await tx.handle(
        period,
        f"period-{period_id}",
        ProposePeriod(
            period_id=period_id,
            name=name,
            quota=quota,
            opens_at=opens_at,
            closes_at=closes_at,
            proposed_by=proposed_by,
            at=tx.now,
            on=tx.today,
            terms=tx.measures.on(tx.today),
        ),
    )


async def approve_period(
    tx: Transaction, *, period_id: str, approved_by: str, if_match: int | None = None
) -> Handled[object, State]:
    """Approve a plan as somebody else, and give it its money and its hours."""
    stream = f"period-{period_id}"
    if isinstance((await tx.load(period, stream)).state, Unplanned):
        raise UnknownSubjectError(period_id)
    approve = ApprovePeriod(approved_by=approved_by, at=tx.now, on=tx.today)
    handled = await tx.handle(period, stream, approve, if_match=if_match)
    if isinstance(handled.state, Period):
        await await_opening_and_closing(tx, handled.state)
        await ledger.open_quota(tx.connection, handled.state)
    return handled
