"""Who serves at a provider's facilities, from which day to which (art. 6(3), 13)."""

from dataclasses import replace
from datetime import date

from services.registry.domain.service_person import ChangePerson, EnterPerson, LetGo, Serving, service_person
from shared.events.registry.service_people import ServicePersonChanged, ServicePersonEntered, ServicePersonLeft
from tests.specification import Specification
from tests.unit.registry.facts import PRV, TODAY

spec = Specification(service_person)
FROM, UNTIL = date(2026, 12, 1), date(2027, 6, 30)
ENTERED = ServicePersonEntered(
    person_id="psn_1", provider_id=PRV, facility_ids=("fac_1",), active_from=FROM, profile_digest="55", on=TODAY
)
ENTER = EnterPerson(
    person_id="psn_1", provider_id=PRV, provider_barred=False, facility_ids=("fac_1",), unfit=(), active_from=FROM,
    profile_digest="55", on=TODAY,
)  # fmt: skip
CHANGE = ChangePerson(facility_ids=("fac_2",), unfit=(), profile_digest="56", on=TODAY)
CHANGED = ServicePersonChanged(
    person_id="psn_1", provider_id=PRV, facility_ids=("fac_2",), profile_digest="56", on=TODAY
)
GO = LetGo(active_until=UNTIL, on=TODAY)
LEFT = ServicePersonLeft(person_id="psn_1", provider_id=PRV, active_until=UNTIL, on=TODAY)


def test_somebody_is_entered_changed_and_gone() -> None:
    spec.given().when(ENTER).then(ENTERED)
    spec.given(ENTERED).when(CHANGE).then(CHANGED)
    spec.given(ENTERED).when(GO).then(LEFT)
    spec.given(ENTERED, LEFT).when(replace(GO, active_until=FROM)).then(replace(LEFT, active_until=FROM))


def test_only_open_facilities_of_the_own_are_served_and_nobody_new_comes_under_a_ban() -> None:
    both = replace(ENTER, unfit=("fac_9",), provider_barred=True)
    spec.given().when(both).then_refused("party-barred", "facility-not-open")
    spec.given(ENTERED).when(replace(CHANGE, unfit=("fac_9",))).then_refused("facility-not-open")


def test_nobody_leaves_before_the_first_day_or_after_having_left() -> None:
    spec.given(ENTERED).when(replace(GO, active_until=date(2026, 11, 30))).then_refused("departure-before-arrival")
    for command in (GO, CHANGE):
        late = replace(command, on=date(2027, 7, 1))
        spec.given(ENTERED, LEFT).when(late).then_refused("service-person-not-in-this-state")
        spec.given(ENTERED, LEFT).when(replace(command, on=UNTIL)).then(
            replace(LEFT if command is GO else CHANGED, on=UNTIL)
        )
        spec.given().when(command).then_refused("service-person-not-in-this-state")


def test_both_days_count() -> None:
    state = service_person.fold([ENTERED, LEFT])
    assert isinstance(state, Serving)
    days = (date(2026, 11, 30), FROM, UNTIL, date(2027, 7, 1))
    assert [state.serves_on(day) for day in days] == [False, True, True, False]
