"""What a referral agency does: its public profile, training, events and the enterprises it serves (faq 4)."""

from datetime import date
from typing import Literal

from shared.events.definition import event


@event("registry.referral-agency-described", key="agency_id")
class ReferralAgencyDescribed:
    """A referral agency has said who it is, what it is good at and how it is reached.

    From the first time on it is on the public list. The texts are kept with the office, their digest is here.
    """

    agency_id: str
    profile_digest: str
    on: date


@event("registry.referral-agency-trained", key="agency_id")
class ReferralAgencyTrained:
    """The office has held its training for an agency, or the agency stayed away."""

    agency_id: str
    training_id: str
    held_on: date
    attended: bool
    recorded_by: str
    on: date


@event("registry.promotion-event-planned", key="agency_id")
class PromotionEventPlanned:
    """An agency will tell enterprises of the vouchers and bring them together with providers."""

    agency_id: str
    event_id: str
    planned_for: date
    on: date


@event("registry.promotion-event-held", key="agency_id")
class PromotionEventHeld:
    """An agency has held a planned event, for so many enterprises."""

    agency_id: str
    event_id: str
    held_on: date
    enterprises: int
    on: date


@event("registry.referral-offered", key="agency_id")
class ReferralOffered:
    """An agency says that it serves a claimant; the claimant has not agreed yet."""

    agency_id: str
    claimant_id: str
    on: date


@event("registry.referral-accepted", key="agency_id")
class ReferralAccepted:
    """The claimant agrees that the agency serves it."""

    agency_id: str
    claimant_id: str
    on: date


@event("registry.referral-ended", key="agency_id")
class ReferralEnded:
    """The agency no longer serves the claimant, or never did; either of the two may say so."""

    agency_id: str
    claimant_id: str
    ended_by: Literal["agency", "claimant"]
    on: date
