"""Whose voucher work a service agency does (faq 5; art. 9(1))."""

from datetime import date

from shared.events.definition import event


@event("registry.service-agency-authorised", key="agency_id")
class ServiceAgencyAuthorised:
    """An institution of the platform, a listed provider, authorises this legal person to do its voucher work.

    That alone lets nobody in: the office reviews the application.
    """

    agency_id: str
    provider_id: str
    on: date
