"""The read models of agencies, laboratories and design centres, folded from facts."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.registry.domain.referral_agency import referral_agency
from services.registry.projections.affiliation_list import affiliation_list
from services.registry.projections.agency_list import agency_list
from services.registry.projections.design_centre_list import design_centre_list
from services.registry.projections.field_centre_members import field_centre_members
from services.registry.projections.laboratory_catalogue import laboratory_catalogue
from services.registry.projections.referrals import referrals
from shared.events.registry.affiliations import AffiliationEnded
from shared.events.registry.laboratories import FieldCentreLeft, LaboratoryAccredited
from shared.projections.projection import PoisonEventError, Projection, Rows
from tests.standing import recorded
from tests.unit.registry.facts import TODAY
from tests.unit.registry.institutions import (
    ENTERED,
    FCT,
    KEY_LABORATORY,
    LAB,
    LAST_DAY,
    RAG,
    SAG,
    ended,
    granted,
    refused,
    requested,
    returned,
)
from tests.unit.registry.test_affiliation import CORRECTED
from tests.unit.registry.test_design_centre import DELISTED, LISTED
from tests.unit.registry.test_laboratory import MEMBER, left
from tests.unit.registry.test_referral_agency import ACCEPTED, DESCRIBED, HELD, JOINED, OFFERED, TRAINED
from tests.unit.registry.test_referral_agency import end as end_referral
from tests.unit.registry.test_service_agency import AUTHORISED

A_DAY = timedelta(days=1)


def folded(projection: Projection, *facts: Any) -> list[dict[str, Any]]:
    rows: Rows = {}
    projection.fold(rows, [recorded(number, fact) for number, fact in enumerate(facts, start=1)])
    return [row for row in rows.values() if row is not None]


def test_an_application_s_row_follows_its_stage() -> None:
    asked, kind = requested(RAG, "referral_agency"), "referral_agency"
    back = replace(returned(RAG, "referral_agency"), on=TODAY + A_DAY)
    for facts, stage, since in (
        ((asked,), "requested", TODAY),
        ((asked, back), "returned", TODAY + A_DAY),
        ((asked, back, CORRECTED), "requested", TODAY),
        ((asked, granted(RAG, "referral_agency")), "granted", TODAY),
        ((asked, refused(RAG, "referral_agency", "promotion")), "refused", TODAY),
        ((asked, ended(RAG, "referral_agency")), "ended", TODAY),
    ):
        (row,) = folded(affiliation_list, *facts)
        assert (row["kind"], row["stage"], row["since"], row["requested_on"]) == (kind, stage, since, TODAY)


def test_a_referral_agency_is_listed_by_its_first_profile_and_a_service_agency_by_its_review() -> None:
    joined = granted(RAG, "referral_agency")
    (unlisted,) = folded(agency_list, joined)
    later = replace(DESCRIBED, on=TODAY + A_DAY)
    (listed,) = folded(agency_list, joined, DESCRIBED, later)
    assert (unlisted["joined_on"], unlisted["listed_on"], listed["listed_on"]) == (TODAY, None, TODAY)
    (service,) = folded(agency_list, AUTHORISED, granted(SAG, "service_agency"))
    assert (service["listed_on"], service["provider_id"]) == (TODAY, AUTHORISED.provider_id)


def test_an_agency_counts_its_events_and_keeps_its_training_and_the_day_it_left() -> None:
    absent = replace(TRAINED, attended=False, held_on=TODAY + A_DAY)
    over = replace(ended(RAG, "referral_agency"), on=TODAY + 2 * A_DAY)
    (row,) = folded(agency_list, granted(RAG, "referral_agency"), TRAINED, absent, HELD, HELD, over)
    assert (row["trained_on"], row["events_held"], row["left_on"]) == (TODAY, 2, TODAY + 2 * A_DAY)


def test_who_withdrew_before_its_review_is_on_no_list() -> None:
    withdrawn: AffiliationEnded = ended(RAG, "referral_agency")
    assert folded(agency_list, withdrawn) == []
    (service,) = folded(agency_list, AUTHORISED, ended(SAG, "service_agency"))
    assert service["listed_on"] is None
    assert folded(agency_list, granted(LAB, "laboratory")) == []


def test_a_referral_is_offered_accepted_ended_and_offered_anew() -> None:
    (over,) = referral_agency.decide(end_referral("claimant"), referral_agency.fold((*JOINED, OFFERED, ACCEPTED)))
    stages = [folded(referrals, *facts)[0]["stage"] for facts in ((OFFERED,), (OFFERED, ACCEPTED))]
    (row,) = folded(referrals, OFFERED, ACCEPTED, over)
    (anew,) = folded(referrals, OFFERED, ACCEPTED, over, replace(OFFERED, on=TODAY + A_DAY))
    assert (stages, row["stage"], row["ended_on"]) == (["offered", "accepted"], "ended", TODAY)
    assert (anew["stage"], anew["accepted_on"], anew["ended_on"]) == ("offered", None, None)


def test_each_stay_in_the_catalogue_has_its_row() -> None:
    gone = left("accreditation_lapsed", LAST_DAY + A_DAY)
    back = replace(ENTERED, on=LAST_DAY + 9 * A_DAY, valid_until=None)
    rows = folded(laboratory_catalogue, ENTERED, gone, back)
    assert [(row["entered_on"], row["valid_until"], row["left_on"]) for row in rows] == [
        (TODAY, LAST_DAY, LAST_DAY + A_DAY),
        (LAST_DAY + 9 * A_DAY, None, None),
    ]


def test_a_renewal_moves_the_end_of_the_stay_it_belongs_to() -> None:
    renewed = LaboratoryAccredited(
        laboratory_id=LAB,
        entered_on=TODAY,
        accreditations=(replace(KEY_LABORATORY, valid_until=None),),
        valid_until=None,
        recorded_by="officer-1",
        on=LAST_DAY,
    )
    (row,) = folded(laboratory_catalogue, ENTERED, renewed)
    assert (row["entered_on"], row["valid_until"], row["accreditations"][0]["valid_until"]) == (TODAY, None, None)


def test_a_member_keeps_the_days_it_joined_and_left() -> None:
    joined, out = MEMBER[4], FieldCentreLeft(laboratory_id=LAB, field_centre_id=FCT, on=TODAY + A_DAY)
    assert [row["left_on"] for row in folded(field_centre_members, joined)] == [None]
    (row,) = folded(field_centre_members, joined, out)
    assert (row["joined_on"], row["left_on"], row["field_centre_id"]) == (TODAY, TODAY + A_DAY, FCT)


def test_a_design_centre_keeps_the_days_it_was_listed() -> None:
    (row,) = folded(design_centre_list, LISTED, replace(DELISTED, on=TODAY + A_DAY))
    assert (row["listed_on"], row["delisted_on"]) == (TODAY, TODAY + A_DAY)


@pytest.mark.parametrize(
    ("projection", "fact"),
    [
        (affiliation_list, ended(RAG, "referral_agency")),
        (agency_list, DESCRIBED),
        (referrals, ACCEPTED),
        (laboratory_catalogue, left("removed", TODAY)),
        (design_centre_list, DELISTED),
    ],
)
def test_a_fact_about_nobody_is_parked(projection: Projection, fact: Any) -> None:
    with pytest.raises(PoisonEventError):
        folded(projection, fact)
