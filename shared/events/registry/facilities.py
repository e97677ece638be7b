"""What is open to others: facilities, services and their prices."""

from datetime import date
from typing import Literal

from shared.events.definition import event

type FacilityKind = Literal["major_infrastructure", "large_instrument", "big_science", "compute"]
type FacilityStatus = Literal["in_service", "under_maintenance", "out_of_service"]
"""What an open facility is; one that is withdrawn is not open any more."""
type OperatingRight = Literal["owned", "entrusted"]
"""Art. 6(2): the provider's own, or operated under an explicit authorisation."""
type ServiceKind = Literal["analysis", "testing", "inspection", "rnd", "industrial_design", "compute"]


@event("registry.facility-opened", key="provider_id")
class FacilityOpened:
    """A facility is open to others; its original value counts in the appraisal's class (art. 11)."""

    facility_id: str
    provider_id: str
    kind: FacilityKind
    original_value: int
    on: date


@event("registry.facility-changed", key="provider_id")
class FacilityChanged:
    """An open facility is described anew; its kind never changes. The digest is of what the public now reads."""

    facility_id: str
    provider_id: str
    original_value: int
    description_digest: str
    on: date


@event("registry.facility-status-changed", key="provider_id")
class FacilityStatusChanged:
    """An open facility is in service from this day, or it is not for a while."""

    facility_id: str
    provider_id: str
    status: FacilityStatus
    on: date


@event("registry.facility-right-proven", key="provider_id")
class FacilityRightProven:
    """A document shows by which right the provider operates the facility (art. 6(2)); a later one replaces it."""

    facility_id: str
    provider_id: str
    right: OperatingRight
    document_digest: str
    on: date


@event("registry.facility-withdrawn", key="provider_id")
class FacilityWithdrawn:
    """A facility is no longer open."""

    facility_id: str
    provider_id: str
    on: date


@event("registry.service-offered", key="provider_id")
class ServiceOffered:
    """A provider offers a service on a facility, at a published unit price in fen."""

    service_id: str
    facility_id: str
    provider_id: str
    kind: ServiceKind
    unit_price: int
    on: date


@event("registry.service-withdrawn", key="provider_id")
class ServiceWithdrawn:
    """A service is no longer offered."""

    service_id: str
    provider_id: str
    on: date
