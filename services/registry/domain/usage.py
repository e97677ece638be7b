"""Machine time of an open facility in a period, recorded once and corrected by new facts (art. 11)."""

from dataclasses import replace
from datetime import date
from typing import assert_never

from shared.events.registry.usage import UsageCorrected, UsageRecorded
from shared.kernel.decider import Decider, message
from shared.kernel.refusal import Reason, refuse, refuse_unless

_ARTICLE = "11"
_MINUTES_OF_A_DAY = 24 * 60


@message
class RecordUsage:
    """`overlapped` is a record of the same facility and source that shares a day with this one, if there is any."""

    usage_id: str
    facility_id: str
    withdrawn_on: date | None
    provider_id: str
    source: str
    first_day: date
    last_day: date
    minutes: int
    external_minutes: int
    overlapped: str | None
    on: date


@message
class CorrectUsage:
    """The period stays; the figures are these."""

    minutes: int
    external_minutes: int
    on: date


@message
class Unrecorded: ...


@message
class Recorded:
    usage_id: str
    facility_id: str
    provider_id: str
    source: str
    first_day: date
    last_day: date
    minutes: int
    external_minutes: int
    on: date
    corrected_on: date | None = None


type Command = RecordUsage | CorrectUsage
type Event = UsageRecorded | UsageCorrected
type State = Unrecorded | Recorded


def decide(command: Command, state: State) -> list[Event]:
    """Say what happens, or refuse and say which article refuses."""
    match command, state:
        case RecordUsage(), Unrecorded():
            refuse_unless(*_period(command), *_figures(command, command.first_day, command.last_day))
            return [
                UsageRecorded(
                    usage_id=command.usage_id,
                    facility_id=command.facility_id,
                    provider_id=command.provider_id,
                    source=command.source,
                    first_day=command.first_day,
                    last_day=command.last_day,
                    minutes=command.minutes,
                    external_minutes=command.external_minutes,
                    on=command.on,
                )
            ]
        case CorrectUsage(), Recorded():
            refuse_unless(*_figures(command, state.first_day, state.last_day))
            if (command.minutes, command.external_minutes) == (state.minutes, state.external_minutes):
                return []
            return [
                UsageCorrected(
                    usage_id=state.usage_id,
                    facility_id=state.facility_id,
                    provider_id=state.provider_id,
                    first_day=state.first_day,
                    last_day=state.last_day,
                    minutes_before=state.minutes,
                    external_minutes_before=state.external_minutes,
                    minutes=command.minutes,
                    external_minutes=command.external_minutes,
                    on=command.on,
                )
            ]
        case ((RecordUsage() | CorrectUsage()), _):
            raise refuse("usage-not-in-this-state", article=_ARTICLE, kind="state")
    assert_never(command)


def evolve(state: State, event: Event) -> State:
    """Fold one fact into the state; facts have happened, so nothing is refused here."""
    match event:
        case UsageRecorded():
            return Recorded(
                usage_id=event.usage_id,
                facility_id=event.facility_id,
                provider_id=event.provider_id,
                source=event.source,
                first_day=event.first_day,
                last_day=event.last_day,
                minutes=event.minutes,
                external_minutes=event.external_minutes,
                on=event.on,
            )
        case UsageCorrected():
            assert isinstance(state, Recorded), state
            return replace(state, minutes=event.minutes, external_minutes=event.external_minutes, corrected_on=event.on)
    assert_never(event)


usage: Decider[Command, Event, State] = Decider(decide, evolve, initial=Unrecorded())


def minutes_between(first_day: date, last_day: date) -> int:
    """Count the minutes of the days from the first to the last, both inclusive; none when they are the wrong way."""
    return max((last_day - first_day).days + 1, 0) * _MINUTES_OF_A_DAY


def _period(command: RecordUsage) -> tuple[Reason | None, ...]:
    """Look at the days: in order, over, in one year, while the facility was open, and told once."""
    first, last = command.first_day, command.last_day
    bounds = [command.on] if command.withdrawn_on is None else [command.on, command.withdrawn_on]
    return (
        Reason(code="usage-period-wrong", article=_ARTICLE, value=last, limit=first) if last < first else None,
        Reason(code="usage-not-over", article=_ARTICLE, value=last, limit=min(bounds)) if last > min(bounds) else None,
        Reason(code="usage-spans-years", article=_ARTICLE, value=last, limit=first)
        if first.year != last.year
        else None,
        Reason(code="usage-overlaps", article=_ARTICLE, value=command.overlapped, kind="state")
        if command.overlapped
        else None,
    )


def _figures(command: RecordUsage | CorrectUsage, first_day: date, last_day: date) -> tuple[Reason | None, ...]:
    """Look at the figures: none negative, those for others within the whole, the whole within the days."""
    minutes, external = command.minutes, command.external_minutes
    least, most = min(minutes, external), minutes_between(first_day, last_day)
    return (
        Reason(code="usage-negative", article=_ARTICLE, value=least, limit=0) if least < 0 else None,
        Reason(code="usage-external-over-total", article=_ARTICLE, value=external, limit=minutes)
        if external > minutes
        else None,
        Reason(code="usage-over-period", article=_ARTICLE, value=minutes, limit=most)
        if first_day <= last_day and minutes > most
        else None,
    )
