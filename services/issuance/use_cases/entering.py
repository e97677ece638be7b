"""Entering for a period's money, trying that out, and asking no more (art. 12)."""

from dataclasses import dataclass

from services.issuance import entry_list, ledger
from services.issuance.asked_by_channel import act_for_claimant, act_on_entry
from services.issuance.claimants import find_claimant
from services.issuance.class_ends import release_ended
from services.issuance.deadlines import await_serving
from services.issuance.domain.claiming import Claim, quota_suffices, reasons_against
from services.issuance.domain.entries import is_being_decided, way_open
from services.issuance.domain.entry import Entry, Event, MakeEntry, Stage, State, WithdrawEntry, entry
from services.issuance.domain.period import period
from services.issuance.domain.period_phases import Period
from services.issuance.entry_list import Ahead, Before
from services.issuance.ledger import Quota
from services.issuance.tables import withheld
from shared.events.issuance.entries import EntryMade, EntryWay, EntryWithdrawn
from shared.kernel.refusal import Reason, Refused, refuse_unless
from shared.procedures.acting import check_may_act
from shared.store.transaction import Handled, Transaction, UnknownSubjectError


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryProspect:
    """In which way an entry would be taken if it were made now, at which place, and who would be served before it."""

    way: EntryWay
    place: int
    ahead: Ahead | None


async def enter_period(
    tx: Transaction,
    *,
    entry_id: str,
    period_id: str,
    claimant_id: str,
    amount: int,
    or_less: bool,
    by_channel: bool = False,
) -> Handled[Event, State]:
    """Enter for `amount` fen in the way that is open now, or refuse with every reason that is known already.

    A channel that is not authorised is told that and nothing else.
    UnknownSubjectError: there is no such period, or it was never announced.
    """
    way, quota = await _way_of(tx, period_id, claimant_id, amount, by_channel=by_channel, lock=True)
    make = MakeEntry(
        entry_id=entry_id,
        period_id=period_id,
        claimant_id=claimant_id,
        way=way,
        amount=amount,
        or_less=or_less,
        place=quota.entries + 1,
        at=tx.now,
    )
    new = entry.decide(make, entry.initial)
    version = tx.append(f"entry-{entry_id}", 0, new)
    for made in new:
        if isinstance(made, EntryMade):
            await entry_list.add(tx.connection, made, tx.cause.actor)
    if make.way == "reserve" and or_less and quota.remaining:
        await await_serving(tx, period_id, entry_id)
    return Handled(state=entry.fold(new), version=version, events=tuple(new))


async def rehearse_entry(
    tx: Transaction, *, period_id: str, claimant_id: str, amount: int, by_channel: bool = False
) -> EntryProspect:
    """Say what an entry would be answered, or refuse it as the entry itself would be; nothing is written.

    UnknownSubjectError: there is no such period, or it was never announced.
    """
    way, quota = await _way_of(tx, period_id, claimant_id, amount, by_channel=by_channel, lock=False)
    place = quota.entries + 1
    ahead = None if way == "draw" else await entry_list.ahead_of(tx.connection, period_id, way, place=place)
    return EntryProspect(way=way, place=place, ahead=ahead)


async def _way_of(
    tx: Transaction, period_id: str, claimant_id: str, amount: int, *, by_channel: bool, lock: bool
) -> tuple[EntryWay, Quota]:
    """Say in which way an entry is taken, and what the period has; who holds the row is the only one who enters."""
    if by_channel:
        await act_for_claimant(tx, claimant_id)
    claimant = await find_claimant(tx.connection, claimant_id)
    counted = await ledger.counted_in(tx.connection, claimant_id, tx.today.year)
    quota = await ledger.quota_of(tx.connection, period_id, lock=lock)
    state = (await tx.load(period, f"period-{period_id}")).state
    if not isinstance(state, Period) or quota is None or not state.announced:
        raise UnknownSubjectError(period_id)
    if lock:
        quota = await release_ended(tx, state, quota)
    asked = Claim(
        claimant=claimant,
        period=state,
        amount=amount,
        counted=counted,
        remaining=None,
        at=tx.now,
        on=tx.today,
        terms=tx.measures.on(tx.today),
        principal=tx.cause.actor,
        of_entry=True,
    )
    return _way(asked, quota, await entry_list.before(tx.connection, period_id, claimant_id)), quota


async def withdraw_entry(tx: Transaction, *, entry_id: str, claimant_id: str | None) -> Handled[Event, State]:
    """Withdraw the own entry; somebody else's does not exist for the caller (UnknownSubjectError).

    Who is behind it on the reserve list moves up, and is served if there is enough now. Without a `claimant_id` a
    channel acts, on what it has entered itself.
    """
    if claimant_id is not None:
        await check_may_act(tx, withheld, claimant_id, tx.cause.actor)
    stream = f"entry-{entry_id}"
    state = (await tx.load(entry, stream)).state
    if not isinstance(state, Entry) or claimant_id not in {None, state.claimant_id}:
        raise UnknownSubjectError(entry_id)
    if claimant_id is None:
        await act_on_entry(tx, entry_id, state.claimant_id)
    quota = await ledger.quota_of(tx.connection, state.period_id, lock=True)
    plan = (await tx.load(period, f"period-{state.period_id}")).state
    if quota is None or not isinstance(plan, Period):
        raise TypeError(f"{entry_id} was made for {state.period_id}, which has no money")
    before = await entry_list.before(tx.connection, state.period_id, state.claimant_id)
    current = (await tx.load(entry, stream)).state  # it may have been served while the lock was waited for
    way: EntryWay = current.way if isinstance(current, Entry) else state.way
    withdraw = WithdrawEntry(is_being_decided=is_being_decided(plan, way, tx.now, before.begun), at=tx.now)
    handled = await tx.handle(entry, stream, withdraw)
    if any(isinstance(fact, EntryWithdrawn) for fact in handled.events):
        await entry_list.settle(tx.connection, [entry_list.Settled(entry_id=entry_id, stage=Stage.WITHDRAWN)])
        if way == "reserve":
            await ledger.leave_reserve(tx.connection, state.period_id, 1)
            if quota.remaining and quota.waiting > 1:
                await await_serving(tx, state.period_id, entry_id)
    return handled


def _way(asked: Claim, quota: Quota, before: Before) -> EntryWay:
    """Say in which way the entry is taken, or refuse it with all that stands against it."""
    claimed = asked._replace(remaining=quota.free, parts=quota.parts, reserve_waits=quota.waiting > 0)
    way = way_open(asked.period, asked.at, is_short=quota_suffices(claimed) is not None, begun=before.begun)
    against = list(reasons_against(asked))
    if before.has_open:
        against.append(Reason(code="entry-made-already", article="12", kind="state"))
    if isinstance(way, Reason):
        raise Refused(*against, way)
    refuse_unless(*against)
    return way
