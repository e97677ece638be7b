"""What each provider did with vouchers in a year: contracts and their amounts (art. 11).

The events of a row come under many claimants' keys, in any order: every fact only adds to sums, so
their order does not matter. A fact counts in the year of its `on`, the day it was recorded in Beijing: a year that is
over is closed, and its records do not change any more.
"""

from typing import Any

import sqlalchemy as sa

from services.appraisal.tables import APPRAISAL
from shared.events.contracts import ContractCompleted, ContractRegistered
from shared.events.definition import Recorded
from shared.projections.keys import row_of
from shared.projections.projection import Projection, Row, RowKey

table = sa.Table(
    "service_records",
    APPRAISAL,
    sa.Column("provider_id", sa.Text, primary_key=True),
    sa.Column("year", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("contracts_registered", sa.Integer, nullable=False),
    sa.Column("contracts_completed", sa.Integer, nullable=False),
    sa.Column("actual_amount", sa.BigInteger, nullable=False),
)


def evolve(row: Row | None, event: Recorded[Any], key: RowKey) -> Row | None:
    """Add one fact to the sums of a provider's year."""
    sums = row or {
        "provider_id": key[0],
        "year": key[1],
        "contracts_registered": 0,
        "contracts_completed": 0,
        "actual_amount": 0,
    }
    match event.data:
        case ContractRegistered():
            return sums | {"contracts_registered": sums["contracts_registered"] + 1}
        case ContractCompleted(actual_amount=actual_amount):
            return sums | {
                "contracts_completed": sums["contracts_completed"] + 1,
                "actual_amount": sums["actual_amount"] + actual_amount,
            }
        case other:
            raise TypeError(f"{type(other).__name__} is not a fact of this read model")


service_records = Projection(
    name="service_records",
    table=table,
    rows=dict.fromkeys((ContractRegistered, ContractCompleted), row_of("provider_id", "on.year")),
    evolve=evolve,
    poison="halt",
)
