"""Which entries a period takes, which it decides next, and when its money is theirs and not the race's (art. 12)."""

from datetime import datetime
from typing import Literal

from services.issuance.domain.entry_terms import ARTICLE, draw_ends
from services.issuance.domain.period_phases import Period, Phase, phase_at
from shared.events.issuance.entries import EntryWay
from shared.kernel.refusal import Reason

type Work = EntryWay | Literal["end"]
"""Entries of which way are to be decided, or that all are to end."""


def way_open(period: Period, at: datetime, *, is_short: bool, begun: frozenset[EntryWay]) -> EntryWay | Reason:
    """Say in which way an entry is taken at an instant, or why it is not.

    `is_short` tells that a claim for as much would find too little; `begun` are the ways whose entries are being
    decided already.
    """
    terms, opens_at = period.entries, period.opens_at
    if terms is None:
        return Reason(code="period-takes-no-entries", article=ARTICLE, kind="state")
    if terms.window is not None and at < terms.window.opens_at:
        return _not_yet(at, terms.window.opens_at)
    if terms.window is not None and "window" not in period.decided:
        return "window" if at < terms.window.until and "window" not in begun else being_decided(at)
    drawn = draw_ends(terms, opens_at)
    if at < opens_at:
        return _over(at) if drawn is None and not terms.reserve_list else _not_yet(at, opens_at)
    if drawn is not None and "draw" not in period.decided:
        return "draw" if at < drawn and "draw" not in begun else being_decided(at)
    if not terms.reserve_list:
        return _over(at)
    return "reserve" if is_short else Reason(code="quota-not-exhausted", article=ARTICLE, kind="state")


def is_being_decided(period: Period, way: EntryWay, at: datetime, begun: frozenset[EntryWay]) -> bool:
    """Tell whether an entry of a way can no longer be taken back; one on the reserve list always can."""
    terms = period.entries
    if terms is None or way == "reserve":
        return False
    ends = terms.window.until if way == "window" and terms.window else draw_ends(terms, period.opens_at)
    return way in begun or (ends is not None and at >= ends)


def against_claiming(period: Period, at: datetime) -> Reason | None:
    """Object to a claim while the period's money is that of its entries: they are taken, or being decided."""
    terms = period.entries
    if terms is None or at < period.opens_at:
        return None
    if terms.window is not None and "window" not in period.decided:
        return being_decided(at)
    drawn = draw_ends(terms, period.opens_at)
    if drawn is None or "draw" in period.decided:
        return None
    if at < drawn:
        return Reason(code="period-draws", article=ARTICLE, value=at, limit=drawn, kind="state")
    return being_decided(at)


def next_work(period: Period, at: datetime) -> Work | None:
    """Say what is to be done about a period's entries at an instant; while it is paused, nothing is."""
    terms = period.entries
    phase = phase_at(period.phase, period.opens_at, period.closes_at, at)
    if terms is None or phase is Phase.PROPOSED:
        return None
    if phase in {Phase.CLOSED, Phase.WITHDRAWN}:
        return "end"
    if period.pause is not None:
        return None
    if terms.window is not None and "window" not in period.decided:
        return "window" if at >= terms.window.until else None
    drawn = draw_ends(terms, period.opens_at)
    if drawn is not None and "draw" not in period.decided:
        return "draw" if at >= drawn else None
    return "reserve" if at >= period.opens_at else None


def oversubscribed(asked: int, quota: int) -> Reason:
    """Say that more was asked for before the opening than there is: the race decides."""
    return Reason(code="entry-window-oversubscribed", article=ARTICLE, value=asked, limit=quota, kind="state")


def why_over(period: Period, at: datetime) -> Reason:
    """Say why nothing comes of the entries of a period that is over."""
    if period.phase is Phase.WITHDRAWN:
        return Reason(code="period-withdrawn", article=ARTICLE, value=period.withdrawn_because, kind="state")
    return Reason(code="period-closed", article=ARTICLE, value=at, limit=period.closes_at, kind="state")


def being_decided(at: datetime) -> Reason:
    """Say that the entries are being decided, which passes within moments."""
    return Reason(code="entries-being-decided", article=ARTICLE, value=at, kind="state")


def _not_yet(at: datetime, opens_at: datetime) -> Reason:
    return Reason(code="entries-not-taken-yet", article=ARTICLE, value=at, limit=opens_at, kind="state")


def _over(at: datetime) -> Reason:
    return Reason(code="entries-taken-no-more", article=ARTICLE, value=at, kind="state")
