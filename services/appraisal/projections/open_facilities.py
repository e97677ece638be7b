"""Every facility with its original value, from which day to which it was open (art. 11)."""

from typing import Any

import sqlalchemy as sa

from services.appraisal.tables import APPRAISAL
from shared.events.definition import Recorded
from shared.events.registry.facilities import FacilityChanged, FacilityOpened, FacilityWithdrawn
from shared.projections.keys import row_of
from shared.projections.projection import Projection, Row, RowKey

table = sa.Table(
    "open_facilities",
    APPRAISAL,
    sa.Column("facility_id", sa.Text, primary_key=True),
    sa.Column("provider_id", sa.Text, nullable=False, index=True),
    sa.Column("original_value", sa.BigInteger, nullable=False),
    sa.Column("opened_on", sa.Date, nullable=False),
    sa.Column("withdrawn_on", sa.Date),
)


def evolve(row: Row | None, event: Recorded[Any], _key: RowKey) -> Row | None:
    """Fold one fact into a facility's row; all have the provider's key, so they come in order."""
    match event.data:
        case FacilityOpened() as fact:
            return {
                "facility_id": fact.facility_id,
                "provider_id": fact.provider_id,
                "original_value": fact.original_value,
                "opened_on": fact.on,
                "withdrawn_on": None,
            }
        case FacilityChanged(original_value=original_value) if row is not None:
            return row | {"original_value": original_value}
        case FacilityWithdrawn(on=on) if row is not None:
            return row | {"withdrawn_on": on}
        case _:
            raise LookupError(f"{event.id} speaks of a facility that was never opened")


open_facilities = Projection(
    name="open_facilities",
    table=table,
    rows=dict.fromkeys((FacilityOpened, FacilityChanged, FacilityWithdrawn), row_of("facility_id")),
    evolve=evolve,
    poison="halt",
)
