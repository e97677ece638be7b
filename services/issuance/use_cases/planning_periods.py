"""Planning a period, changing its plan and approving it: never one person alone, and one announcement (art. 12)."""

from datetime import datetime

from services.issuance import entry_list, ledger
from services.issuance.bookkeeping import set_grant
from services.issuance.deadlines import await_opening_and_closing, await_serving, forget_opening_and_closing
from services.issuance.domain.period import Event, period
from services.issuance.domain.period_phases import Period, Phase, State, Unplanned
from services.issuance.domain.plan import Plan, Settings
from services.issuance.domain.planning import ApprovePeriod, ChangePlan, ProposePeriod, WithdrawPlan
from services.issuance.lots import lay_seed
from services.issuance.quotas_gate import open_gate, void_gate
from services.issuance.waiting_room.room import check_nobody_waits, open_room, shut_room
from shared.kernel.refusal import refuse
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
    settings: Settings | None = None,
) -> Handled[Event, State]:
    """Plan a period with the terms of today, or stricter ones of its own; `quota` in fen."""
    return await tx.handle(
        period,
        f"period-{period_id}",
        ProposePeriod(
            period_id=period_id,
            plan=Plan(name=name, quota=quota, opens_at=opens_at, closes_at=closes_at, settings=settings or Settings()),
            proposed_by=proposed_by,
            at=tx.now,
            on=tx.today,
            terms=tx.measures.on(tx.today),
        ),
    )


async def change_plan(
    tx: Transaction, *, period_id: str, plan: Plan, changed_by: str, if_match: int | None = None
) -> Handled[Event, State]:
    """Change a plan that is not open yet; an approval it had is void, and nobody claims before the next one."""
    change = ChangePlan(
        plan=plan,
        changed_by=changed_by,
        claims=await _halted(tx, period_id),
        at=tx.now,
        on=tx.today,
        terms=tx.measures.on(tx.today),
    )
    if await entry_list.is_relied_on(tx.connection, period_id):
        raise refuse("period-has-entries", article="12", kind="state")
    handled = await tx.handle(period, f"period-{period_id}", change, if_match=if_match)
    if handled.events:
        await check_nobody_waits(tx.connection, period_id)
        await shut_room(tx.connection, period_id)
        await void_gate(tx.connection, period_id)
    elif isinstance(handled.state, Period) and handled.state.phase is Phase.APPROVED:
        await await_opening_and_closing(tx, handled.state)  # it reads as before, and its approval holds
    return handled


async def withdraw_plan(
    tx: Transaction, *, period_id: str, reason: str, withdrawn_by: str, if_match: int | None = None
) -> Handled[Event, State]:
    """Withdraw a plan that is not open yet, for a reason that everybody may read."""
    withdraw = WithdrawPlan(
        reason=reason,
        withdrawn_by=withdrawn_by,
        claims=await _halted(tx, period_id),
        at=tx.now,
        on=tx.today,
    )
    handled = await tx.handle(period, f"period-{period_id}", withdraw, if_match=if_match)
    await shut_room(tx.connection, period_id)
    await void_gate(tx.connection, period_id)
    await set_grant(tx, period_id, 0)
    if isinstance(handled.state, Period) and handled.state.entries is not None:
        await await_serving(tx, period_id, "withdrawn")
    return handled


async def approve_period(
    tx: Transaction, *, period_id: str, approved_by: str, if_match: int | None = None
) -> Handled[Event, State]:
    """Approve a plan as somebody who had no hand in it, give it its money and its hours, and announce it."""
    stream = f"period-{period_id}"
    await _check_planned(tx, period_id)
    approve = ApprovePeriod(approved_by=approved_by, at=tx.now, on=tx.today)
    handled = await tx.handle(period, stream, approve, if_match=if_match)
    if isinstance(handled.state, Period):
        await await_opening_and_closing(tx, handled.state)
        await open_gate(tx.connection, handled.state)
        await open_room(tx.connection, handled.state)
        await lay_seed(tx, handled.state)
        await set_grant(tx, period_id, handled.state.quota)
    return handled


async def _halted(tx: Transaction, period_id: str) -> int:
    """Take a plan off the due list, let no claim be granted before this transaction ends, and say how many were."""
    await _check_planned(tx, period_id)
    await forget_opening_and_closing(tx, period_id)
    given = await ledger.quota_of(tx.connection, period_id, lock=True)
    return given.claims if given is not None else 0


async def _check_planned(tx: Transaction, period_id: str) -> None:
    if isinstance((await tx.load(period, f"period-{period_id}")).state, Unplanned):
        raise UnknownSubjectError(period_id)
