"""Who works for the commission and the voucher office, and with which duties."""

from datetime import date
from typing import Literal

from shared.events.definition import event

type Office = Literal["commission", "voucher_office"]
type Duty = Literal["registry", "planning", "approval", "review", "finance", "supervision", "appraisal"]


@event("registry.office-user-proposed", key="office_user_id")
class OfficeUserProposed:
    """Somebody is to work for an office with these duties, between these days; both are included."""

    office_user_id: str
    principal: str
    office: Office
    duties: tuple[Duty, ...]
    valid_from: date
    valid_until: date | None
    proposed_by: str
    on: date


@event("registry.office-user-appointed", key="office_user_id")
class OfficeUserAppointed:
    """Another person has approved an appointment."""

    office_user_id: str
    principal: str
    office: Office
    duties: tuple[Duty, ...]
    valid_from: date
    valid_until: date | None
    proposed_by: str
    approved_by: str
    on: date


@event("registry.office-user-ended", key="office_user_id")
class OfficeUserEnded:
    """An appointment, or the proposal of one, is over: from this day on it gives no duty."""

    office_user_id: str
    principal: str
    ended_by: str
    on: date
