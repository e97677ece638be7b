"""Every application of an agency or a laboratory and how far it has come, for the office's desk (faq 4, 5, 7)."""

from typing import Any

import sqlalchemy as sa

from services.registry.tables import REGISTRY
from shared.events.definition import Recorded
from shared.events.registry.affiliations import (
    AffiliationCorrected,
    AffiliationEnded,
    AffiliationGranted,
    AffiliationRefused,
    AffiliationRequested,
    AffiliationReturned,
)
from shared.projections.keys import row_of
from shared.projections.projection import Projection, Row, RowKey

table = sa.Table(
    "affiliation_list",
    REGISTRY,
    sa.Column("party_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("stage", sa.Text, nullable=False, index=True),
    sa.Column("requested_on", sa.Date, nullable=False),
    sa.Column("since", sa.Date, nullable=False),
)
_STAGES = {
    AffiliationReturned: "returned",
    AffiliationCorrected: "requested",
    AffiliationGranted: "granted",
    AffiliationRefused: "refused",
    AffiliationEnded: "ended",
}


def evolve(row: Row | None, event: Recorded[Any], _key: RowKey) -> Row | None:
    """Fold one fact into an application's row."""
    fact = event.data
    if isinstance(fact, AffiliationRequested):
        return {
            "party_id": fact.party_id,
            "kind": fact.kind,
            "stage": "requested",
            "requested_on": fact.on,
            "since": fact.on,
        }
    if row is None:
        raise LookupError(f"{event.id} speaks of an application that nobody made")
    return row | {"stage": _STAGES[type(fact)], "since": fact.on}


affiliation_list = Projection(
    name="affiliation_list",
    table=table,
    rows=dict.fromkeys((AffiliationRequested, *_STAGES), row_of("party_id")),
    evolve=evolve,
    poison="park",
)
