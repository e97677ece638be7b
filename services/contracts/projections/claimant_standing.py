"""What the registry has found of a claimant: whether it meets art. 7, and who is related to it (art. 16)."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from services.contracts.tables import CONTRACTS
from shared.events.definition import Recorded
from shared.events.registry.claimants import (
    ClaimantEligibilityChanged,
    ClaimantRelatedPartiesDeclared,
    ClaimantRelatedPartiesRecognised,
)
from shared.projections.keys import row_of
from shared.projections.projection import Projection, Row, RowKey

table = sa.Table(
    "claimant_standing",
    CONTRACTS,
    sa.Column("claimant_id", sa.Text, primary_key=True),
    sa.Column("eligible", sa.Boolean, nullable=False),
    sa.Column("related", JSONB, nullable=False),
)
"""`eligible` is false while a rule of art. 7 fails; what waits for a person fails nobody (art. 15(1)).

`related` are the ids of the parties that the claimant's last declaration names, as far as they are known here.
"""


def evolve(row: Row | None, event: Recorded[Any], _key: RowKey) -> Row | None:
    """Fold one fact into a claimant's row; all have the claimant's key, so they come in order."""
    known = row or {"claimant_id": event.data.claimant_id, "eligible": True, "related": []}
    match event.data:
        case ClaimantEligibilityChanged(outcome=outcome):
            return known | {"eligible": outcome != "fail"}
        case ClaimantRelatedPartiesDeclared(parties=parties) | ClaimantRelatedPartiesRecognised(parties=parties):
            return known | {"related": list(parties)}
        case other:
            raise TypeError(f"{type(other).__name__} is not a fact of this read model")


claimant_standing = Projection(
    name="claimant_standing",
    table=table,
    rows=dict.fromkeys(
        (ClaimantEligibilityChanged, ClaimantRelatedPartiesDeclared, ClaimantRelatedPartiesRecognised),
        row_of("claimant_id"),
    ),
    evolve=evolve,
    poison="park",
)
