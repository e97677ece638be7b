"""Measures of art. 17: proposed by one, imposed by another, ended by time."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from services.registry.domain.sanction import (
    ApproveSanction,
    CarryMeasure,
    InForce,
    LiftSanction,
    ProposeSanction,
    bears,
    sanction,
)
from shared.events.codec import decode
from shared.events.registry.standing import Measure, PartyKind, PartySanctioned, SanctionLifted, SanctionProposed
from tests.specification import Specification
from tests.unit.registry.facts import TERMS, TODAY

spec = Specification(sanction)
A_DAY = timedelta(days=1)
PROPOSE = ProposeSanction(
    sanction_id="snc_1",
    party_id="clm_1",
    party_kind="claimant",
    provider_listed=False,
    measure="disqualify",
    until=None,
    grounds_digest="00",
    proposed_by="officer-1",
    on=TODAY,
    pack="beijing-2023",
    pack_digest="d",
)
PROPOSED = SanctionProposed(
    sanction_id="snc_1",
    party_id="clm_1",
    party_kind="claimant",
    measure="disqualify",
    until=None,
    grounds_digest="00",
    proposed_by="officer-1",
    on=TODAY,
    pack="beijing-2023",
    pack_digest="d",
)
APPROVE = ApproveSanction(approved_by="officer-2", ban_years=TERMS.standing.ban_years, provider_listed=False, on=TODAY)
LAST_DAY = date(2029, 11, 23)
IMPOSED = PartySanctioned(
    sanction_id="snc_1",
    party_id="clm_1",
    party_kind="claimant",
    measure="disqualify",
    proposed_by="officer-1",
    approved_by="officer-2",
    until=LAST_DAY,
    on=TODAY,
)
LIFTED = SanctionLifted(sanction_id="snc_1", party_id="clm_1", measure="disqualify", on=LAST_DAY + A_DAY)
SUSPENDED_UNTIL = date(2026, 12, 31)


def test_a_proposal_alone_has_no_effect() -> None:
    spec.given().when(PROPOSE).then(PROPOSED)


def test_another_officer_bans_for_three_years_from_today() -> None:
    spec.given(PROPOSED).when(APPROVE).then(IMPOSED)


def test_nobody_approves_the_own_proposal() -> None:
    spec.given(PROPOSED).when(replace(APPROVE, approved_by="officer-1")).then_refused("four-eyes")


def test_a_ban_is_imposed_once() -> None:
    spec.given(PROPOSED, IMPOSED).when(APPROVE).then_refused("sanction-not-in-this-stage")


def test_a_ban_lasts_through_its_last_day_and_ends_once() -> None:
    spec.given(PROPOSED, IMPOSED).when(LiftSanction(on=LAST_DAY)).then_nothing()
    spec.given(PROPOSED, IMPOSED).when(LiftSanction(on=LAST_DAY + A_DAY)).then(LIFTED)
    spec.given(PROPOSED, IMPOSED, LIFTED).when(LiftSanction(on=LAST_DAY + A_DAY)).then_nothing()
    spec.given(PROPOSED).when(LiftSanction(on=LAST_DAY + A_DAY)).then_nothing()


def test_a_suspension_has_the_end_that_was_proposed() -> None:
    suspend = replace(PROPOSE, measure="suspend_disbursement", until=SUSPENDED_UNTIL)
    proposed = replace(PROPOSED, measure="suspend_disbursement", until=SUSPENDED_UNTIL)
    spec.given().when(suspend).then(proposed)
    imposed = replace(IMPOSED, measure="suspend_disbursement", until=SUSPENDED_UNTIL)
    spec.given(proposed).when(APPROVE).then(imposed)
    spec.given().when(replace(suspend, until=None)).then_refused("suspension-needs-an-end")
    spec.given().when(replace(suspend, until=TODAY)).then(replace(proposed, until=TODAY))
    spec.given().when(replace(suspend, until=TODAY - A_DAY)).then_refused("end-already-past")
    spec.given(proposed).when(replace(APPROVE, on=SUSPENDED_UNTIL + A_DAY)).then_refused("end-already-past")


def test_nobody_chooses_the_length_of_a_ban() -> None:
    spec.given().when(replace(PROPOSE, until=SUSPENDED_UNTIL)).then_refused("end-is-not-chosen")


def test_only_a_listed_provider_is_struck_off_the_list_and_for_good() -> None:
    strike = replace(PROPOSE, measure="delist", party_id="prv_1", party_kind="provider", provider_listed=True)
    proposed = replace(PROPOSED, measure="delist", party_id="prv_1", party_kind="provider")
    spec.given().when(strike).then(proposed)
    spec.given().when(replace(strike, provider_listed=False)).then_refused("not-on-the-list")
    spec.given(proposed).when(APPROVE).then_refused("not-on-the-list")
    struck = replace(IMPOSED, measure="delist", party_id="prv_1", party_kind="provider", until=None)
    spec.given(proposed).when(replace(APPROVE, provider_listed=True)).then(struck)
    spec.given(proposed, struck).when(LiftSanction(on=LAST_DAY + A_DAY)).then_nothing()


def test_a_measure_on_a_body_stands_under_its_other_ids_to_the_same_day() -> None:
    carry = CarryMeasure(
        sanction_id="snc_2",
        party_id="prv_1",
        party_kind="provider",
        first=InForce(proposal=PROPOSED, approved_by="officer-2", until=LAST_DAY, on=TODAY),
        grounds_digest="11",
        on=TODAY + A_DAY,
        pack="beijing-2023",
        pack_digest="d",
    )
    other: dict[str, Any] = {"sanction_id": "snc_2", "party_id": "prv_1", "party_kind": "provider", "on": TODAY + A_DAY}
    proposed = replace(PROPOSED, **other, grounds_digest="11", carried_from="snc_1")
    imposed = replace(IMPOSED, **other)
    spec.given().when(carry).then(proposed, imposed)
    spec.given(proposed, imposed).when(carry).then_refused("sanction-not-in-this-stage")
    lifted = replace(LIFTED, sanction_id="snc_2", party_id="prv_1")
    spec.given(proposed, imposed).when(LiftSanction(on=LAST_DAY + A_DAY)).then(lifted)


@pytest.mark.parametrize(
    ("measure", "borne_as"),
    [
        ("disqualify", {"claimant", "provider", "referral_agency", "service_agency"}),
        ("suspend_disbursement", {"claimant", "provider"}),
        ("delist", set()),
    ],
)
def test_who_is_struck_off_the_list_bears_that_as_a_provider_alone(measure: Measure, borne_as: set[PartyKind]) -> None:
    kinds: tuple[PartyKind, ...] = ("claimant", "provider", "referral_agency", "service_agency")
    assert {kind for kind in kinds if bears(kind, measure)} == borne_as


@pytest.mark.parametrize("kind", ["expert", "referral_agency", "service_agency", "laboratory"])
def test_nobody_is_suspended_to_whom_nothing_is_paid(kind: PartyKind) -> None:
    suspend = replace(PROPOSE, party_kind=kind, measure="suspend_disbursement", until=SUSPENDED_UNTIL)
    spec.given().when(suspend).then_refused("nothing-to-suspend")
    spec.given().when(replace(PROPOSE, party_kind=kind)).then(replace(PROPOSED, party_kind=kind))


def test_a_proposal_from_before_measures_were_carried_is_read_as_one_of_its_own() -> None:
    old = (
        '{"sanction_id":"snc_1","party_id":"clm_1","party_kind":"claimant","measure":"disqualify","until":null,'
        '"grounds_digest":"00","proposed_by":"officer-1","on":"2026-11-23","pack":"beijing-2023","pack_digest":"d"}'
    )
    assert decode("cxq.registry.sanction-proposed.v1", old) == PROPOSED
