"""A service without its broker: a clock that stands where a test puts it, and facts of others as they would arrive."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from shared.events.codec import key_of, stored_type
from shared.events.definition import TYPE_OF, Recorded
from shared.kernel.calendar import BEIJING

NINE_IN_MARCH = datetime(2026, 3, 2, 1, tzinfo=UTC)
"""A Monday, nine o'clock in Beijing."""


@dataclass(slots=True)
class StandingClock:
    """A clock that moves only when it is told."""

    instant: datetime = NINE_IN_MARCH

    def now(self) -> datetime:
        """Give the instant it stands at."""
        return self.instant

    def set_to(self, day: date, at: time = time(9)) -> None:
        """Put it to an hour of a day in Beijing."""
        self.instant = datetime.combine(day, at, tzinfo=BEIJING).astimezone(UTC)


def recorded(position: int, fact: Any, at: datetime = NINE_IN_MARCH) -> Recorded[Any]:
    """Put a fact into its context's log."""
    return Recorded(
        context=TYPE_OF[type(fact)].context,
        position=position,
        stream="elsewhere-1",
        version=position,
        type=stored_type(fact),
        data=fact,
        key=key_of(fact),
        metadata={},
        recorded_at=at,
        hash="",
    )
