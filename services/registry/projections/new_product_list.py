"""Certified new products with the days on which each was valid; one that was withdrawn stays with that day (faq 2)."""

from typing import Any

import sqlalchemy as sa

from services.registry.tables import REGISTRY
from shared.events.definition import Recorded
from shared.events.registry.products import NewProductChanged, NewProductListed, NewProductWithdrawn
from shared.projections.keys import row_of
from shared.projections.projection import Projection, Row, RowKey

table = sa.Table(
    "new_product_list",
    REGISTRY,
    sa.Column("product_id", sa.Text, primary_key=True),
    sa.Column("certificate_number", sa.Text, nullable=False, index=True),
    sa.Column("valid_from", sa.Date, nullable=False),
    sa.Column("valid_until", sa.Date, nullable=False),
    sa.Column("listed_on", sa.Date, nullable=False),
    sa.Column("withdrawn_on", sa.Date),
)


def evolve(row: Row | None, event: Recorded[Any], _key: RowKey) -> Row | None:
    """Fold one fact into a product's row."""
    match event.data:
        case NewProductListed() as fact:
            return {
                "product_id": fact.product_id,
                "certificate_number": fact.certificate_number,
                "valid_from": fact.valid_from,
                "valid_until": fact.valid_until,
                "listed_on": fact.on,
                "withdrawn_on": None,
            }
        case NewProductChanged() as fact if row is not None:
            return row | {"valid_from": fact.valid_from, "valid_until": fact.valid_until}
        case NewProductWithdrawn(on=on) if row is not None:
            return row | {"withdrawn_on": on}
        case _:
            raise LookupError(f"{event.id} speaks of a product that was never listed")


new_product_list = Projection(
    name="new_product_list",
    table=table,
    rows=dict.fromkeys((NewProductListed, NewProductChanged, NewProductWithdrawn), row_of("product_id")),
    evolve=evolve,
    poison="park",
)
