"""What is said of an open facility: whether it can be used, and by which right it is operated (art. 5, 6(2))."""

from dataclasses import replace
from datetime import date

from services.registry.domain.facility import ChangeStatus, Open, ProveRight, Withdrawn, facility
from services.registry.projections.facility_catalogue import facility_catalogue
from services.registry.projections.facility_history import facility_history
from shared.events.registry.facilities import (
    FacilityChanged,
    FacilityRightProven,
    FacilityStatusChanged,
    FacilityWithdrawn,
)
from tests.specification import Specification
from tests.unit.registry.facts import PRV, TODAY
from tests.unit.registry.test_facilities_and_services import FAC, OPENED
from tests.unit.registry.test_read_models import folded

spec = Specification(facility)
STOPPED = FacilityStatusChanged(facility_id=FAC, provider_id=PRV, status="out_of_service", on=TODAY)
STOP = ChangeStatus(status="out_of_service", on=TODAY)
PROVEN = FacilityRightProven(facility_id=FAC, provider_id=PRV, right="entrusted", document_digest="44", on=TODAY)
PROVE = ProveRight(right="entrusted", document_digest="44", on=TODAY)
WITHDRAWN = FacilityWithdrawn(facility_id=FAC, provider_id=PRV, on=date(2026, 12, 5))


def test_a_facility_is_in_service_until_it_is_said_not_to_be() -> None:
    spec.given(OPENED).when(STOP).then(STOPPED)
    spec.given(OPENED, STOPPED).when(STOP).then_nothing()
    back = replace(STOP, status="in_service")
    spec.given(OPENED).when(back).then_nothing()
    spec.given(OPENED, STOPPED).when(back).then(replace(STOPPED, status="in_service"))


def test_a_later_proof_replaces_the_one_before() -> None:
    spec.given(OPENED).when(PROVE).then(PROVEN)
    state = facility.fold([OPENED, replace(PROVEN, right="owned"), PROVEN])
    assert isinstance(state, Open)
    assert state.right == "entrusted"
    gone = facility.fold([OPENED, PROVEN, WITHDRAWN])
    assert isinstance(gone, Withdrawn)
    assert gone.right == "entrusted"


def test_nothing_is_said_of_a_facility_that_is_not_open() -> None:
    for command in (STOP, PROVE):
        spec.given().when(command).then_refused("facility-not-in-this-state")
        spec.given(OPENED, WITHDRAWN).when(command).then_refused("facility-not-in-this-state")


def test_the_catalogue_says_what_holds_and_the_history_since_when() -> None:
    worth_less = FacilityChanged(
        facility_id=FAC, provider_id=PRV, original_value=7, description_digest="3", on=date(2026, 12, 1)
    )
    (row,) = folded(facility_catalogue, OPENED, STOPPED)
    assert row["status"] == "out_of_service"
    (past,) = folded(facility_history, OPENED, STOPPED, worth_less, WITHDRAWN)
    assert past["values"] == [[TODAY.isoformat(), OPENED.original_value], ["2026-12-01", 7]]
    assert past["statuses"] == [[TODAY.isoformat(), "in_service"], [TODAY.isoformat(), "out_of_service"]]
    assert past["withdrawn_on"] == WITHDRAWN.on
