"""Every project with its state, for the lists of both parties and the office."""

from typing import Any

import sqlalchemy as sa

from services.contracts.tables import CONTRACTS
from shared.events.contracts import ProjectConfirmed, ProjectDeclined, ProjectProposed
from shared.events.definition import Recorded
from shared.projections.keys import row_of
from shared.projections.projection import Projection, Row, RowKey

table = sa.Table(
    "project_list",
    CONTRACTS,
    sa.Column("project_id", sa.Text, primary_key=True),
    sa.Column("claimant_id", sa.Text, nullable=False, index=True),
    sa.Column("provider_id", sa.Text, nullable=False, index=True),
    sa.Column("service_id", sa.Text, nullable=False),
    sa.Column("service_kind", sa.Text, nullable=False),
    sa.Column("planned_amount", sa.BigInteger, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("proposed_on", sa.Date, nullable=False),
    sa.Column("answered_on", sa.Date),
)


def evolve(row: Row | None, event: Recorded[Any], _key: RowKey) -> Row | None:
    """Fold one fact into a project's row."""
    fact = event.data
    if isinstance(fact, ProjectProposed):
        return {
            "project_id": fact.project_id,
            "claimant_id": fact.claimant_id,
            "provider_id": fact.provider_id,
            "service_id": fact.service_id,
            "service_kind": fact.service_kind,
            "planned_amount": fact.planned_amount,
            "state": "proposed",
            "proposed_on": fact.on,
            "answered_on": None,
        }
    if row is None:
        raise LookupError(f"{event.id} speaks of a project that was never proposed")
    match fact:
        case ProjectConfirmed(on=on):
            return row | {"state": "confirmed", "answered_on": on}
        case ProjectDeclined(on=on):
            return row | {"state": "declined", "answered_on": on}
        case _:
            raise TypeError(f"{type(fact).__name__} is not a fact of this read model")


project_list = Projection(
    name="project_list",
    table=table,
    rows=dict.fromkeys((ProjectProposed, ProjectConfirmed, ProjectDeclined), row_of("project_id")),
    evolve=evolve,
    poison="park",
)
