"""Somebody who serves at a provider's facilities: entered, changed, gone (art. 6(3), 13)."""

from dataclasses import replace
from datetime import date
from typing import assert_never

from shared.events.registry.service_people import ServicePersonChanged, ServicePersonEntered, ServicePersonLeft
from shared.kernel.decider import Decider, message
from shared.kernel.refusal import Reason, refuse, refuse_unless

_ARTICLE = "6(3)"


@message
class EnterPerson:
    """`unfit` are facilities named that are not the provider's own or not open; the digest is of name and papers."""

    person_id: str
    provider_id: str
    provider_barred: bool
    facility_ids: tuple[str, ...]
    unfit: tuple[str, ...]
    active_from: date
    profile_digest: str
    on: date


@message
class ChangePerson:
    facility_ids: tuple[str, ...]
    unfit: tuple[str, ...]
    profile_digest: str
    on: date


@message
class LetGo:
    """Say up to which day, inclusive, somebody serves; a later word replaces an earlier one until it has come true."""

    active_until: date
    on: date


@message
class Unentered: ...


@message
class Serving:
    person_id: str
    provider_id: str
    facility_ids: tuple[str, ...]
    active_from: date
    active_until: date | None = None

    def serves_on(self, day: date) -> bool:
        """Tell whether somebody serves on a day."""
        return self.active_from <= day and (self.active_until is None or day <= self.active_until)


type Command = EnterPerson | ChangePerson | LetGo
type Event = ServicePersonEntered | ServicePersonChanged | ServicePersonLeft
type State = Unentered | Serving


def decide(command: Command, state: State) -> list[Event]:
    """Say what happens, or refuse and say which article refuses."""
    match command, state:
        case EnterPerson(), Unentered():
            barred = Reason(code="party-barred", article="17", kind="state") if command.provider_barred else None
            refuse_unless(barred, _unfit(command.unfit))
            return [
                ServicePersonEntered(
                    person_id=command.person_id,
                    provider_id=command.provider_id,
                    facility_ids=command.facility_ids,
                    active_from=command.active_from,
                    profile_digest=command.profile_digest,
                    on=command.on,
                )
            ]
        case ChangePerson(on=on), Serving() if not _gone(state, on):
            refuse_unless(_unfit(command.unfit))
            return [
                ServicePersonChanged(
                    person_id=state.person_id,
                    provider_id=state.provider_id,
                    facility_ids=command.facility_ids,
                    profile_digest=command.profile_digest,
                    on=on,
                )
            ]
        case LetGo(active_until=until, on=on), Serving() if not _gone(state, on):
            if until < state.active_from:
                raise refuse("departure-before-arrival", article=_ARTICLE, value=until, limit=state.active_from)
            return [
                ServicePersonLeft(person_id=state.person_id, provider_id=state.provider_id, active_until=until, on=on)
            ]
        case ((EnterPerson() | ChangePerson() | LetGo()), _):
            value = "unentered" if isinstance(state, Unentered) else "left"
            raise refuse("service-person-not-in-this-state", article=_ARTICLE, value=value, kind="state")
    assert_never(command)


def evolve(state: State, event: Event) -> State:
    """Fold one fact into the state; facts have happened, so nothing is refused here."""
    match event:
        case ServicePersonEntered():
            return Serving(
                person_id=event.person_id,
                provider_id=event.provider_id,
                facility_ids=event.facility_ids,
                active_from=event.active_from,
            )
        case ServicePersonChanged(facility_ids=facility_ids):
            assert isinstance(state, Serving), state
            return replace(state, facility_ids=facility_ids)
        case ServicePersonLeft(active_until=active_until):
            assert isinstance(state, Serving), state
            return replace(state, active_until=active_until)
    assert_never(event)


service_person: Decider[Command, Event, State] = Decider(decide, evolve, initial=Unentered())


def _gone(state: Serving, on: date) -> bool:
    return state.active_until is not None and state.active_until < on


def _unfit(facility_ids: tuple[str, ...]) -> Reason | None:
    if not facility_ids:
        return None
    return Reason(code="facility-not-open", article=_ARTICLE, value=facility_ids, kind="state")
