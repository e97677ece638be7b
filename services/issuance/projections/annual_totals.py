"""What each claimant's year comes to: reserved, spent and released, by the year of the claim (art. 12)."""

from typing import Any

import sqlalchemy as sa

from services.issuance.domain.allowance import Moving, posting
from services.issuance.projections import READ_MODELS
from shared.events.definition import Recorded
from shared.events.issuance.vouchers import (
    VoucherCancelled,
    VoucherClaimed,
    VoucherExpired,
    VoucherLapsed,
    VoucherRedeemed,
)
from shared.projections.projection import Projection, Row, RowKey

TABLE = sa.Table(
    "annual_totals",
    READ_MODELS,
    sa.Column("claimant_id", sa.Text, primary_key=True),
    sa.Column("year", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("claims", sa.Integer, nullable=False),
    sa.Column("reserved", sa.BigInteger, nullable=False),
    sa.Column("spent", sa.BigInteger, nullable=False),
    sa.Column("released", sa.BigInteger, nullable=False),
)

_NOTHING: Row = {"claims": 0, "reserved": 0, "spent": 0, "released": 0}


def evolve(row: Row | None, event: Recorded[Any], key: RowKey) -> Row:
    """Post one fact to a claimant's year; what the fact does not release stays reserved (reading 4)."""
    data: Moving = event.data
    claimant_id, year = key
    before = row or _NOTHING
    moved = posting(data)
    return {
        "claimant_id": claimant_id,
        "year": year,
        "claims": before["claims"] + isinstance(data, VoucherClaimed),
        "reserved": before["reserved"] + moved.reserved,
        "spent": before["spent"] + moved.spent,
        "released": before["released"] + moved.released,
    }


def _row(data: Moving) -> tuple[RowKey, ...]:
    return ((data.claimant_id, data.year),)


ANNUAL_TOTALS = Projection(
    name="annual_totals",
    table=TABLE,
    rows={
        VoucherClaimed: _row,
        VoucherCancelled: _row,
        VoucherExpired: _row,
        VoucherLapsed: _row,
        VoucherRedeemed: _row,
    },
    evolve=evolve,
    poison="halt",
    sums=frozenset(_NOTHING),
)


def totals_of(claimant_id: str) -> sa.Select[Any]:
    """Select a claimant's years."""
    return sa.select(TABLE).where(TABLE.c.claimant_id == claimant_id)
