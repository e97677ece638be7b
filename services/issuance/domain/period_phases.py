"""A period as it stands: how far it has come, by what was written down and by the server's clock (art. 12, 15(1))."""

from datetime import datetime
from enum import StrEnum

from shared.events.issuance.entries import EntryWay
from shared.events.issuance.periods import AgreedPlan
from shared.kernel.decider import message


class Phase(StrEnum):
    """How far a period has come."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    OPEN = "open"
    EXHAUSTED = "exhausted"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


@message
class Unplanned:
    """There is no such period."""


@message
class Pause:
    """Why no claims are taken for the time being, and since when."""

    reason: str
    since: datetime


@message
class PastPause:
    """A pause that is over: why it was, from when until when, and why claims were taken again."""

    reason: str
    since: datetime
    until: datetime
    resumed_because: str


@message
class Period(AgreedPlan):
    """A period as it stands: its plan as it reads now, and what has become of it; instants in UTC.

    `authors` had a hand in the plan; none of them may approve it. Whatever was `announced` once stays public.
    """

    proposed_by: str
    approved_by: str | None
    phase: Phase
    opened: bool = False
    """Whether its opening is written down."""
    authors: tuple[str, ...] = ()
    announced: bool = False
    pause: Pause | None = None
    past_pauses: tuple[PastPause, ...] = ()
    withdrawn_because: str | None = None
    decided: frozenset[EntryWay] = frozenset()
    """The ways whose entries are all decided."""


type State = Unplanned | Period


def phase_at(phase: Phase, opens_at: datetime, closes_at: datetime, at: datetime) -> Phase:
    """Say what the server's clock makes of a phase that may not be written down yet (art. 15(1)).

    A period is open from its first instant and closed from its last, whenever the due list comes to say so.
    """
    if phase in {Phase.APPROVED, Phase.OPEN, Phase.EXHAUSTED} and at >= closes_at:
        return Phase.CLOSED
    return Phase.OPEN if phase is Phase.APPROVED and at >= opens_at else phase
