"""The laboratories that are members of a field centre, from and to a day (faq 5)."""

from typing import Any

import sqlalchemy as sa

from services.registry.tables import REGISTRY
from shared.events.definition import Recorded
from shared.events.registry.laboratories import FieldCentreJoined, FieldCentreLeft
from shared.projections.keys import row_of
from shared.projections.projection import Projection, Row, RowKey

table = sa.Table(
    "field_centre_members",
    REGISTRY,
    sa.Column("laboratory_id", sa.Text, primary_key=True),
    sa.Column("field_centre_id", sa.Text, nullable=False, index=True),
    sa.Column("joined_on", sa.Date, nullable=False),
    sa.Column("left_on", sa.Date),
)


def evolve(row: Row | None, event: Recorded[Any], _key: RowKey) -> Row | None:
    """Fold one fact into a member's row; a laboratory that joins anew has a new id."""
    match event.data:
        case FieldCentreJoined() as fact:
            return {
                "laboratory_id": fact.laboratory_id,
                "field_centre_id": fact.field_centre_id,
                "joined_on": fact.on,
                "left_on": None,
            }
        case FieldCentreLeft(on=on) if row is not None:
            return row | {"left_on": on}
        case _:
            raise LookupError(f"{event.id} speaks of a laboratory that never joined")


field_centre_members = Projection(
    name="field_centre_members",
    table=table,
    rows=dict.fromkeys((FieldCentreJoined, FieldCentreLeft), row_of("laboratory_id")),
    evolve=evolve,
    poison="park",
)
