"""The registry's read models, folded from facts."""

from typing import Any

import pytest

from services.registry.projections import PROJECTIONS
from services.registry.projections.claimant_list import claimant_list
from services.registry.projections.facility_catalogue import facility_catalogue
from services.registry.projections.provider_list import provider_list
from services.registry.projections.provider_notices import provider_notices
from services.registry.projections.service_catalogue import service_catalogue
from shared.events.registry.claimants import (
    ClaimantCertificatesChanged,
    ClaimantReviewDecided,
    ClaimantReviewDropped,
    ClaimantReviewOpened,
)
from shared.events.registry.facilities import FacilityChanged, FacilityWithdrawn
from shared.events.registry.providers import ProviderDelisted, ProviderNoticeConcluded
from shared.projections.projection import PoisonEventError, Projection, Rows
from tests.standing import recorded
from tests.unit.registry.facts import CERTIFICATE, LISTED, LISTING, PRV, PUBLISHED, TODAY
from tests.unit.registry.test_claimant import CHANGED, COMPLETED, ELIGIBLE, REGISTERED, VERIFIED
from tests.unit.registry.test_facilities_and_services import OFFERED, OPENED, TAKEN_BACK
from tests.unit.registry.test_provider import RAISED, REJECTED, UPHELD


def folded(projection: Projection, *facts: Any) -> list[dict[str, Any]]:
    rows: Rows = {}
    projection.fold(rows, [recorded(number, fact) for number, fact in enumerate(facts, start=1)])
    return [row for row in rows.values() if row is not None]


def test_a_claimant_s_row_follows_its_certificates() -> None:
    changed = ClaimantCertificatesChanged(claimant_id="clm_1", certificates=(CERTIFICATE, LISTING), on=TODAY)
    (row,) = folded(claimant_list, REGISTERED, changed)
    assert [c["kind"] for c in row["certificates"]] == ["national_high_tech", "technology_sme"]
    assert row["registered_on"] == TODAY


def test_a_claimant_s_row_follows_its_profile_its_reviews_and_what_art_7_finds() -> None:
    def row(*facts: Any) -> tuple[str, int, str | None]:
        (found,) = folded(claimant_list, REGISTERED, *facts)
        return found["stage"], found["open_reviews"], found["eligibility"]

    waits = ClaimantReviewOpened(claimant_id="clm_1", rule="staff", opened_by=None, on=TODAY)
    also = ClaimantReviewOpened(claimant_id="clm_1", rule="field", opened_by="officer-1", on=TODAY)
    dropped = ClaimantReviewDropped(claimant_id="clm_1", rule="staff", on=TODAY)
    decided = ClaimantReviewDecided(
        claimant_id="clm_1", rule="field", verdict="pass", reason_digest="r", decided_by="officer-1", on=TODAY
    )
    assert row() == ("draft", 0, None)
    assert row(CHANGED, ELIGIBLE) == ("draft", 0, "pass")
    assert row(COMPLETED, waits, also) == ("complete", 2, None)
    assert row(COMPLETED, waits, also, dropped, decided, VERIFIED) == ("verified", 0, None)
    assert row(COMPLETED, VERIFIED, CHANGED) == ("complete", 0, None)


def test_who_left_the_list_keeps_the_day_of_leaving() -> None:
    (row,) = folded(provider_list, LISTED, ProviderDelisted(provider_id=PRV, reason="art. 17", on=TODAY))
    assert (row["listed_on"], row["delisted_on"]) == (LISTED.on, TODAY)


def test_a_notice_counts_its_open_objections_and_ends_one_way_or_the_other() -> None:
    concluded = ProviderNoticeConcluded(provider_id=PRV, notice_id="ntc_1", on=TODAY)
    (open_,) = folded(provider_notices, PUBLISHED, RAISED)
    (over,) = folded(provider_notices, PUBLISHED, RAISED, REJECTED, concluded)
    (undone,) = folded(provider_notices, PUBLISHED, RAISED, UPHELD)
    assert (open_["state"], open_["open_objections"]) == ("running", 1)
    assert (over["state"], over["open_objections"]) == ("concluded", 0)
    assert (undone["state"], undone["open_objections"]) == ("withdrawn", 0)


def test_what_is_withdrawn_is_in_no_catalogue() -> None:
    assert len(folded(facility_catalogue, OPENED)) == 1
    assert folded(facility_catalogue, OPENED, FacilityWithdrawn(facility_id="fac_1", provider_id=PRV, on=TODAY)) == []
    assert len(folded(service_catalogue, OFFERED)) == 1
    assert folded(service_catalogue, OFFERED, TAKEN_BACK) == []


def test_a_facility_described_anew_has_its_new_value() -> None:
    changed = FacilityChanged(facility_id="fac_1", provider_id=PRV, original_value=7, description_digest="3", on=TODAY)
    (row,) = folded(facility_catalogue, OPENED, changed)
    assert (row["original_value"], row["kind"]) == (7, OPENED.kind)


def test_a_fact_about_nobody_is_parked() -> None:
    with pytest.raises(PoisonEventError):
        folded(provider_list, ProviderDelisted(provider_id=PRV, reason="art. 17", on=TODAY))


def test_no_read_model_holds_a_name_or_a_code() -> None:
    private = {"name", "credit_code", "members", "profile", "school", "grounds", "text"}
    assert all(private.isdisjoint(projection.table.columns.keys()) for projection in PROJECTIONS)
