"""Every claw-back with what is asked for and what has come in, for lists."""

from typing import Any

import sqlalchemy as sa

from services.redemption.tables import REDEMPTION
from shared.events.definition import Recorded
from shared.events.redemption import (
    FundsRecovered,
    RecoveryOrdered,
    RecoveryOverdue,
    RecoveryProposed,
    RecoveryWithdrawn,
    RepaymentReversed,
)
from shared.projections.keys import row_of
from shared.projections.projection import Projection, Row, RowKey

table = sa.Table(
    "recovery_list",
    REDEMPTION,
    sa.Column("recovery_id", sa.Text, primary_key=True),
    sa.Column("redemption_id", sa.Text, nullable=False),
    sa.Column("contract_id", sa.Text, nullable=False),
    sa.Column("claimant_id", sa.Text, nullable=False),
    sa.Column("provider_id", sa.Text, nullable=False, index=True),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("recovered", sa.BigInteger, nullable=False),
    sa.Column("due_on", sa.Date, nullable=False),
    sa.Column("ordered_on", sa.Date),
    sa.Column("withdrawn_on", sa.Date),
    sa.Column("overdue", sa.Boolean, nullable=False),
)
"""`ordered_on` is null while a proposal waits; what is withdrawn asks for nothing more."""


def evolve(row: Row | None, event: Recorded[Any], _key: RowKey) -> Row | None:
    """Fold one fact into a claw-back's row."""
    fact = event.data
    if isinstance(fact, RecoveryProposed):
        return {
            "recovery_id": fact.recovery_id,
            "redemption_id": fact.redemption_id,
            "contract_id": fact.contract_id,
            "claimant_id": fact.claimant_id,
            "provider_id": fact.provider_id,
            "amount": fact.amount,
            "recovered": 0,
            "due_on": fact.due_on,
            "ordered_on": None,
            "withdrawn_on": None,
            "overdue": False,
        }
    if row is None:
        raise LookupError(f"{event.id} speaks of a recovery that was never proposed")
    match fact:
        case RecoveryOrdered(on=on):
            return row | {"ordered_on": on}
        case RecoveryWithdrawn(on=on):
            return row | {"withdrawn_on": on}
        case RecoveryOverdue():
            return row | {"overdue": True}
        case FundsRecovered(amount=amount):
            return row | {"recovered": row["recovered"] + amount}
        case RepaymentReversed(amount=amount):
            return row | {"recovered": row["recovered"] - amount}
        case _:
            raise TypeError(f"{type(fact).__name__} is not a fact of this read model")


recovery_list = Projection(
    name="recovery_list",
    table=table,
    rows=dict.fromkeys(
        (
            RecoveryProposed,
            RecoveryOrdered,
            RecoveryWithdrawn,
            RecoveryOverdue,
            FundsRecovered,
            RepaymentReversed,
        ),
        row_of("recovery_id"),
    ),
    evolve=evolve,
    poison="halt",
)
