"""What the public list said of a provider, from which day on (art. 6, 11): the list of a past day never changes."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from services.registry.tables import REGISTRY
from shared.events.definition import Recorded
from shared.events.registry.providers import ProviderCapabilitiesChanged, ProviderListed
from shared.projections.keys import row_of
from shared.projections.projection import Projection, Row, RowKey

table = sa.Table(
    "provider_entries",
    REGISTRY,
    sa.Column("provider_id", sa.Text, primary_key=True),
    sa.Column("since", sa.Date, primary_key=True),
    sa.Column("capabilities", JSONB, nullable=False),
    sa.Column("third_party_testing", sa.Boolean, nullable=False),
)


def evolve(_row: Row | None, event: Recorded[Any], _key: RowKey) -> Row | None:
    """Fold one fact into a day's entry; the last fact of a day is what the list said on it."""
    fact = event.data
    return {
        "provider_id": fact.provider_id,
        "since": fact.on,
        "capabilities": list(fact.capabilities),
        "third_party_testing": fact.third_party_testing,
    }


provider_entries = Projection(
    name="provider_entries",
    table=table,
    rows=dict.fromkeys((ProviderListed, ProviderCapabilitiesChanged), row_of("provider_id", "on")),
    evolve=evolve,
    poison="park",
)
