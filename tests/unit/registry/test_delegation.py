"""Duties that a provider hands to a service agency between two days (art. 9(1), 13)."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from services.registry.domain.delegation import (
    AcceptDelegation,
    DeclineDelegation,
    EndDelegation,
    Event,
    Proposed,
    ProposeDelegation,
    delegation,
)
from shared.events.registry.representation import (
    DelegationAccepted,
    DelegationDeclined,
    DelegationEnded,
    DelegationProposed,
)
from tests.specification import Specification

spec = Specification(delegation)
TODAY, FIRST, LAST = date(2026, 11, 23), date(2026, 12, 1), date(2027, 11, 30)
PROPOSED = DelegationProposed(
    delegation_id="dlg_1", provider_id="prv_1", agency_id="sag_1", duties=("maintenance", "service_operation"),
    valid_from=FIRST, valid_until=LAST, on=TODAY,
)  # fmt: skip
PROPOSE = ProposeDelegation(
    delegation_id="dlg_1", provider_id="prv_1", provider_listed=True, provider_barred=False, agency_id="sag_1",
    agency_listed=True, duties=PROPOSED.duties, valid_from=FIRST, valid_until=LAST, on=TODAY,
)  # fmt: skip
TAKEN_ON = date(2026, 11, 25)
ACCEPT = AcceptDelegation(
    provider_listed=True, provider_barred=False, agency_listed=True, taken=(), on=date(2026, 11, 25)
)
ACCEPTED = DelegationAccepted(delegation_id="dlg_1", provider_id="prv_1", agency_id="sag_1", on=ACCEPT.on)
DECLINED = DelegationDeclined(delegation_id="dlg_1", provider_id="prv_1", agency_id="sag_1", on=ACCEPT.on)
ENDED = DelegationEnded(
    delegation_id="dlg_1", provider_id="prv_1", agency_id="sag_1", ended_by="agency", on=date(2027, 3, 1)
)
END = EndDelegation(ended_by="agency", on=ENDED.on)


def acts_on(day: date, *history: Event) -> bool:
    state = delegation.fold(history)
    assert isinstance(state, Proposed)
    return state.in_force_on(day)


def test_a_provider_offers_and_an_agency_takes_or_declines() -> None:
    spec.given().when(PROPOSE).then(PROPOSED)
    spec.given(PROPOSED).when(ACCEPT).then(ACCEPTED)
    spec.given(PROPOSED).when(DeclineDelegation(on=ACCEPT.on)).then(DECLINED)


def test_the_days_begin_before_they_end_and_are_not_over() -> None:
    spec.given().when(replace(PROPOSE, valid_from=TODAY, valid_until=TODAY)).then(
        replace(PROPOSED, valid_from=TODAY, valid_until=TODAY)
    )
    wrong: tuple[dict[str, Any], ...] = (
        {"valid_until": date(2026, 11, 30)},
        {"valid_from": date(2026, 1, 1), "valid_until": date(2026, 11, 22)},
    )
    for days in wrong:
        spec.given().when(replace(PROPOSE, **days)).then_refused("delegation-days-wrong")


def test_only_a_listed_provider_that_is_not_barred_delegates_and_only_to_a_service_agency() -> None:
    all_three: dict[str, Any] = {"provider_listed": False, "provider_barred": True, "agency_listed": False}
    codes = ("provider-not-listed", "party-barred", "service-agency-unknown")
    spec.given().when(replace(PROPOSE, **all_three)).then_refused(*codes)
    spec.given(PROPOSED).when(replace(ACCEPT, **all_three)).then_refused(*codes)


def test_an_offer_is_taken_on_its_last_day_and_not_after() -> None:
    spec.given(PROPOSED).when(replace(ACCEPT, on=LAST)).then(replace(ACCEPTED, on=LAST))
    spec.given(PROPOSED).when(replace(ACCEPT, on=date(2027, 12, 1))).then_refused("delegation-is-over")


def test_a_duty_that_another_agency_holds_is_not_taken() -> None:
    spec.given(PROPOSED).when(replace(ACCEPT, taken=("maintenance",))).then_refused("duty-delegated-already")


def test_either_side_ends_it_once_and_an_offer_is_taken_back() -> None:
    spec.given(PROPOSED, ACCEPTED).when(END).then(ENDED)
    spec.given(PROPOSED).when(replace(END, ended_by="provider")).then(replace(ENDED, ended_by="provider"))
    spec.given(PROPOSED, ACCEPTED).when(replace(END, on=date(2027, 12, 1))).then_refused("delegation-is-over")


@pytest.mark.parametrize("history", [(), (PROPOSED, ACCEPTED, ENDED), (PROPOSED, DECLINED), (PROPOSED, ENDED)])
def test_what_is_over_or_was_never_offered_is_not_taken_declined_or_ended(history: tuple[Event, ...]) -> None:
    for command in (ACCEPT, DeclineDelegation(on=ACCEPT.on), END):
        spec.given(*history).when(command).then_refused("delegation-not-in-this-stage")


def test_the_agency_acts_from_acceptance_and_the_first_day_to_the_last_or_the_end() -> None:
    assert not acts_on(FIRST, PROPOSED)
    assert [acts_on(day, PROPOSED, ACCEPTED) for day in (date(2026, 11, 30), FIRST, LAST, date(2027, 12, 1))] == [
        False, True, True, False,
    ]  # fmt: skip
    late = replace(ACCEPTED, on=date(2026, 12, 5))
    assert [acts_on(day, PROPOSED, late) for day in (date(2026, 12, 4), date(2026, 12, 5))] == [False, True]
    ended = (PROPOSED, ACCEPTED, ENDED)
    assert [acts_on(day, *ended) for day in (date(2027, 2, 28), ENDED.on)] == [True, False]
