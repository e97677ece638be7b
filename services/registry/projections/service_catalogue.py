"""The services on offer with their prices, for anyone to search (art. 5, 6(5))."""

from typing import Any

import sqlalchemy as sa

from services.registry.tables import REGISTRY
from shared.events.definition import Recorded
from shared.events.registry.facilities import ServiceOffered, ServiceWithdrawn
from shared.projections.keys import row_of
from shared.projections.projection import Projection, Row, RowKey

table = sa.Table(
    "service_catalogue",
    REGISTRY,
    sa.Column("service_id", sa.Text, primary_key=True),
    sa.Column("facility_id", sa.Text, nullable=False, index=True),
    sa.Column("provider_id", sa.Text, nullable=False, index=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("unit_price", sa.BigInteger, nullable=False),
    sa.Column("offered_on", sa.Date, nullable=False),
)


def evolve(_row: Row | None, event: Recorded[Any], _key: RowKey) -> Row | None:
    """Fold one fact into a service's row; a withdrawn service has none."""
    match event.data:
        case ServiceOffered() as fact:
            return {
                "service_id": fact.service_id,
                "facility_id": fact.facility_id,
                "provider_id": fact.provider_id,
                "kind": fact.kind,
                "unit_price": fact.unit_price,
                "offered_on": fact.on,
            }
        case ServiceWithdrawn():
            return None
        case other:
            raise TypeError(f"{type(other).__name__} is not a fact of this read model")


service_catalogue = Projection(
    name="service_catalogue",
    table=table,
    rows=dict.fromkeys((ServiceOffered, ServiceWithdrawn), row_of("service_id")),
    evolve=evolve,
    poison="park",
)
