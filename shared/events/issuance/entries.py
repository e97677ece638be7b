"""Entries that wait for money: made, drawn, served and ended."""

from datetime import date, datetime
from typing import Literal

from shared.events.definition import event
from shared.events.issuance.vouchers import WhyNot

type EntryWay = Literal["window", "draw", "reserve"]
"""Served together before the opening, drawn by lot in its first minutes, or in line for money that returns."""


type WaysOutcome = Literal["served", "race", "drawn"]


@event("issuance.entry-made", key="claimant_id")
class EntryMade:
    """A claimant asks for `amount` fen of a period, in the way that is open at that instant (art. 12).

    `place` counts the period's entries from 1 in the order in which they came. With `or_less` the claimant takes what
    there is when it is less.
    """

    entry_id: str
    period_id: str
    claimant_id: str
    way: EntryWay
    amount: int
    or_less: bool
    place: int
    at: datetime


@event("issuance.entry-withdrawn", key="claimant_id")
class EntryWithdrawn:
    """The claimant no longer asks."""

    entry_id: str
    period_id: str
    claimant_id: str
    at: datetime


@event("issuance.entry-moved-to-reserve", key="claimant_id")
class EntryMovedToReserve:
    """The draw had no money left for the entry, which now has this place on the reserve list."""

    entry_id: str
    period_id: str
    claimant_id: str
    place: int
    at: datetime


@event("issuance.entry-served", key="claimant_id")
class EntryServed:
    """The entry has brought its claimant a voucher of `amount` fen."""

    entry_id: str
    period_id: str
    claimant_id: str
    voucher_id: str
    amount: int
    at: datetime


@event("issuance.entry-ended", key="claimant_id")
class EntryEnded:
    """Nothing comes of the entry any more, and why."""

    entry_id: str
    period_id: str
    claimant_id: str
    reasons: tuple[WhyNot, ...]
    at: datetime


@event("issuance.draw-committed", key="period_id")
class DrawCommitted:
    """The seed of the draw to come lies fast: its SHA-256 is told before anybody can enter (art. 12)."""

    period_id: str
    commitment: str
    on: date


@event("issuance.entries-decided", key="period_id")
class EntriesDecided:
    """All entries of a way are decided: `served` in order, left to the `race`, or `drawn` by the seed told here.

    `asked` is the sum of what was asked for, in fen. The draw is the order of SHA-256("seed:entry id"), the smallest
    first; the seed's own SHA-256 is the commitment.
    """

    period_id: str
    way: EntryWay
    outcome: WaysOutcome
    entries: int
    asked: int
    seed: str
    at: datetime
