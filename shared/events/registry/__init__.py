"""What the registry tells the others: who takes part, with what, and in which standing."""

from shared.events.registry import (
    channels,
    affiliations,
    claimants,
    experts,
    facilities,
    laboratories,
    measures,
    products,
    recognition,
    providers,
    referral_agencies,
    representation,
    service_agencies,
    service_people,
    standing,
    usage,
)

__all__ = [
    "channels",
    "affiliations",
    "claimants",
    "experts",
    "facilities",
    "laboratories",
    "measures",
    "products",
    "recognition",
    "providers",
    "referral_agencies",
    "representation",
    "service_agencies",
    "service_people",
    "standing",
    "usage",
]
