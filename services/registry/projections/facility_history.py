"""Every facility that was ever open, what was said of it and since when: the catalogue of any past day (art. 2)."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from services.registry.tables import REGISTRY
from shared.events.definition import Recorded
from shared.events.registry.facilities import FacilityChanged, FacilityOpened, FacilityStatusChanged, FacilityWithdrawn
from shared.projections.keys import row_of
from shared.projections.projection import Projection, Row, RowKey

table = sa.Table(
    "facility_history",
    REGISTRY,
    sa.Column("facility_id", sa.Text, primary_key=True),
    sa.Column("provider_id", sa.Text, nullable=False, index=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("opened_on", sa.Date, nullable=False),
    sa.Column("withdrawn_on", sa.Date),
    sa.Column("values", JSONB, nullable=False),
    sa.Column("statuses", JSONB, nullable=False),
)


def evolve(row: Row | None, event: Recorded[Any], _key: RowKey) -> Row | None:
    """Fold one fact into a facility's row; `values` and `statuses` are pairs of a day and what held from it on."""
    match event.data:
        case FacilityOpened() as fact:
            return {
                "facility_id": fact.facility_id,
                "provider_id": fact.provider_id,
                "kind": fact.kind,
                "opened_on": fact.on,
                "withdrawn_on": None,
                "values": [[fact.on.isoformat(), fact.original_value]],
                "statuses": [[fact.on.isoformat(), "in_service"]],
            }
        case FacilityChanged(original_value=original_value, on=on) if row is not None:
            return row | {"values": [*row["values"], [on.isoformat(), original_value]]}
        case FacilityStatusChanged(status=status, on=on) if row is not None:
            return row | {"statuses": [*row["statuses"], [on.isoformat(), status]]}
        case FacilityWithdrawn(on=on) if row is not None:
            return row | {"withdrawn_on": on}
        case _:
            raise LookupError(f"{event.id} speaks of a facility that was never opened")


facility_history = Projection(
    name="facility_history",
    table=table,
    rows=dict.fromkeys(
        (FacilityOpened, FacilityChanged, FacilityStatusChanged, FacilityWithdrawn), row_of("facility_id")
    ),
    evolve=evolve,
    poison="park",
)
