"""The laboratories that can offer industrial design, from and to a day (faq 3)."""

from typing import Any

import sqlalchemy as sa

from services.registry.tables import REGISTRY
from shared.events.definition import Recorded
from shared.events.registry.laboratories import DesignCentreDelisted, DesignCentreListed
from shared.projections.keys import row_of
from shared.projections.projection import Projection, Row, RowKey

table = sa.Table(
    "design_centre_list",
    REGISTRY,
    sa.Column("design_centre_id", sa.Text, primary_key=True),
    sa.Column("laboratory_id", sa.Text, nullable=False, index=True),
    sa.Column("listed_on", sa.Date, nullable=False),
    sa.Column("delisted_on", sa.Date),
)


def evolve(row: Row | None, event: Recorded[Any], _key: RowKey) -> Row | None:
    """Fold one fact into a design centre's row."""
    match event.data:
        case DesignCentreListed() as fact:
            return {
                "design_centre_id": fact.design_centre_id,
                "laboratory_id": fact.laboratory_id,
                "listed_on": fact.on,
                "delisted_on": None,
            }
        case DesignCentreDelisted(on=on) if row is not None:
            return row | {"delisted_on": on}
        case _:
            raise LookupError(f"{event.id} speaks of a design centre that was never listed")


design_centre_list = Projection(
    name="design_centre_list",
    table=table,
    rows=dict.fromkeys((DesignCentreListed, DesignCentreDelisted), row_of("design_centre_id")),
    evolve=evolve,
    poison="park",
)
