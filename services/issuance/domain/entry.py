"""One entry: made, and then withdrawn, served or ended (art. 12)."""

from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from services.issuance.domain.entry_terms import ARTICLE
from shared.events.issuance.entries import (
    EntryEnded,
    EntryMade,
    EntryMovedToReserve,
    EntryServed,
    EntryWay,
    EntryWithdrawn,
)
from shared.events.issuance.vouchers import WhyNot
from shared.kernel.decider import Decider, message
from shared.kernel.refusal import Reason, refuse


@message
class MakeEntry:
    """Ask for `amount` fen of a period, or for less where `or_less` says so, in a way that is open."""

    entry_id: str
    period_id: str
    claimant_id: str
    way: EntryWay
    amount: int
    or_less: bool
    place: int
    at: datetime


@message
class WithdrawEntry:
    """Ask no more; `is_being_decided` tells that it is too late for that."""

    is_being_decided: bool
    at: datetime


@message
class MoveToReserve:
    """Wait on the reserve list, at this place: the draw had no money left."""

    place: int
    at: datetime


@message
class ServeEntry:
    """Let the entry have brought a voucher of `amount` fen."""

    voucher_id: str
    amount: int
    at: datetime


@message
class EndEntry:
    """Let nothing come of the entry, for these reasons."""

    reasons: tuple[Reason, ...]
    at: datetime


class Stage(StrEnum):
    """How far an entry has come."""

    WAITING = "waiting"
    SERVED = "served"
    WITHDRAWN = "withdrawn"
    ENDED = "ended"


@message
class Unmade:
    """There is no such entry."""


@message
class Entry:
    """An entry as it stands; `granted` is what its voucher is worth. Money in fen."""

    entry_id: str
    period_id: str
    claimant_id: str
    way: EntryWay
    amount: int
    or_less: bool
    place: int
    made_at: datetime
    stage: Stage = Stage.WAITING
    voucher_id: str | None = None
    granted: int = 0
    reasons: tuple[WhyNot, ...] = ()


type Command = MakeEntry | WithdrawEntry | MoveToReserve | ServeEntry | EndEntry
type Event = EntryMade | EntryWithdrawn | EntryMovedToReserve | EntryServed | EntryEnded
type State = Unmade | Entry


def decide(command: Command, state: State) -> list[Event]:
    """Say what happens to an entry, or refuse."""
    match command, state:
        case MakeEntry(), Unmade():
            return [_made(command)]
        case WithdrawEntry(is_being_decided=True, at=at), Entry(stage=Stage.WAITING):
            raise refuse("entries-being-decided", article=ARTICLE, value=at, kind="state")
        case WithdrawEntry(at=at), Entry(stage=Stage.WAITING) as entry:
            withdrawn = EntryWithdrawn(
                entry_id=entry.entry_id, period_id=entry.period_id, claimant_id=entry.claimant_id, at=at
            )
            return [withdrawn]
        case MoveToReserve(place=place, at=at), Entry(stage=Stage.WAITING) as entry:
            moved = EntryMovedToReserve(
                entry_id=entry.entry_id, period_id=entry.period_id, claimant_id=entry.claimant_id, place=place, at=at
            )
            return [moved]
        case ServeEntry(), Entry(stage=Stage.WAITING) as entry:
            return [_served(command, entry)]
        case EndEntry(), Entry(stage=Stage.WAITING) as entry:
            return [_ended(command, entry)]
        case ((MakeEntry() | WithdrawEntry() | MoveToReserve() | ServeEntry() | EndEntry()), _):
            raise refuse("entry-not-in-this-state", article=ARTICLE, value=_name_of(state), kind="state")
    assert_never(command)


def evolve(state: State, event: Event) -> State:
    """Fold one fact into the entry."""
    if isinstance(event, EntryMade):
        return Entry(
            entry_id=event.entry_id,
            period_id=event.period_id,
            claimant_id=event.claimant_id,
            way=event.way,
            amount=event.amount,
            or_less=event.or_less,
            place=event.place,
            made_at=event.at,
        )
    assert isinstance(state, Entry), state  # a stream begins with its making
    match event:
        case EntryWithdrawn():
            return replace(state, stage=Stage.WITHDRAWN)
        case EntryMovedToReserve(place=place):
            return replace(state, way="reserve", place=place)
        case EntryServed(voucher_id=voucher_id, amount=amount):
            return replace(state, stage=Stage.SERVED, voucher_id=voucher_id, granted=amount)
        case EntryEnded(reasons=reasons):
            return replace(state, stage=Stage.ENDED, reasons=reasons)
    assert_never(event)


def _made(command: MakeEntry) -> EntryMade:
    return EntryMade(
        entry_id=command.entry_id,
        period_id=command.period_id,
        claimant_id=command.claimant_id,
        way=command.way,
        amount=command.amount,
        or_less=command.or_less,
        place=command.place,
        at=command.at,
    )


def _served(command: ServeEntry, entry: Entry) -> EntryServed:
    return EntryServed(
        entry_id=entry.entry_id,
        period_id=entry.period_id,
        claimant_id=entry.claimant_id,
        voucher_id=command.voucher_id,
        amount=command.amount,
        at=command.at,
    )


def _ended(command: EndEntry, entry: Entry) -> EntryEnded:
    return EntryEnded(
        entry_id=entry.entry_id,
        period_id=entry.period_id,
        claimant_id=entry.claimant_id,
        reasons=tuple(
            WhyNot(code=reason.code, article=reason.article, value="" if reason.value is None else str(reason.value))
            for reason in command.reasons
        ),
        at=command.at,
    )


def _name_of(state: State) -> str:
    return state.stage.value if isinstance(state, Entry) else "unmade"


entry: Decider[Command, Event, State] = Decider(decide, evolve, initial=Unmade())
