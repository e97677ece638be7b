"""Which certified new products a voucher may help to buy on a day: listed, and within their validity (faq 2)."""

from typing import Any

import sqlalchemy as sa

from services.contracts.tables import CONTRACTS
from shared.events.definition import Recorded
from shared.events.registry.products import NewProductChanged, NewProductListed, NewProductWithdrawn
from shared.projections.keys import row_of
from shared.projections.projection import Projection, Row, RowKey

table = sa.Table(
    "new_products",
    CONTRACTS,
    sa.Column("product_id", sa.Text, primary_key=True),
    sa.Column("valid_from", sa.Date, nullable=False),
    sa.Column("valid_until", sa.Date, nullable=False),
    sa.Column("listed_on", sa.Date, nullable=False),
    sa.Column("withdrawn_on", sa.Date),
)
"""Both days of the validity are included; from `withdrawn_on` on a product is off the list."""


def evolve(row: Row | None, event: Recorded[Any], _key: RowKey) -> Row | None:
    """Fold one fact into a product's row."""
    match event.data:
        case NewProductListed() as fact:
            return {
                "product_id": fact.product_id,
                "valid_from": fact.valid_from,
                "valid_until": fact.valid_until,
                "listed_on": fact.on,
                "withdrawn_on": None,
            }
        case NewProductChanged(valid_from=valid_from, valid_until=valid_until) if row is not None:
            return row | {"valid_from": valid_from, "valid_until": valid_until}
        case NewProductWithdrawn(on=on) if row is not None:
            return row | {"withdrawn_on": on}
        case _:
            raise LookupError(f"{event.id} speaks of a product that was never listed")


new_products = Projection(
    name="new_products",
    table=table,
    rows=dict.fromkeys((NewProductListed, NewProductChanged, NewProductWithdrawn), row_of("product_id")),
    evolve=evolve,
    poison="park",
)
