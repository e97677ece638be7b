"""What a listed provider opens and offers (art. 2, 5, 6; faq 3)."""

from dataclasses import replace

import pytest

from services.registry.domain.facility import ChangeFacility, OpenFacility, WithdrawFacility, facility
from services.registry.domain.offer import OfferService, WithdrawService, offer
from shared.events.registry.facilities import (
    FacilityChanged,
    FacilityOpened,
    FacilityWithdrawn,
    ServiceOffered,
    ServiceWithdrawn,
)
from shared.kernel.money import yuan
from tests.specification import Specification
from tests.unit.registry.facts import PRV, TODAY

FAC, SVC = "fac_1", "svc_1"
facilities, services = Specification(facility), Specification(offer)
OPEN = OpenFacility(
    facility_id=FAC,
    provider_id=PRV,
    provider_listed=True,
    provider_barred=False,
    kind="large_instrument",
    original_value=yuan(4_788_000),
    on=TODAY,
)
OPENED = FacilityOpened(
    facility_id=FAC, provider_id=PRV, kind="large_instrument", original_value=yuan(4_788_000), on=TODAY
)
WITHDRAWN = FacilityWithdrawn(facility_id=FAC, provider_id=PRV, on=TODAY)
OFFER = OfferService(
    service_id=SVC,
    facility_id=FAC,
    facility_kind="large_instrument",
    provider_id=PRV,
    provider_listed=True,
    provider_barred=False,
    provider_capabilities=("rnd", "testing"),
    kind="analysis",
    unit_price=yuan(600),
    on=TODAY,
)
OFFERED = ServiceOffered(
    service_id=SVC, facility_id=FAC, provider_id=PRV, kind="analysis", unit_price=yuan(600), on=TODAY
)
TAKEN_BACK = ServiceWithdrawn(service_id=SVC, provider_id=PRV, on=TODAY)


def test_a_listed_provider_opens_a_facility_and_withdraws_it_once() -> None:
    facilities.given().when(OPEN).then(OPENED)
    facilities.given(OPENED).when(WithdrawFacility(on=TODAY)).then(WITHDRAWN)
    facilities.given(OPENED, WITHDRAWN).when(WithdrawFacility(on=TODAY)).then_refused("facility-not-in-this-state")
    facilities.given(OPENED).when(OPEN).then_refused("facility-not-in-this-state")


def test_an_open_facility_is_described_anew_but_stays_of_its_kind() -> None:
    change = ChangeFacility(
        provider_listed=True,
        provider_barred=False,
        kind="large_instrument",
        original_value=yuan(1),
        description_digest="33",
        on=TODAY,
    )
    changed = FacilityChanged(
        facility_id=FAC, provider_id=PRV, original_value=yuan(1), description_digest="33", on=TODAY
    )
    facilities.given(OPENED).when(change).then(changed)
    facilities.given(OPENED, changed).when(WithdrawFacility(on=TODAY)).then(WITHDRAWN)
    facilities.given(OPENED).when(replace(change, kind="compute")).then_refused("facility-kind-stays")
    facilities.given(OPENED, WITHDRAWN).when(change).then_refused("facility-not-in-this-state")
    barred = replace(change, provider_listed=False, provider_barred=True)
    facilities.given(OPENED).when(barred).then_refused("provider-not-listed", "party-barred")


def test_only_a_listed_provider_that_is_not_barred_opens_anything() -> None:
    nobody = replace(OPEN, provider_listed=False, provider_barred=True)
    facilities.given().when(nobody).then_refused("provider-not-listed", "party-barred")
    services.given().when(replace(OFFER, provider_listed=False, provider_barred=True)).then_refused(
        "provider-not-listed", "party-barred"
    )


def test_a_service_is_offered_at_a_price_and_withdrawn_once() -> None:
    services.given().when(OFFER).then(OFFERED)
    services.given(OFFERED).when(WithdrawService(on=TODAY)).then(TAKEN_BACK)
    services.given(OFFERED, TAKEN_BACK).when(WithdrawService(on=TODAY)).then_refused("service-not-in-this-state")


def test_nothing_is_offered_on_a_withdrawn_facility() -> None:
    services.given().when(replace(OFFER, facility_kind=None)).then_refused("facility-not-open")


def test_computing_is_offered_on_computing_equipment_only() -> None:
    services.given().when(replace(OFFER, kind="compute")).then_refused("service-does-not-fit-facility")
    services.given().when(replace(OFFER, kind="compute", facility_kind="compute")).then(
        replace(OFFERED, kind="compute")
    )


@pytest.mark.parametrize("listed_for", [True, False])
def test_industrial_design_needs_a_provider_listed_for_it(listed_for: bool) -> None:  # noqa: FBT001 (an example)
    design = replace(OFFER, kind="industrial_design")
    if listed_for:
        capable = replace(design, provider_capabilities=("industrial_design",))
        services.given().when(capable).then(replace(OFFERED, kind="industrial_design"))
    else:
        services.given().when(design).then_refused("design-capability-missing")
