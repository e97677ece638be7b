"""What keeps a provider from being appraised: the measures of art. 17 that take its right to apply, and until when."""

from typing import Any

import sqlalchemy as sa

from services.appraisal.tables import APPRAISAL
from shared.events.definition import Recorded
from shared.events.registry.standing import PartySanctioned, SanctionLifted
from shared.projections.keys import row_of
from shared.projections.projection import Projection, Row, RowKey

_BARRING = frozenset({"disqualify", "delist"})

table = sa.Table(
    "measures_in_force",
    APPRAISAL,
    sa.Column("sanction_id", sa.Text, primary_key=True),
    sa.Column("provider_id", sa.Text, nullable=False, index=True),
    sa.Column("imposed_on", sa.Date, nullable=False),
    sa.Column("until", sa.Date),
)


def evolve(row: Row | None, event: Recorded[Any], _key: RowKey) -> Row | None:
    """Fold one fact into a measure's row; a lifted one is gone, and what concerns others was never here."""
    match event.data:
        case PartySanctioned(party_kind="provider") as fact if fact.measure in _BARRING:
            return {
                "sanction_id": fact.sanction_id,
                "provider_id": fact.party_id,
                "imposed_on": fact.on,
                "until": fact.until,
            }
        case PartySanctioned():
            return row
        case SanctionLifted():
            return None
        case other:
            raise TypeError(f"{type(other).__name__} is not a fact of this read model")


measures_in_force = Projection(
    name="measures_in_force",
    table=table,
    rows=dict.fromkeys((PartySanctioned, SanctionLifted), row_of("sanction_id")),
    evolve=evolve,
    poison="halt",
)
