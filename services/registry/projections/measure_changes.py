"""Every change of the rules that was ever proposed, with what became of it."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from services.registry.tables import REGISTRY
from shared.events.definition import Recorded
from shared.events.registry.measures import MeasureChangeApproved, MeasureChangeProposed, MeasureChangeWithdrawn
from shared.projections.keys import row_of
from shared.projections.projection import Projection, Row, RowKey

table = sa.Table(
    "measure_changes",
    REGISTRY,
    sa.Column("change_id", sa.Text, primary_key=True),
    sa.Column("parameter", sa.Text, nullable=False, index=True),
    sa.Column("pack", sa.Text, nullable=False),
    sa.Column("value", JSONB, nullable=False),
    sa.Column("first_day", sa.Date, nullable=False),
    sa.Column("article", sa.Text, nullable=False),
    sa.Column("quote", sa.Text, nullable=False),
    sa.Column("proposed_by", sa.Text, nullable=False),
    sa.Column("proposed_on", sa.Date, nullable=False),
    sa.Column("approved_by", sa.Text),
    sa.Column("announced_on", sa.Date),
    sa.Column("withdrawn_by", sa.Text),
    sa.Column("withdrawn_on", sa.Date),
)


def evolve(row: Row | None, event: Recorded[Any], _key: RowKey) -> Row | None:
    """Fold one fact into a change's row."""
    match event.data:
        case MeasureChangeProposed() as fact:
            return {
                "change_id": fact.change_id,
                "parameter": fact.parameter,
                "pack": fact.pack,
                "value": list(fact.value) if isinstance(fact.value, tuple) else fact.value,
                "first_day": fact.first_day,
                "article": fact.article,
                "quote": fact.quote,
                "proposed_by": fact.proposed_by,
                "proposed_on": fact.on,
                "approved_by": None,
                "announced_on": None,
                "withdrawn_by": None,
                "withdrawn_on": None,
            }
        case MeasureChangeApproved(approved_by=approved_by, on=on) if row is not None:
            return row | {"approved_by": approved_by, "announced_on": on}
        case MeasureChangeWithdrawn(withdrawn_by=withdrawn_by, on=on) if row is not None:
            return row | {"withdrawn_by": withdrawn_by, "withdrawn_on": on}
        case _:
            raise LookupError(f"{event.id} speaks of a change that was never proposed")


measure_changes = Projection(
    name="measure_changes",
    table=table,
    rows=dict.fromkeys((MeasureChangeProposed, MeasureChangeApproved, MeasureChangeWithdrawn), row_of("change_id")),
    evolve=evolve,
    poison="park",
)
