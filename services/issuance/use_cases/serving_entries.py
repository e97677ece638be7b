"""Deciding entries: before the opening, by lot, or as money returns; a portion at a time, each whole (art. 12).

Locks are taken in the order of every transaction: claimants, allowances, quota, the log's head. What was read before
the quota's row was held is read again behind it; what has changed meanwhile is left to the next time.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from services.issuance import entry_list, granting, ledger
from services.issuance.class_ends import release_ended
from services.issuance.deadlines import await_serving, is_serving_awaited
from services.issuance.domain.arrivals import Granted, Stock, left_after
from services.issuance.domain.claiming import SOLD_OUT
from services.issuance.domain.entries import Work, next_work, oversubscribed, why_over
from services.issuance.domain.entry import EndEntry, MoveToReserve, ServeEntry, Stage, entry
from services.issuance.domain.period import DecideEntries, ExhaustPeriod, period
from services.issuance.domain.period_phases import Period
from services.issuance.domain.serving import InLine, Served, serve_in_order
from services.issuance.entry_list import Settled
from services.issuance.granting import Standing
from services.issuance.intake.sequencer import rules_of
from services.issuance.ledger import Quota
from shared.events.issuance.entries import WaysOutcome
from shared.kernel.ids import new_id
from shared.kernel.refusal import Reason
from shared.procedures.lots import drawn_order
from shared.store.transaction import Transaction

PORTIONS: dict[Work, int] = {"window": 200, "draw": 200, "reserve": 20, "end": 200}
"""Entries decided in one transaction: while it is committed, no other event can be."""
_AT_ONCE = timedelta()
_LATER = timedelta(hours=1)
"""When a list is looked at again that has money and keeps waiting: who is first may have come to fail a rule."""


async def serve_entries(tx: Transaction, subjects: Sequence[str]) -> None:
    """Decide the next entries of the first period named, and leave the others, and its further ones, for next time."""
    first, *others = dict.fromkeys(_period_of(subject) for subject in subjects)
    for subject in subjects:
        if _period_of(subject) in others:
            await _again(tx, subject)
    again = await _decide_next(tx, first)
    if again == _AT_ONCE or (again is not None and not await is_serving_awaited(tx, first)):
        await _again(tx, subjects[0], again)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    """A portion in its turn, with all that is held; `is_last`: behind it no entry of its way waits."""

    work: Work
    plan: Period
    quota: Quota
    line: list[InLine]
    reserved: frozenset[str]
    """Those of the line that are on the reserve list."""
    standing: Standing
    is_last: bool


async def _decide_next(tx: Transaction, period_id: str) -> timedelta | None:
    """Decide a portion; tells after how long to look again, None when something else will say so."""
    plan = await _plan(tx, period_id)
    work = next_work(plan, tx.now) if plan is not None else None
    if work is None:
        return None
    asking = {row.claimant_id for row in await _next_rows(tx, period_id, work)}
    standing = await granting.hold(tx.connection, asking, tx.today)
    quota = await ledger.quota_of(tx.connection, period_id, lock=True)
    plan = await _plan(tx, period_id)
    if quota is None:
        return None  # it was withdrawn before anybody approved it: nobody could enter
    if plan is None or next_work(plan, tx.now) != work:
        return _AT_ONCE  # it has changed meanwhile: look again
    quota = await release_ended(tx, plan, quota)
    rows = await _next_rows(tx, period_id, work)
    held = [row for row in rows if row.claimant_id in asking]
    if held != rows[: len(held)]:
        return _AT_ONCE  # somebody has come in between
    turn = _Turn(
        work=work,
        plan=plan,
        quota=quota,
        line=[entry_list.in_line(row, new_id("vch", tx.now)) for row in held],
        reserved=frozenset(row.entry_id for row in held if row.way == "reserve"),
        standing=standing,
        is_last=len(held) == len(rows) < PORTIONS[work],
    )
    return await _HOW[work](tx, turn)


async def _end(tx: Transaction, turn: _Turn) -> timedelta | None:
    """End what still waits in a period that is over."""
    over = why_over(turn.plan, tx.now)
    await _write(tx, turn, [(one, (over,)) for one in turn.line])
    return None if turn.is_last else _AT_ONCE


async def _decide_window(tx: Transaction, turn: _Turn) -> timedelta | None:
    """Serve everybody who entered before the opening, if that is no more than there is; else the race decides."""
    asked = await entry_list.asked(tx.connection, turn.plan.period_id, "window")
    outcome: WaysOutcome = "served" if asked.amount <= turn.plan.quota else "race"
    if outcome == "served":
        served = _served(tx, turn, turn.quota.free, strictly=False)
    else:
        served = [(one, (oversubscribed(asked.amount, turn.plan.quota),)) for one in turn.line]
    await _write(tx, turn, served)
    if turn.is_last:
        decided = DecideEntries(way="window", outcome=outcome, entries=asked.entries, asked=asked.amount, at=tx.now)
        await tx.handle(period, f"period-{turn.plan.period_id}", decided)
    return None if turn.is_last else _AT_ONCE


async def _hold_draw(tx: Transaction, turn: _Turn) -> timedelta | None:
    """Serve who entered for the draw in the order of the lots; who does not fit is passed over, or waits for more."""
    period_id = turn.plan.period_id
    before = await entry_list.drawn_so_far(tx.connection, period_id)
    await _write(tx, turn, _served(tx, turn, turn.quota.free, strictly=False), drawn=before)
    if turn.is_last:
        asked = await entry_list.asked(tx.connection, period_id, "draw")
        decided = DecideEntries(
            way="draw",
            outcome="drawn",
            entries=asked.entries,
            asked=asked.amount,
            seed=await entry_list.seed_of(tx.connection, period_id) or "",
            at=tx.now,
        )
        await tx.handle(period, f"period-{period_id}", decided)
    return None if turn.is_last else _AT_ONCE


async def _serve_reserve(tx: Transaction, turn: _Turn) -> timedelta | None:
    """Serve the first of the reserve list while there is enough for it: nobody overtakes."""
    served = _served(tx, turn, turn.quota.remaining, strictly=True)
    await _write(tx, turn, served)
    if len(served) == len(turn.line):
        return None if turn.is_last else _AT_ONCE
    return _LATER if turn.quota.remaining > _given(served) else None


_HOW: dict[Work, Callable[[Transaction, _Turn], Awaitable[timedelta | None]]] = {
    "end": _end,
    "window": _decide_window,
    "draw": _hold_draw,
    "reserve": _serve_reserve,
}
"""What is done with a portion; each tells after how long to look again, if at all."""


def _served(tx: Transaction, turn: _Turn, remaining: int, *, strictly: bool) -> list[Served]:
    stock = _stock(turn, remaining)
    rules_on = rules_of(turn.plan, tx.measures)
    return serve_in_order(turn.line, stock, rules_on, at=tx.now, on=tx.today, strictly=strictly)


def _stock(turn: _Turn, remaining: int) -> Stock:
    return Stock(
        period=turn.plan,
        remaining=remaining,
        places=turn.quota.claims,
        claimants=turn.standing.claimants,
        counted=turn.standing.counted,
        parts=turn.quota.parts,
    )


async def _write(tx: Transaction, turn: _Turn, served: Sequence[Served], *, drawn: int | None = None) -> None:
    """Write down what became of entries: vouchers, the list, the quota and what of it is owed."""
    if not served:
        return
    states = await tx.load_many(entry, [f"entry-{one.entry_id}" for one, _ in served])
    settled: list[Settled] = []
    facts = [outcome.fact for _, outcome in served if isinstance(outcome, Granted)]
    await granting.write_vouchers(tx, facts)
    moved = 0
    for number, (one, outcome) in enumerate(served, start=1):
        stream = f"entry-{one.entry_id}"
        stage, place = Stage.ENDED, None
        command: ServeEntry | EndEntry | MoveToReserve
        if isinstance(outcome, Granted):
            stage = Stage.SERVED
            command = ServeEntry(voucher_id=one.voucher_id, amount=outcome.fact.amount, at=tx.now)
        elif turn.work == "draw" and _waits(turn.plan, outcome):
            moved += 1
            stage, place = Stage.WAITING, turn.quota.entries + moved
            command = MoveToReserve(place=place, at=tx.now)
        else:
            command = EndEntry(reasons=outcome, at=tx.now)
        tx.append(stream, states[stream].version, entry.decide(command, states[stream].state))
        rank = None if drawn is None else drawn + number
        settled.append(Settled(entry_id=one.entry_id, stage=stage, place=place, drawn=rank))
    await entry_list.settle(tx.connection, settled)
    await _settle_quota(tx, turn, served, moved=moved)


async def _settle_quota(tx: Transaction, turn: _Turn, served: Sequence[Served], *, moved: int) -> None:
    """Take from the quota what was granted; what is owed to the reserve list is less by what it got of it."""
    quota, period_id = turn.quota, turn.plan.period_id
    outcomes = [outcome for _, outcome in served]
    facts = [outcome.fact for outcome in outcomes if isinstance(outcome, Granted)]
    taken = sum(fact.amount for fact in facts)
    of_classes = sum(part.amount for fact in facts for part in fact.parts)
    got = taken - of_classes if turn.work == "reserve" else 0
    waiting = quota.waiting + moved - sum(one.entry_id in turn.reserved for one, _ in served)
    after = replace(
        quota,
        remaining=quota.remaining - taken,
        issued=quota.issued + taken,
        claims=quota.claims + len(facts),
        entries=quota.entries + moved,
        waiting=waiting,
        owed=max(quota.owed - got, 0) if waiting else 0,
        parts=left_after(_stock(turn, quota.remaining), outcomes).parts,
    )
    await ledger.set_quota(tx.connection, period_id, after)
    if taken and not after.remaining:
        await tx.handle(period, f"period-{period_id}", ExhaustPeriod(at=tx.now))


async def _next_rows(tx: Transaction, period_id: str, work: Work) -> list[sa.Row[Any]]:
    """Read the next portion in its order: by place, or by the lots."""
    if work != "draw":
        return await entry_list.line(tx.connection, period_id, None if work == "end" else work, limit=PORTIONS[work])
    seed = await entry_list.seed_of(tx.connection, period_id)
    if seed is None:
        raise LookupError(f"{period_id} draws, and has no seed")
    order = drawn_order(seed, await entry_list.to_draw(tx.connection, period_id))
    return await entry_list.named(tx.connection, order[: PORTIONS[work]])


async def _plan(tx: Transaction, period_id: str) -> Period | None:
    state = (await tx.load(period, f"period-{period_id}")).state
    return state if isinstance(state, Period) else None


def _waits(plan: Period, outcome: Sequence[Reason]) -> bool:
    """Tell whether a drawn entry goes on to the reserve list: there is one, and money is all that it lacks."""
    has_reserve = plan.entries is not None and plan.entries.reserve_list
    return has_reserve and {reason.code for reason in outcome} == {SOLD_OUT}


def _given(served: Sequence[Served]) -> int:
    return sum(outcome.fact.amount for _, outcome in served if isinstance(outcome, Granted))


async def _again(tx: Transaction, subject: str, after: timedelta = _AT_ONCE) -> None:
    """Look at the entries again, for the same reason, as soon as what was due before is done."""
    period_id, _, why = subject.partition("/")
    await await_serving(tx, period_id, why, tx.now + after)


def _period_of(subject: str) -> str:
    return subject.partition("/")[0]
