"""Every round with its stage, for lists."""

from typing import Any

import sqlalchemy as sa

from services.appraisal.tables import APPRAISAL
from shared.events.appraisal import RoundOpened, RoundProposed
from shared.events.definition import Recorded
from shared.projections.keys import row_of
from shared.projections.projection import Projection, Row, RowKey

table = sa.Table(
    "appraisal_rounds",
    APPRAISAL,
    sa.Column("round_id", sa.Text, primary_key=True),
    sa.Column("year", sa.Integer, nullable=False),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("proposed_on", sa.Date, nullable=False),
    sa.Column("opened_on", sa.Date),
)


def evolve(row: Row | None, event: Recorded[Any], _key: RowKey) -> Row | None:
    """Fold one fact into a round's row."""
    match event.data:
        case RoundProposed() as fact:
            return {
                "round_id": fact.round_id,
                "year": fact.year,
                "stage": "proposed",
                "proposed_on": fact.on,
                "opened_on": None,
            }
        case RoundOpened(on=on) if row is not None:
            return row | {"stage": "open", "opened_on": on}
        case _:
            raise LookupError(f"{event.id} speaks of a round that was never proposed")


appraisal_rounds = Projection(
    name="appraisal_rounds",
    table=table,
    rows=dict.fromkeys((RoundProposed, RoundOpened), row_of("round_id")),
    evolve=evolve,
    poison="park",
)
