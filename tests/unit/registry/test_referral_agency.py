"""Referral agencies: the three conditions of faq 4, and what an agency does once it has joined."""

from dataclasses import replace
from datetime import timedelta
from typing import Literal

import pytest

from services.registry.domain.eligibility import Finding
from services.registry.domain.referral_agency import (
    AcceptReferral,
    DescribeAgency,
    EndReferral,
    Event,
    OfferReferral,
    PlanPromotionEvent,
    RecordTraining,
    ReferralFacts,
    ReportPromotionEvent,
    referral_agency,
    referral_findings,
)
from shared.events.registry.referral_agencies import (
    PromotionEventHeld,
    PromotionEventPlanned,
    ReferralAccepted,
    ReferralAgencyDescribed,
    ReferralAgencyTrained,
    ReferralEnded,
    ReferralOffered,
)
from tests.specification import Specification
from tests.unit.registry.facts import TERMS, TODAY
from tests.unit.registry.institutions import (
    RAG,
    REFERRAL,
    closed,
    ended,
    granted,
    opened,
    request,
    requested,
)

spec = Specification(referral_agency)
A_DAY = timedelta(days=1)
JOINED: tuple[Event, ...] = (
    requested(RAG, "referral_agency"),
    granted(RAG, "referral_agency"),
    opened(RAG, "referral_agency"),
)
LEFT: tuple[Event, ...] = (*JOINED, ended(RAG, "referral_agency"), closed(RAG, "referral_agency"))
DESCRIBE = DescribeAgency(profile_digest="77", on=TODAY)
DESCRIBED = ReferralAgencyDescribed(agency_id=RAG, profile_digest="77", on=TODAY)
TRAIN = RecordTraining(training_id="trn_1", held_on=TODAY, attended=True, recorded_by="officer-1", on=TODAY)
TRAINED = ReferralAgencyTrained(
    agency_id=RAG, training_id="trn_1", held_on=TODAY, attended=True, recorded_by="officer-1", on=TODAY
)
PLAN = PlanPromotionEvent(event_id="pev_1", planned_for=TODAY, on=TODAY)
PLANNED = PromotionEventPlanned(agency_id=RAG, event_id="pev_1", planned_for=TODAY, on=TODAY)
REPORT = ReportPromotionEvent(event_id="pev_1", held_on=TODAY, enterprises=42, on=TODAY)
HELD = PromotionEventHeld(agency_id=RAG, event_id="pev_1", held_on=TODAY, enterprises=42, on=TODAY)
OFFER = OfferReferral(claimant_id="clm_1", barred=False, on=TODAY)
OFFERED = ReferralOffered(agency_id=RAG, claimant_id="clm_1", on=TODAY)
ACCEPT = AcceptReferral(claimant_id="clm_1", barred=False, on=TODAY)
ACCEPTED = ReferralAccepted(agency_id=RAG, claimant_id="clm_1", on=TODAY)


def by_rule(facts: ReferralFacts) -> dict[str, Finding]:
    return {finding.rule: finding for finding in referral_findings(facts, TERMS.standing)}


def end(by: Literal["agency", "claimant"]) -> EndReferral:
    return EndReferral(claimant_id="clm_1", ended_by=by, on=TODAY)


def test_thirty_enterprises_are_enough_and_twenty_nine_are_not() -> None:
    assert by_rule(REFERRAL)["served-enterprises"].outcome == "pass"
    short = by_rule(replace(REFERRAL, enterprises=29))["served-enterprises"]
    assert (short.outcome, short.value, short.limit, short.article) == ("fail", 29, 30, "faq 4")


def test_two_events_are_enough_and_one_is_not() -> None:
    assert by_rule(REFERRAL)["promotion-events"].outcome == "pass"
    assert by_rule(replace(REFERRAL, promotion_events=1))["promotion-events"].outcome == "fail"


def test_the_undertaking_is_the_agency_s_word_and_must_be_given() -> None:
    assert by_rule(REFERRAL)["promotion-undertaking"].outcome == "recorded"
    assert by_rule(replace(REFERRAL, undertaking=False))["promotion-undertaking"].outcome == "fail"


@pytest.mark.parametrize("part", TERMS.standing.referral_working_rules)
def test_mechanism_and_safeguards_set_out_all_six_parts_and_a_person_reads_them(part: str) -> None:
    assert by_rule(REFERRAL)["working-rules"].outcome == "needs_review"
    rest = tuple(other for other in REFERRAL.working_rules if other != part)
    missing = by_rule(replace(REFERRAL, working_rules=rest))["working-rules"]
    assert (missing.outcome, missing.value) == ("fail", (part,))


def test_an_agency_applies_by_the_common_way() -> None:
    spec.given().when(request(RAG, "referral_agency")).then(requested(RAG, "referral_agency"))


def test_the_first_profile_lists_an_agency_and_later_ones_keep_the_day() -> None:
    spec.given(*JOINED).when(DESCRIBE).then(DESCRIBED)
    later = replace(DESCRIBED, on=TODAY + A_DAY)
    state = referral_agency.fold((*JOINED, DESCRIBED, later))
    assert (state.listed_on, state.is_public) == (TODAY, True)
    assert not referral_agency.fold(JOINED).is_public
    assert not referral_agency.fold((*LEFT[:3], DESCRIBED, *LEFT[3:])).is_public


def test_training_is_recorded_between_joining_and_today() -> None:
    spec.given(*JOINED).when(TRAIN).then(TRAINED)
    spec.given(*JOINED).when(replace(TRAIN, held_on=TODAY - A_DAY)).then_refused("held-before-joining")
    spec.given(*JOINED).when(replace(TRAIN, held_on=TODAY + A_DAY)).then_refused("held-in-the-future")


def test_an_event_is_planned_for_today_or_later_and_reported_once_it_was_held() -> None:
    spec.given(*JOINED).when(PLAN).then(PLANNED)
    spec.given(*JOINED).when(replace(PLAN, planned_for=TODAY - A_DAY)).then_refused("event-planned-in-the-past")
    spec.given(*JOINED, PLANNED).when(REPORT).then(HELD)
    spec.given(*JOINED, PLANNED).when(replace(REPORT, held_on=TODAY + A_DAY)).then_refused("held-in-the-future")
    spec.given(*JOINED, PLANNED).when(replace(REPORT, held_on=TODAY - A_DAY)).then_refused("held-before-joining")
    spec.given(*JOINED).when(REPORT).then_refused("event-not-planned")
    spec.given(*JOINED, PLANNED, HELD).when(REPORT).then_refused("event-not-planned")


def test_one_event_that_was_held_leaves_the_other_planned() -> None:
    other = replace(PLANNED, event_id="pev_2")
    state = referral_agency.fold((*JOINED, PLANNED, other, HELD))
    assert [(event.event_id, event.held_on, event.enterprises) for event in state.events] == [
        ("pev_1", TODAY, 42),
        ("pev_2", None, 0),
    ]


def test_a_claimant_is_served_by_its_own_consent_only() -> None:
    spec.given(*JOINED).when(OFFER).then(OFFERED)
    spec.given(*JOINED).when(ACCEPT).then_refused("referral-not-offered")
    spec.given(*JOINED, OFFERED).when(replace(ACCEPT, barred=True)).then_refused("party-barred")
    spec.given(*JOINED, OFFERED).when(ACCEPT).then(ACCEPTED)
    spec.given(*JOINED, OFFERED, ACCEPTED).when(ACCEPT).then_refused("referral-not-offered")
    assert referral_agency.fold((*JOINED, OFFERED)).serves == frozenset()
    assert referral_agency.fold((*JOINED, OFFERED, ACCEPTED)).serves == {"clm_1"}


@pytest.mark.parametrize("history", [(OFFERED,), (OFFERED, ACCEPTED)])
def test_nobody_is_asked_twice_at_a_time(history: tuple[Event, ...]) -> None:
    spec.given(*JOINED, *history).when(OFFER).then_refused("referral-already-offered")


@pytest.mark.parametrize("by", ["agency", "claimant"])
@pytest.mark.parametrize("history", [(OFFERED,), (OFFERED, ACCEPTED)])
def test_either_side_ends_it_and_it_may_begin_anew(
    by: Literal["agency", "claimant"], history: tuple[Event, ...]
) -> None:
    over = ReferralEnded(agency_id=RAG, claimant_id="clm_1", ended_by=by, on=TODAY)
    spec.given(*JOINED, *history).when(end(by)).then(over)
    spec.given(*JOINED, *history, over).when(end(by)).then_refused("referral-not-offered")
    spec.given(*JOINED, *history, over).when(OFFER).then(OFFERED)


def test_a_barred_claimant_is_not_taken_on() -> None:
    spec.given(*JOINED).when(replace(OFFER, barred=True)).then_refused("party-barred")


@pytest.mark.parametrize("command", [DESCRIBE, TRAIN, PLAN, REPORT, OFFER, ACCEPT])
@pytest.mark.parametrize("history", [(), JOINED[:1], LEFT])
def test_nothing_is_done_before_joining_or_after_leaving(history: tuple[Event, ...], command: object) -> None:
    spec.given(*history).when(command).then_refused("affiliation-not-in-this-stage")  # type: ignore[arg-type]


def test_a_claimant_may_end_what_an_agency_that_left_still_holds() -> None:
    history = (*LEFT[:3], OFFERED, ACCEPTED, *LEFT[3:])
    over = ReferralEnded(agency_id=RAG, claimant_id="clm_1", ended_by="claimant", on=TODAY)
    spec.given(*history).when(end("claimant")).then(over)
