"""Laboratories: what they are recognised as, by which way they come, and when they are in the catalogue (faq 5, 7)."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registry.domain.affiliation import EndAffiliation
from services.registry.domain.laboratory import (
    Event,
    LapseRecognition,
    RecordAccreditations,
    ReportLaboratory,
    TakeIn,
    laboratory,
    laboratory_findings,
    recognised_until,
)
from shared.events.registry.laboratories import (
    Accreditation,
    FieldCentreJoined,
    FieldCentreLeft,
    LaboratoryAccredited,
    LaboratoryLeft,
    LaboratoryRoute,
)
from tests.specification import Specification
from tests.unit.registry.facts import TERMS, TODAY
from tests.unit.registry.institutions import (
    ENTERED,
    FCT,
    KEY_LABORATORY,
    LAB,
    LAST_DAY,
    REPORTED,
    SAG,
    TAKEN_IN,
    ended,
    granted,
    refused,
    request,
    requested,
    review,
)

spec = Specification(laboratory)
A_DAY = timedelta(days=1)
ASKED, IN = requested(LAB, "laboratory"), granted(LAB, "laboratory")
JOINED: tuple[Event, ...] = (ASKED, REPORTED, IN, ENTERED)
BY_CENTRE = replace(REPORTED, route="field_centre", through=FCT)
MEMBER: tuple[Event, ...] = (
    ASKED,
    BY_CENTRE,
    TAKEN_IN,
    IN,
    FieldCentreJoined(laboratory_id=LAB, field_centre_id=FCT, on=TODAY),
    replace(ENTERED, route="field_centre", through=FCT),
)
RECORD = RecordAccreditations(
    accreditations=(KEY_LABORATORY,),
    accepted_kinds=TERMS.standing.laboratory_accreditations,
    barred=False,
    recorded_by="officer-1",
    on=TODAY,
)
LEAVE = EndAffiliation(cause="withdrawn", reason_digest="44", ended_by="user-1", on=TODAY)
ANSWER = TakeIn(accepted=True, remark_digest="88", answered_by="centre-1", on=TODAY)


def accredited(first: date, last: date | None) -> Accreditation:
    return replace(KEY_LABORATORY, valid_from=first, valid_until=last)


def left(cause: str, on: date) -> LaboratoryLeft:
    return LaboratoryLeft(laboratory_id=LAB, entered_on=TODAY, cause=cause, on=on)  # type: ignore[arg-type]


def failed(
    *accreditations: Accreditation, on_platform: bool = True, route: LaboratoryRoute = "service_agency"
) -> list[str]:
    found = laboratory_findings(accreditations, on_platform=on_platform, route=route, terms=TERMS.standing, today=TODAY)
    return [finding.code for finding in found if finding.outcome == "fail"]


@pytest.mark.parametrize("kind", TERMS.standing.laboratory_accreditations)
def test_each_accreditation_of_the_source_is_enough(kind: str) -> None:
    assert failed(replace(KEY_LABORATORY, kind=kind)) == []  # type: ignore[arg-type]


def test_an_accreditation_holds_on_its_first_and_last_day_and_not_beside_them() -> None:
    assert failed(accredited(TODAY, TODAY)) == []
    assert failed(accredited(TODAY + A_DAY, None)) == ["laboratory-not-accredited"]
    assert failed(accredited(TODAY - 2 * A_DAY, TODAY - A_DAY)) == ["laboratory-not-accredited"]
    assert failed() == ["laboratory-not-accredited"]


def test_an_accreditation_does_not_end_before_it_begins() -> None:
    wrong = accredited(TODAY, TODAY - A_DAY)
    assert failed(KEY_LABORATORY, wrong) == ["accreditation-dates-reversed"]
    spec.given(*JOINED).when(replace(RECORD, accreditations=(wrong,))).then_refused("accreditation-dates-reversed")


def test_the_platform_s_organisations_come_by_their_agency_and_others_by_a_field_centre() -> None:
    assert failed(KEY_LABORATORY, on_platform=True, route="field_centre") == ["organisation-is-on-platform"]
    assert failed(KEY_LABORATORY, on_platform=False, route="service_agency") == ["organisation-not-on-platform"]
    assert failed(KEY_LABORATORY, on_platform=False, route="field_centre") == []


def test_recognition_goes_on_over_accreditations_that_follow_one_another_without_a_gap() -> None:
    first, second = accredited(TODAY, TODAY + 5 * A_DAY), accredited(TODAY + 6 * A_DAY, TODAY + 9 * A_DAY)
    late = accredited(TODAY + 7 * A_DAY, None)
    assert recognised_until((second, first), TODAY) == TODAY + 9 * A_DAY
    assert recognised_until((first, late), TODAY) == TODAY + 5 * A_DAY
    assert recognised_until((first, second, late), TODAY) is None
    assert recognised_until((second,), TODAY) == TODAY - A_DAY


_DAYS = st.integers(min_value=0, max_value=12).map(lambda count: TODAY + count * A_DAY)
_ACCREDITATIONS = st.lists(
    st.tuples(_DAYS, st.none() | st.integers(0, 6)).map(
        lambda given: accredited(given[0], None if given[1] is None else given[0] + given[1] * A_DAY)
    ),
    max_size=4,
)


@given(_ACCREDITATIONS, _DAYS)
def test_recognition_ends_on_the_day_before_the_first_on_which_nothing_holds(
    accreditations: list[Accreditation], day: date
) -> None:
    def held(on: date) -> bool:
        return any(a.valid_from <= on and (a.valid_until is None or on <= a.valid_until) for a in accreditations)

    horizon = TODAY + 40 * A_DAY
    counted = day
    while counted <= horizon and held(counted):
        counted += A_DAY
    expected = None if counted > horizon else counted - A_DAY
    assert recognised_until(tuple(accreditations), day) == expected


def test_a_report_says_by_whom_and_as_what() -> None:
    report = ReportLaboratory(
        request=request(LAB, "laboratory"), route="service_agency", through=SAG, accreditations=(KEY_LABORATORY,)
    )
    spec.given().when(report).then(ASKED, REPORTED)


def test_the_review_lets_a_laboratory_into_the_catalogue_on_the_same_day() -> None:
    spec.given(ASKED, REPORTED).when(review("laboratory")).then(IN, ENTERED)
    spec.given(ASKED, REPORTED).when(review("laboratory", "accredited")).then(refused(LAB, "laboratory", "accredited"))


def test_a_field_centre_answers_before_the_office_reviews() -> None:
    spec.given(ASKED, BY_CENTRE).when(review("laboratory")).then_refused("field-centre-has-not-answered")
    spec.given(ASKED, BY_CENTRE).when(ANSWER).then(TAKEN_IN)
    spec.given(ASKED, BY_CENTRE, TAKEN_IN).when(review("laboratory")).then(*MEMBER[3:])


def test_a_field_centre_turns_down_who_is_not_of_its_field() -> None:
    declined = replace(
        refused(LAB, "laboratory", "in_organisation_or_field"), refused_by="centre-1", remark_digest="88"
    )
    spec.given(ASKED, BY_CENTRE).when(replace(ANSWER, accepted=False)).then(declined)


@pytest.mark.parametrize("history", [(ASKED, REPORTED), (ASKED, BY_CENTRE, TAKEN_IN), MEMBER])
def test_a_field_centre_answers_once_and_only_what_came_to_it(history: tuple[Event, ...]) -> None:
    spec.given(*history).when(ANSWER).then_refused("affiliation-not-in-this-stage")


def test_a_laboratory_is_in_the_catalogue_from_its_entry_to_its_last_recognised_day() -> None:
    state = laboratory.fold(JOINED)
    assert [state.is_in_catalogue(day) for day in (TODAY - A_DAY, TODAY, LAST_DAY, LAST_DAY + A_DAY)] == [
        False,
        True,
        True,
        False,
    ]


def test_recognition_lapses_on_the_day_after_its_last_and_not_before() -> None:
    spec.given(*JOINED).when(LapseRecognition(on=LAST_DAY)).then_nothing()
    gone = left("accreditation_lapsed", LAST_DAY + A_DAY)
    spec.given(*JOINED).when(LapseRecognition(on=LAST_DAY + A_DAY)).then(gone)
    spec.given(*JOINED).when(LapseRecognition(on=LAST_DAY + 9 * A_DAY)).then(gone)  # a sweep that came late
    spec.given(*JOINED, gone).when(LapseRecognition(on=LAST_DAY + 9 * A_DAY)).then_nothing()


def test_a_renewal_in_time_keeps_the_entry_and_one_too_late_makes_a_new_one() -> None:
    renewed = (accredited(TODAY, LAST_DAY + 365 * A_DAY),)
    kept = LaboratoryAccredited(
        laboratory_id=LAB,
        entered_on=TODAY,
        accreditations=renewed,
        valid_until=LAST_DAY + 365 * A_DAY,
        recorded_by="officer-1",
        on=LAST_DAY,
    )
    spec.given(*JOINED).when(replace(RECORD, accreditations=renewed, on=LAST_DAY)).then(kept)
    day_after = LAST_DAY + A_DAY
    back = replace(ENTERED, accreditations=renewed, valid_until=LAST_DAY + 365 * A_DAY, on=day_after)
    # Whether or not the sweep came first, the catalogue has the gap.
    gone = left("accreditation_lapsed", day_after)
    spec.given(*JOINED).when(replace(RECORD, accreditations=renewed, on=day_after)).then(gone, back)
    spec.given(*JOINED, gone).when(replace(RECORD, accreditations=renewed, on=day_after)).then(back)


def test_a_revocation_takes_a_laboratory_out_at_once() -> None:
    spec.given(*JOINED).when(replace(RECORD, accreditations=())).then(left("accreditation_lapsed", TODAY))
    only_later = replace(RECORD, accreditations=(accredited(TODAY + A_DAY, None),))
    spec.given(*JOINED).when(only_later).then(left("accreditation_lapsed", TODAY))


def test_what_is_not_recognised_does_not_come_back() -> None:
    gone = left("accreditation_lapsed", LAST_DAY + A_DAY)
    spec.given(*JOINED, gone).when(replace(RECORD, on=LAST_DAY + A_DAY)).then_refused("laboratory-not-accredited")


def test_a_kind_that_the_rules_no_longer_accept_counts_for_nothing() -> None:
    fewer = replace(RECORD, accepted_kinds=("national_key_laboratory",))
    spec.given(*JOINED).when(fewer).then(left("accreditation_lapsed", TODAY))


def test_the_accreditations_of_a_barred_laboratory_are_not_renewed() -> None:
    spec.given(*JOINED).when(replace(RECORD, barred=True)).then_refused("party-barred")


def test_who_leaves_leaves_the_catalogue_and_its_centre_on_that_day() -> None:
    over = ended(LAB, "laboratory")
    out = FieldCentreLeft(laboratory_id=LAB, field_centre_id=FCT, on=TODAY)
    spec.given(*JOINED).when(LEAVE).then(over, left("withdrawn", TODAY))
    spec.given(*MEMBER).when(LEAVE).then(over, left("withdrawn", TODAY), out)
    spec.given(ASKED, BY_CENTRE, TAKEN_IN).when(LEAVE).then(over)


def test_who_leaves_after_its_recognition_ended_was_out_since_then() -> None:
    late = LAST_DAY + 5 * A_DAY
    spec.given(*JOINED).when(replace(LEAVE, on=late)).then(
        replace(ended(LAB, "laboratory"), on=late), left("accreditation_lapsed", LAST_DAY + A_DAY)
    )


def test_nothing_is_recorded_of_one_that_has_not_joined() -> None:
    spec.given(ASKED, REPORTED).when(RECORD).then_refused("affiliation-not-in-this-stage")
