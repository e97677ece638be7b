"""A period's waiting room: places in the order of arrival, and from which instant each lets in (art. 12, 15(1)).

Who comes before the opening is not let in all at once: the first place claims when the race begins, each later one a
little later, so that everybody is served in turn and nobody has to hurry.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from shared.events.issuance.periods import WaitingRoom
from shared.kernel.decider import message
from shared.kernel.refusal import Reason

PER_SECOND_MAX = 10_000
"""More than any writer of claims takes: whoever wants no slowing-down has no waiting room."""
ADMITS_FOR = timedelta(minutes=15)
"""How long a place may be used once it lets in; then its company may take another, at the end of the line."""
EXPIRED = "entry-token-expired"
"""Alone of what is objected this may be said to a claim that was granted in its time: its answer is looked up first."""
_SECOND = timedelta(seconds=1)
_ARTICLE = "15(1)"


class Unfit(StrEnum):
    """What is wrong with what a claim shows at the door; the values are codes of refusals."""

    MISSING = "entry-token-missing"
    INVALID = "entry-token-invalid"


@message
class Admission:
    """What a good entry token says of the claim that shows it: let in from an instant until just before another."""

    admits_from: datetime
    expires_at: datetime


type Shown = Admission | Unfit
"""What a claim shows at the door of the waiting room."""


@message
class Line:
    """How far the places of a room reach: how many were given, and when the next one would let in at the earliest."""

    places: int
    next_slot: datetime
    spacing: timedelta


def line_of(room: WaitingRoom, begins: datetime) -> Line:
    """Begin the line of a room: nobody in it, the first place for the instant at which claims begin to be taken."""
    return Line(places=0, next_slot=begins, spacing=spacing_of(room))


def spacing_of(room: WaitingRoom) -> timedelta:
    """Say how long after a place the next one lets in, in whole microseconds: never more than `per_second` in one."""
    return -(-_SECOND // room.per_second)


def admits_from(line: Line, at: datetime) -> datetime:
    """Say when the next place lets in: in its turn, or at once where nobody waits any more."""
    return max(line.next_slot, at)


def after_one_more(line: Line, at: datetime) -> Line:
    """Say how far the line reaches once a place is given at an instant."""
    return Line(places=line.places + 1, next_slot=admits_from(line, at) + line.spacing, spacing=line.spacing)


def waiting_in(line: Line, at: datetime) -> int:
    """Count the places that do not let in yet: from the last one backwards, one every `spacing`."""
    return min(line.places, _steps(line.next_slot - line.spacing - at, line.spacing))


def ahead_of(place: int, opens: datetime, spacing: timedelta, at: datetime) -> int:
    """Count the places before one that do not let in yet; `opens` is when that one does."""
    return min(place - 1, max(0, _steps(opens - at, spacing) - 1))


def expiry_of(opens: datetime, closes_at: datetime) -> datetime:
    """Say until when a place may be used that lets in from an instant: a quarter of an hour, never beyond the close."""
    return min(opens + ADMITS_FOR, closes_at)


def against_admission(room: WaitingRoom | None, shown: Shown, at: datetime) -> Reason | None:
    """Object to a claim that does not come in its turn, where the period has a waiting room."""
    if room is None:
        return None
    match shown:
        case Unfit():
            return Reason(code=shown.value, article=_ARTICLE)
        case Admission(admits_from=opens) if at < opens:
            return Reason(code="entry-token-early", article=_ARTICLE, value=at, limit=opens, kind="state")
        case Admission(expires_at=ends) if at >= ends:
            return Reason(code=EXPIRED, article=_ARTICLE, value=at, limit=ends, kind="state")
    return None


NOT_LET_IN = frozenset({*(unfit.value for unfit in Unfit), "entry-token-early", EXPIRED})
"""What `against_admission` objects; all of it passes with another token or with time."""


def faults_of_room(room: WaitingRoom | None, opens_at: datetime) -> tuple[Reason | None, ...]:
    """List what stands against a plan's waiting room, None for what does not."""
    if room is None:
        return ()
    return (
        Reason(code="waiting-room-opens-too-late", article=_ARTICLE, value=room.opens_at, limit=opens_at)
        if room.opens_at >= opens_at
        else None,
        Reason(code="waiting-room-pace-out-of-range", article=_ARTICLE, value=room.per_second, limit=PER_SECOND_MAX)
        if not 0 < room.per_second <= PER_SECOND_MAX
        else None,
    )


def _steps(left: timedelta, spacing: timedelta) -> int:
    """Count the steps of a line that lie ahead, a begun one too; none where nothing is left."""
    return max(0, -(-left // spacing))
