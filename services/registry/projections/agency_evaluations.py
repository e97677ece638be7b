"""Every evaluation of a service agency's year with its stage and its figures (faq 5)."""

from typing import Any

import sqlalchemy as sa

from services.registry.tables import REGISTRY
from shared.events.definition import Recorded
from shared.events.registry.evaluations import AgencyEvaluated, AgencyEvaluationProposed, AgencyEvaluationWithdrawn
from shared.projections.keys import row_of
from shared.projections.projection import Projection, Row, RowKey

table = sa.Table(
    "agency_evaluations",
    REGISTRY,
    sa.Column("agency_id", sa.Text, primary_key=True),
    sa.Column("year", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("laboratories_reported", sa.Integer, nullable=False),
    sa.Column("laboratories_entered", sa.Integer, nullable=False),
    sa.Column("laboratories_catalogued", sa.Integer, nullable=False),
    sa.Column("delegations", sa.Integer, nullable=False),
    sa.Column("providers", sa.Integer, nullable=False),
    sa.Column("evaluated_on", sa.Date),
)


def evolve(row: Row | None, event: Recorded[Any], _key: RowKey) -> Row | None:
    """Fold one fact into an evaluation's row."""
    match event.data:
        case AgencyEvaluationProposed() as fact:
            return {
                "agency_id": fact.agency_id,
                "year": fact.year,
                "stage": "proposed",
                "laboratories_reported": fact.figures.laboratories_reported,
                "laboratories_entered": fact.figures.laboratories_entered,
                "laboratories_catalogued": fact.figures.laboratories_catalogued,
                "delegations": fact.figures.delegations,
                "providers": fact.figures.providers,
                "evaluated_on": None,
            }
        case AgencyEvaluationWithdrawn() if row is not None:
            return row | {"stage": "withdrawn"}
        case AgencyEvaluated(on=on) if row is not None:
            return row | {"stage": "evaluated", "evaluated_on": on}
        case _:
            raise LookupError(f"{event.id} speaks of an evaluation that was never proposed")


agency_evaluations = Projection(
    name="agency_evaluations",
    table=table,
    rows=dict.fromkeys(
        (AgencyEvaluationProposed, AgencyEvaluationWithdrawn, AgencyEvaluated), row_of("agency_id", "year")
    ),
    evolve=evolve,
    poison="park",
)
