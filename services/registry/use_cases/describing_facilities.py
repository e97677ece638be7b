"""A facility's public description as the tables keep it."""

from typing import Any

from services.registry.domain.facility_row import FacilityDetails
from services.registry.domain.name_grams import grams_of


def described(facility_id: str, provider_id: str, details: FacilityDetails) -> dict[str, Any]:
    """Give the row of `facilities`."""
    return {
        "facility_id": facility_id,
        "provider_id": provider_id,
        "number": details.number,
        "name": details.name,
        "site": details.site,
        "service_norms": details.service_norms,
        "price_standard": details.price_standard,
    }


def indexed(facility_id: str, details: FacilityDetails) -> dict[str, Any]:
    """Give the row of `facility_index`."""
    return {"facility_id": facility_id, "digest": details.digest, "grams": grams_of(details.name)}
