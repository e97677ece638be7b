"""Every voucher with its money: face value, what was paid, released and clawed back of it, and what it waits for.

A claimant's own list is read from the same rows: an index that names a claimant once, however many vouchers it has,
costs a tenth of a second table in that order.
"""

from typing import Any, assert_never

import sqlalchemy as sa

from services.issuance.projections import READ_MODELS
from shared.events.definition import Recorded
from shared.events.issuance.vouchers import (
    VoucherCancelled,
    VoucherClaimed,
    VoucherClawBackReversed,
    VoucherClawedBack,
    VoucherCommitmentReleased,
    VoucherCommitted,
    VoucherExpired,
    VoucherLapsed,
    VoucherRedeemed,
    VoucherRevoked,
    VoucherUsed,
)
from shared.projections.birth import Birth
from shared.projections.projection import Projection, Row, RowKey
from shared.projections.reading import owned

TABLE = sa.Table(
    "voucher_balances",
    READ_MODELS,
    sa.Column("voucher_id", sa.Text, primary_key=True),
    sa.Column("claimant_id", sa.Text, nullable=False),
    sa.Column("period_id", sa.Text, nullable=False),
    sa.Column("year", sa.SmallInteger, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("paid", sa.BigInteger, nullable=False),
    sa.Column("released", sa.BigInteger, nullable=False),
    sa.Column("clawed_back", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("place", sa.Integer, nullable=False),
    sa.Column("claimed_on", sa.Date, nullable=False),
    sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("register_by", sa.Date, nullable=False),
    sa.Column("register_by_provisional", sa.Boolean, nullable=False),
    sa.Column("contract_id", sa.Text),
    sa.Column("valid_until", sa.Date),
    sa.Column("valid_until_provisional", sa.Boolean, nullable=False),
    sa.Column("ended_on", sa.Date),
    sa.Index(None, "period_id", "place"),
    sa.Index(None, "claimant_id"),
)

type Event = (
    VoucherClaimed
    | VoucherCancelled
    | VoucherCommitted
    | VoucherCommitmentReleased
    | VoucherUsed
    | VoucherExpired
    | VoucherLapsed
    | VoucherRevoked
    | VoucherRedeemed
    | VoucherClawedBack
    | VoucherClawBackReversed
)


CLAIMED = Birth(
    of=VoucherClaimed,
    table=TABLE,
    fields={
        "voucher_id": "voucher_id",
        "claimant_id": "claimant_id",
        "period_id": "period_id",
        "year": "year",
        "amount": "amount",
        "place": "place",
        "claimed_on": "on",
        "register_by": "register_by",
        "register_by_provisional": "provisional",
    },
    at_first={
        "state": "claimed",
        "paid": 0,
        "released": 0,
        "clawed_back": 0,
        "contract_id": None,
        "valid_until": None,
        "valid_until_provisional": False,
        "ended_on": None,
    },
    recorded_at="claimed_at",
)
"""The row with which a voucher begins."""


def evolve(row: Row | None, event: Recorded[Any], key: RowKey) -> Row:
    """Fold one fact into a voucher's row; KeyError when a voucher moves that was never claimed."""
    data: Event = event.data
    if isinstance(data, VoucherClaimed):
        return CLAIMED.row(event)
    if row is None:
        raise KeyError(key)
    match data:
        case VoucherCommitted(contract_id=contract_id, valid_until=day, provisional=provisional):
            contract = {"contract_id": contract_id, "valid_until": day, "valid_until_provisional": provisional}
            return row | contract | {"state": "committed"}
        case VoucherCommitmentReleased():
            contract = {"contract_id": None, "valid_until": None, "valid_until_provisional": False}
            return row | contract | {"state": "claimed"}
        case VoucherUsed():
            return row | {"state": "used"}
        case VoucherCancelled(released=released, on=on):
            return row | {"state": "cancelled", "released": released, "ended_on": on}
        case VoucherExpired(released=released, on=on):
            return row | {"state": "expired", "released": released, "ended_on": on}
        case VoucherLapsed(released=released, on=on):
            return row | {"state": "lapsed", "released": released, "ended_on": on}
        case VoucherRevoked(on=on):
            return row | {"state": "revoked", "ended_on": on}
        case VoucherRedeemed(paid=paid, released=released, on=on):
            return row | {"state": "redeemed", "paid": paid, "released": released, "ended_on": on}
        case VoucherClawedBack(recovered=recovered):
            return row | {"clawed_back": row["clawed_back"] + recovered}
        case VoucherClawBackReversed(recovered=recovered):
            return row | {"clawed_back": row["clawed_back"] - recovered}
    assert_never(data)


def _row(data: Event) -> tuple[RowKey, ...]:
    return ((data.voucher_id,),)


VOUCHER_BALANCES = Projection(
    name="voucher_balances",
    table=TABLE,
    rows={
        VoucherClaimed: _row,
        VoucherCancelled: _row,
        VoucherCommitted: _row,
        VoucherCommitmentReleased: _row,
        VoucherUsed: _row,
        VoucherExpired: _row,
        VoucherLapsed: _row,
        VoucherRevoked: _row,
        VoucherRedeemed: _row,
        VoucherClawedBack: _row,
        VoucherClawBackReversed: _row,
    },
    evolve=evolve,
    poison="halt",
    begins=frozenset({VoucherClaimed}),
    births=(CLAIMED,),
)


def all_vouchers() -> sa.Select[Any]:
    """Select everybody's vouchers."""
    return sa.select(TABLE)


def vouchers_of(claimant_id: str | sa.ColumnElement[str]) -> sa.Select[Any]:
    """Select the vouchers of a claimant."""
    return all_vouchers().where(owned(TABLE.c.voucher_id, TABLE.c.claimant_id, claimant_id))


def holders_in(period_id: str) -> sa.Select[int, int]:
    """Select how many vouchers a period has issued, and to how many claimants."""
    claimants = sa.func.count(TABLE.c.claimant_id.distinct())
    return sa.select(sa.func.count(), claimants).where(TABLE.c.period_id == period_id)
