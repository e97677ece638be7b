"""Opening and closing periods when their hour has come, and pausing them in between."""

from services.issuance import ledger
from services.issuance.class_ends import release_ended
from services.issuance.deadlines import await_class_end, await_serving
from services.issuance.domain.period import ClosePeriod, Event, OpenPeriod, PausePeriod, ResumePeriod, period
from services.issuance.domain.period_phases import Period, State, Unplanned
from services.issuance.pseudonyms import draw_key
from services.issuance.quotas_gate import pause_gate, shut_gate
from services.issuance.waiting_room.room import shut_room
from shared.store.transaction import Handled, Transaction, UnknownSubjectError


async def open_period(tx: Transaction, period_id: str) -> None:
    """Write down that a period is open; claims were taken from its first instant on, whenever this runs."""
    await tx.handle(period, f"period-{period_id}", OpenPeriod(at=tx.now))


async def pause_period(tx: Transaction, *, period_id: str, reason: str, paused_by: str) -> Handled[Event, State]:
    """Take no claims for the time being; those granted before stay granted."""
    await _lock(tx, period_id)
    pause = PausePeriod(reason=reason, paused_by=paused_by, at=tx.now)
    handled = await tx.handle(period, f"period-{period_id}", pause)
    await pause_gate(tx.connection, period_id, paused=True)
    return handled


async def resume_period(tx: Transaction, *, period_id: str, reason: str, resumed_by: str) -> Handled[Event, State]:
    """Take claims again."""
    await _lock(tx, period_id)
    resume = ResumePeriod(reason=reason, resumed_by=resumed_by, at=tx.now)
    handled = await tx.handle(period, f"period-{period_id}", resume)
    await pause_gate(tx.connection, period_id, paused=False)
    if _takes_entries(handled.state):
        await await_serving(tx, period_id, f"resumed-{handled.version}")
    return handled


async def close_period(tx: Transaction, period_id: str) -> None:
    """Close a period, after the claims that were on their way, and write down what it issued."""
    given = await ledger.quota_of(tx.connection, period_id, lock=True)
    if given is None:
        return
    close = ClosePeriod(issued=given.issued, vouchers=given.claims, at=tx.now)
    handled = await tx.handle(period, f"period-{period_id}", close)
    if handled.events:
        await draw_key(tx.connection, period_id)
        await shut_room(tx.connection, period_id)
        await shut_gate(tx.connection, period_id)
        if _takes_entries(handled.state):
            await await_serving(tx, period_id, "closed")


async def release_classes(tx: Transaction, period_id: str) -> None:
    """Write down what classes whose time is over have left; claims took from it as everybody's from that instant on."""
    given = await ledger.quota_of(tx.connection, period_id, lock=True)
    state = (await tx.load(period, f"period-{period_id}")).state
    if given is None or not given.parts.rests or not isinstance(state, Period):
        return
    await release_ended(tx, state, given)
    await await_class_end(tx, state, tx.now)


async def _lock(tx: Transaction, period_id: str) -> None:
    """Wait for the claims that are on their way: what they write to the period is read after this."""
    if isinstance((await tx.load(period, f"period-{period_id}")).state, Unplanned):
        raise UnknownSubjectError(period_id)
    await ledger.quota_of(tx.connection, period_id, lock=True)


def _takes_entries(state: State) -> bool:
    return isinstance(state, Period) and state.entries is not None
