"""How a plan lets claimants enter for a period's money, and what stands against such a plan (art. 12)."""

from datetime import datetime, timedelta

from shared.events.issuance.periods import EntryTerms
from shared.kernel.refusal import Reason

ARTICLE = "12"


def draw_ends(terms: EntryTerms | None, opens_at: datetime) -> datetime | None:
    """Say when the minutes end in which entries for the draw are taken; None when nothing is drawn."""
    if terms is None or not terms.draw_minutes:
        return None
    return opens_at + timedelta(minutes=terms.draw_minutes)


def race_begins(terms: EntryTerms | None, opens_at: datetime) -> datetime:
    """Say from when on claims are taken in the order of arrival: from the opening, or once lots have been drawn."""
    return draw_ends(terms, opens_at) or opens_at


def faults_of_entries(
    terms: EntryTerms | None, opens_at: datetime, closes_at: datetime, at: datetime
) -> tuple[Reason | None, ...]:
    """List what stands against a plan's entries at an instant; None for what does not."""
    if terms is None:
        return ()
    drawn, window = draw_ends(terms, opens_at), terms.window
    return (
        Reason(code="draw-too-long", article=ARTICLE, value=drawn, limit=closes_at)
        if terms.draw_minutes < 0 or (drawn is not None and drawn >= closes_at)
        else None,
        Reason(code="entry-window-out-of-order", article=ARTICLE, value=window.until, limit=window.opens_at)
        if window is not None and window.until <= window.opens_at
        else None,
        Reason(code="entry-window-ends-too-late", article=ARTICLE, value=window.until, limit=opens_at)
        if window is not None and window.until > opens_at
        else None,
        window_over(terms, at),
    )


def window_over(terms: EntryTerms | None, at: datetime) -> Reason | None:
    """Object to a window that nobody can enter in any more."""
    window = terms.window if terms is not None else None
    if window is None or window.until > at:
        return None
    return Reason(code="entry-window-over", article=ARTICLE, value=window.until, limit=at)
