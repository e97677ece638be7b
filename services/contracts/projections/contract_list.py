"""Every contract with its parties, amounts, state and dates, for the lists of both parties and the office."""

from typing import Any

import sqlalchemy as sa

from services.contracts.tables import CONTRACTS
from shared.events.contracts import (
    ContractCompleted,
    ContractLapsed,
    ContractRegistered,
    ContractRejected,
    ContractSubmitted,
)
from shared.events.definition import Recorded
from shared.projections.keys import row_of
from shared.projections.projection import Projection, Row, RowKey

table = sa.Table(
    "contract_list",
    CONTRACTS,
    sa.Column("contract_id", sa.Text, primary_key=True),
    sa.Column("project_id", sa.Text, nullable=False),
    sa.Column("claimant_id", sa.Text, nullable=False, index=True),
    sa.Column("provider_id", sa.Text, nullable=False, index=True),
    sa.Column("service_id", sa.Text, nullable=False),
    sa.Column("service_kind", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("relation_declared", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("vouchers_amount", sa.BigInteger, nullable=False),
    sa.Column("actual_amount", sa.BigInteger),
    sa.Column("submitted_on", sa.Date, nullable=False),
    sa.Column("signed_on", sa.Date, nullable=False),
    sa.Column("starts_on", sa.Date, nullable=False),
    sa.Column("ends_on", sa.Date, nullable=False),
    sa.Column("valid_until", sa.Date),
    sa.Column("ended_on", sa.Date),
    sa.Column("redeem_by", sa.Date),
)
"""Amounts in fen; `vouchers_amount` is the sum of face values, `actual_amount` what the service really cost."""


def evolve(row: Row | None, event: Recorded[Any], _key: RowKey) -> Row | None:
    """Fold one fact into a contract's row."""
    fact = event.data
    if isinstance(fact, ContractSubmitted):
        return _submitted(fact)
    if row is None:
        raise LookupError(f"{event.id} speaks of a contract that was never submitted")
    match fact:
        case ContractRegistered(valid_until=valid_until):
            return row | {"state": "registered", "valid_until": valid_until}
        case ContractRejected():
            return row | {"state": "rejected"}
        case ContractCompleted(actual_amount=actual, ended_on=ended_on, redeem_by=redeem_by):
            return row | {
                "state": "completed",
                "actual_amount": actual,
                "ended_on": ended_on,
                "redeem_by": redeem_by,
            }
        case ContractLapsed():
            return row | {"state": "lapsed"}
        case _:
            raise TypeError(f"{type(fact).__name__} is not a fact of this read model")


def _submitted(fact: ContractSubmitted) -> Row:
    return {
        "contract_id": fact.contract_id,
        "project_id": fact.project_id,
        "claimant_id": fact.claimant_id,
        "provider_id": fact.provider_id,
        "service_id": fact.service_id,
        "service_kind": fact.service_kind,
        "state": "submitted",
        "relation_declared": fact.relation_declared,
        "amount": fact.amount,
        "vouchers_amount": sum(use.amount for use in fact.vouchers),
        "actual_amount": None,
        "submitted_on": fact.on,
        "signed_on": fact.signed_on,
        "starts_on": fact.starts_on,
        "ends_on": fact.ends_on,
        "valid_until": None,
        "ended_on": None,
        "redeem_by": None,
    }


contract_list = Projection(
    name="contract_list",
    table=table,
    rows=dict.fromkeys(
        (ContractSubmitted, ContractRegistered, ContractRejected, ContractCompleted, ContractLapsed),
        row_of("contract_id"),
    ),
    evolve=evolve,
    poison="halt",
)
