"""The facilities that are open, for anyone to search (art. 2, 5)."""

from typing import Any

import sqlalchemy as sa

from services.registry.tables import REGISTRY
from shared.events.definition import Recorded
from shared.events.registry.facilities import FacilityChanged, FacilityOpened, FacilityStatusChanged, FacilityWithdrawn
from shared.projections.keys import row_of
from shared.projections.projection import Projection, Row, RowKey

table = sa.Table(
    "facility_catalogue",
    REGISTRY,
    sa.Column("facility_id", sa.Text, primary_key=True),
    sa.Column("provider_id", sa.Text, nullable=False, index=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("original_value", sa.BigInteger, nullable=False),
    sa.Column("opened_on", sa.Date, nullable=False),
    sa.Column("status", sa.Text, nullable=False, server_default="in_service"),
)


def evolve(row: Row | None, event: Recorded[Any], _key: RowKey) -> Row | None:
    """Fold one fact into a facility's row; a withdrawn facility has none."""
    match event.data:
        case FacilityOpened() as fact:
            return {
                "facility_id": fact.facility_id,
                "provider_id": fact.provider_id,
                "kind": fact.kind,
                "original_value": fact.original_value,
                "opened_on": fact.on,
                "status": "in_service",
            }
        case FacilityChanged(original_value=original_value) if row is not None:
            return row | {"original_value": original_value}
        case FacilityStatusChanged(status=status) if row is not None:
            return row | {"status": status}
        case FacilityWithdrawn():
            return None
        case other:
            raise TypeError(f"{type(other).__name__} is not a fact of this read model")


facility_catalogue = Projection(
    name="facility_catalogue",
    table=table,
    rows=dict.fromkeys(
        (FacilityOpened, FacilityChanged, FacilityStatusChanged, FacilityWithdrawn), row_of("facility_id")
    ),
    evolve=evolve,
    poison="park",
)
