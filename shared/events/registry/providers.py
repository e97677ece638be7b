"""Who opens facilities: the way onto the list of art. 6 and off it."""

from datetime import date
from typing import Literal

from shared.events.definition import event
from shared.events.registry.facilities import ServiceKind

type ProviderKind = Literal["municipal", "beijing_based"]
type ProviderCondition = Literal[
    "legal_person_in_beijing",
    "open_facilities",
    "service_team",
    "serves_priority_needs",
    "service_norms_and_prices",
    "sound_finances_and_record",
]
type WhyNotListed = Literal["conditions_not_met", "objection_upheld", "party_barred"]


@event("registry.provider-applied", key="provider_id")
class ProviderApplied:
    """A Beijing-based institution has asked to open its facilities (art. 6)."""

    provider_id: str
    principal: str
    profile_digest: str
    on: date
    pack: str
    pack_digest: str


@event("registry.provider-condition-checked", key="provider_id")
class ProviderConditionChecked:
    """An officer has checked one of the six conditions of art. 6; a later check of the same one replaces it."""

    provider_id: str
    condition: ProviderCondition
    met: bool
    checked_by: str
    on: date


@event("registry.provider-notice-published", key="provider_id")
class ProviderNoticePublished:
    """All six conditions are met: the listing is shown to the public up to and including `until` (art. 6)."""

    provider_id: str
    notice_id: str
    until: date
    provisional: bool
    on: date


@event("registry.provider-objection-raised", key="provider_id")
class ProviderObjectionRaised:
    """Somebody has objected to a listing in writing; nothing is listed while it is open."""

    provider_id: str
    notice_id: str
    objection_id: str
    text_digest: str
    on: date


@event("registry.provider-objection-answered", key="provider_id")
class ProviderObjectionAnswered:
    """The office has answered an objection; `upheld` ends the application."""

    provider_id: str
    notice_id: str
    objection_id: str
    upheld: bool
    answered_by: str
    on: date


@event("registry.provider-notice-concluded", key="provider_id")
class ProviderNoticeConcluded:
    """The notice has run its full length and no objection is open."""

    provider_id: str
    notice_id: str
    on: date


@event("registry.provider-refused", key="provider_id")
class ProviderRefused:
    """An application has come to nothing, and why; `unmet` names the conditions of art. 6 that are not met."""

    provider_id: str
    cause: WhyNotListed
    unmet: tuple[ProviderCondition, ...]
    on: date


@event("registry.provider-listed", key="provider_id")
class ProviderListed:
    """An institution is on the public list of providers from this day (art. 6, 10(2))."""

    provider_id: str
    kind: ProviderKind
    principal: str
    capabilities: tuple[ServiceKind, ...]
    third_party_testing: bool
    on: date


@event("registry.provider-capabilities-changed", key="provider_id")
class ProviderCapabilitiesChanged:
    """The office has entered anew what a listed provider can do, and whether testing is its business (art. 11)."""

    provider_id: str
    capabilities: tuple[ServiceKind, ...]
    third_party_testing: bool
    changed_by: str
    on: date


@event("registry.provider-exit-requested", key="provider_id")
class ProviderExitRequested:
    """A Beijing-based provider has given notice, with a reason that stays with the office (art. 6 last paragraph).

    It stays on the list up to and including `until`, and after that until its running contracts are over.
    """

    provider_id: str
    reason_digest: str
    until: date
    provisional: bool
    on: date
    pack: str
    pack_digest: str


@event("registry.provider-delisted", key="provider_id")
class ProviderDelisted:
    """An institution is no longer on the public list from this day (art. 6 last paragraph, art. 17)."""

    provider_id: str
    reason: str
    on: date
