"""How much the open facilities are used, and how much of it by others (art. 11): machine time in minutes."""

from datetime import date

from shared.events.definition import event


@event("registry.usage-recorded", key="provider_id")
class UsageRecorded:
    """A facility ran `minutes` between two days of one year, both inclusive; `external_minutes` of them for others."""

    usage_id: str
    facility_id: str
    provider_id: str
    source: str
    first_day: date
    last_day: date
    minutes: int
    external_minutes: int
    on: date


@event("registry.usage-corrected", key="provider_id")
class UsageCorrected:
    """The figures of a record were wrong; those before are named, so that sums can be corrected by the difference."""

    usage_id: str
    facility_id: str
    provider_id: str
    first_day: date
    last_day: date
    minutes_before: int
    external_minutes_before: int
    minutes: int
    external_minutes: int
    on: date
