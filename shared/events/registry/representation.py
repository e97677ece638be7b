"""Who acts for a provider: its responsible department, and the service agencies it delegates duties to (art. 9, 13)."""

from datetime import date
from typing import Literal

from shared.events.definition import event

type DelegatedDuty = Literal["maintenance", "service_operation", "demand_matching"]
"""The duties of art. 9(1) that a provider may hand to a service agency."""
type DelegationParty = Literal["provider", "agency"]


@event("registry.department-named", key="provider_id")
class DepartmentNamed:
    """A provider has named its responsible department; name and contact are with its owner (art. 9(1))."""

    provider_id: str
    department_digest: str
    on: date


@event("registry.delegation-proposed", key="provider_id")
class DelegationProposed:
    """A provider wants a service agency to take over duties between two days, both inclusive (art. 9(1), 13)."""

    delegation_id: str
    provider_id: str
    agency_id: str
    duties: tuple[DelegatedDuty, ...]
    valid_from: date
    valid_until: date
    on: date


@event("registry.delegation-accepted", key="provider_id")
class DelegationAccepted:
    """The agency has taken the duties; it acts for the provider from the later of this day and the first one agreed."""

    delegation_id: str
    provider_id: str
    agency_id: str
    on: date


@event("registry.delegation-declined", key="provider_id")
class DelegationDeclined:
    """The agency does not take the duties."""

    delegation_id: str
    provider_id: str
    agency_id: str
    on: date


@event("registry.delegation-ended", key="provider_id")
class DelegationEnded:
    """One side has ended a delegation before its last day: from this day the agency acts no more."""

    delegation_id: str
    provider_id: str
    agency_id: str
    ended_by: DelegationParty
    on: date
