"""Who serves at a provider's facilities (art. 6(3), 13): ids and days; names stay with their owner."""

from datetime import date

from shared.events.definition import event


@event("registry.service-person-entered", key="provider_id")
class ServicePersonEntered:
    """A provider has entered somebody who serves at some of its facilities from a day on."""

    person_id: str
    provider_id: str
    facility_ids: tuple[str, ...]
    active_from: date
    profile_digest: str
    on: date


@event("registry.service-person-changed", key="provider_id")
class ServicePersonChanged:
    """The facilities or the qualifications of somebody who serves are others from now on."""

    person_id: str
    provider_id: str
    facility_ids: tuple[str, ...]
    profile_digest: str
    on: date


@event("registry.service-person-left", key="provider_id")
class ServicePersonLeft:
    """Somebody serves up to and including `active_until`."""

    person_id: str
    provider_id: str
    active_until: date
    on: date
