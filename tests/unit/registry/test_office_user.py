"""Office users: two others appoint, and some duties are never in one hand."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import combinations

import pytest

from services.registry.domain.office_user import AppointUser, EndUser, ProposeUser, conflicts, office_user
from shared.events.registry.office import Duty, OfficeUserAppointed, OfficeUserEnded, OfficeUserProposed
from tests.specification import Specification

spec = Specification(office_user)
TODAY, A_DAY = date(2026, 11, 23), timedelta(days=1)
PROPOSE = ProposeUser(
    office_user_id="ofu_1", principal="wang", office="voucher_office", duties=("supervision", "registry"),
    valid_from=TODAY, valid_until=None, proposed_by="li", on=TODAY,
)  # fmt: skip
PROPOSED = OfficeUserProposed(
    office_user_id="ofu_1", principal="wang", office="voucher_office", duties=("registry", "supervision"),
    valid_from=TODAY, valid_until=None, proposed_by="li", on=TODAY,
)  # fmt: skip
APPOINT = AppointUser(approved_by="zhao", on=TODAY)
APPOINTED = OfficeUserAppointed(
    office_user_id="ofu_1", principal="wang", office="voucher_office", duties=("registry", "supervision"),
    valid_from=TODAY, valid_until=None, proposed_by="li", approved_by="zhao", on=TODAY,
)  # fmt: skip
ENDED = OfficeUserEnded(office_user_id="ofu_1", principal="wang", ended_by="li", on=TODAY)


def test_two_others_appoint_somebody() -> None:
    spec.given().when(PROPOSE).then(PROPOSED)
    spec.given(PROPOSED).when(APPOINT).then(APPOINTED)


def test_nobody_decides_on_the_own_appointment_nor_twice() -> None:
    spec.given().when(replace(PROPOSE, proposed_by="wang")).then_refused("not-ones-own-appointment")
    spec.given(PROPOSED).when(replace(APPOINT, approved_by="wang")).then_refused("not-ones-own-appointment")
    spec.given(PROPOSED).when(replace(APPOINT, approved_by="li")).then_refused("four-eyes")


@pytest.mark.parametrize(
    ("duties", "excluded"),
    [
        (("approval", "planning"), ("approval + planning",)),
        (("finance", "review"), ("finance + review",)),
        (("appraisal", "finance", "approval"), ("appraisal + approval", "appraisal + finance", "approval + finance")),
        (("registry", "planning", "review", "supervision", "appraisal"), ()),
        (("finance", "registry"), ()),
    ],
)
def test_who_approves_proposes_nothing_and_who_pays_has_not_decided(
    duties: tuple[Duty, ...], excluded: tuple[str, ...]
) -> None:
    assert conflicts(duties) == excluded
    command = replace(PROPOSE, duties=duties)
    if excluded:
        spec.given().when(command).then_refused("duties-exclude-each-other")
    else:
        spec.given().when(command).then(replace(PROPOSED, duties=tuple(sorted(duties))))


def test_approval_goes_with_no_other_duty() -> None:
    every: tuple[Duty, ...] = ("registry", "planning", "approval", "review", "finance", "supervision", "appraisal")
    pairs = [pair for pair in combinations(every, 2) if conflicts(pair)]
    assert len([pair for pair in pairs if "approval" in pair]) == len(every) - 1
    assert len([pair for pair in pairs if "finance" in pair]) == 4


def test_days_begin_today_at_the_earliest_and_end_after_they_begin() -> None:
    spec.given().when(replace(PROPOSE, valid_from=TODAY - A_DAY)).then_refused("appointment-begins-in-the-past")
    short = replace(PROPOSE, valid_from=TODAY + A_DAY, valid_until=TODAY)
    spec.given().when(short).then_refused("appointment-ends-too-early")
    spec.given().when(replace(PROPOSE, valid_until=TODAY)).then(replace(PROPOSED, valid_until=TODAY))


def test_a_proposal_and_an_appointment_are_ended_once() -> None:
    end = EndUser(ended_by="li", on=TODAY)
    for history in ((PROPOSED,), (PROPOSED, APPOINTED)):
        spec.given(*history).when(end).then(ENDED)
        spec.given(*history, ENDED).when(end).then_refused("office-user-not-in-this-stage")
        spec.given(*history, ENDED).when(APPOINT).then_refused("office-user-not-in-this-stage")
    spec.given(PROPOSED, APPOINTED).when(APPOINT).then_refused("office-user-not-in-this-stage")
