"""A facility's public description as the tables keep it, and those it had before."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.registry.domain.facility_row import FacilityDetails
from services.registry.domain.name_grams import grams_of
from services.registry.provider_tables import facility_former_descriptions
from services.registry.tables import facilities, facility_index
from shared.store.transaction import Transaction


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


async def describe_anew(tx: Transaction, facility_id: str, provider_id: str, details: FacilityDetails) -> None:
    """Replace a description; the one before is kept for the days it held, the last of a day replaces those of it."""
    before = sa.select(
        facilities.c.facility_id,
        sa.literal(tx.today, sa.Date),
        *(facilities.c[name] for name in ("number", "name", "site", "service_norms", "price_standard")),
    ).where(facilities.c.facility_id == facility_id)
    columns = ["facility_id", "until", "number", "name", "site", "service_norms", "price_standard"]
    kept = insert(facility_former_descriptions).from_select(columns, before).on_conflict_do_nothing()
    await tx.connection.execute(kept)
    texts = described(facility_id, provider_id, details)
    await tx.connection.execute(sa.update(facilities).where(facilities.c.facility_id == facility_id).values(texts))
    entry = indexed(facility_id, details)
    statement = insert(facility_index).values(entry)
    await tx.connection.execute(statement.on_conflict_do_update(index_elements=["facility_id"], set_=entry))
