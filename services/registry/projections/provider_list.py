"""The public list of providers (art. 6, 10(2)); who has left it stays with the day of leaving."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from services.registry.tables import REGISTRY
from shared.events.definition import Recorded
from shared.events.registry.providers import ProviderCapabilitiesChanged, ProviderDelisted, ProviderListed
from shared.projections.keys import row_of
from shared.projections.projection import Projection, Row, RowKey

table = sa.Table(
    "provider_list",
    REGISTRY,
    sa.Column("provider_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("capabilities", JSONB, nullable=False),
    sa.Column("third_party_testing", sa.Boolean, nullable=False),
    sa.Column("listed_on", sa.Date, nullable=False),
    sa.Column("delisted_on", sa.Date),
)


def evolve(row: Row | None, event: Recorded[Any], _key: RowKey) -> Row | None:
    """Fold one fact into a provider's row."""
    match event.data:
        case ProviderListed() as fact:
            return {
                "provider_id": fact.provider_id,
                "kind": fact.kind,
                "capabilities": list(fact.capabilities),
                "third_party_testing": fact.third_party_testing,
                "listed_on": fact.on,
                "delisted_on": None,
            }
        case ProviderCapabilitiesChanged() as fact if row is not None:
            return row | {
                "capabilities": list(fact.capabilities),
                "third_party_testing": fact.third_party_testing,
            }
        case ProviderDelisted(on=on) if row is not None:
            return row | {"delisted_on": on}
        case _:
            raise LookupError(f"{event.id} speaks of a provider that was never listed")


provider_list = Projection(
    name="provider_list",
    table=table,
    rows=dict.fromkeys((ProviderListed, ProviderCapabilitiesChanged, ProviderDelisted), row_of("provider_id")),
    evolve=evolve,
    poison="park",
)
