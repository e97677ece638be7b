"""Small read models to build and rebuild: what each claimant holds of a year, and its vouchers one by one."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from shared.database import metadata
from shared.events.definition import Recorded
from shared.events.issuance.vouchers import VoucherCancelled, VoucherClaimed
from shared.projections.birth import Birth
from shared.projections.projection import Projection, Row, RowKey

DAY = date(2026, 3, 2)
TABLES = metadata()
BALANCES = sa.Table(
    "test_balances",
    TABLES,
    sa.Column("claimant_id", sa.Text, primary_key=True),
    sa.Column("year", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("held", sa.BigInteger, nullable=False),
    sa.Column("vouchers", JSONB, nullable=False),
    sa.Column("last_claim_on", sa.Date),
    sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("places", sa.ARRAY(sa.Integer), nullable=False),
    sa.Column("note", sa.Text),
    sa.CheckConstraint("held >= 0", name="held"),
    sa.UniqueConstraint("year", "claimant_id"),
    sa.Index(None, "held", postgresql_where=sa.text("held > 0")),
)


def _evolve(row: Row | None, event: Recorded[Any], key: RowKey) -> Row | None:
    fact = event.data
    old = row or {"held": 0, "vouchers": [], "last_claim_on": None, "places": [], "note": None}
    common = {"claimant_id": key[0], "year": key[1], "changed_at": event.recorded_at}
    match fact:
        case VoucherClaimed():
            if fact.amount < 0:
                raise ValueError("a voucher of less than nothing")
            return common | {
                "held": old["held"] + fact.amount,
                "vouchers": [*old["vouchers"], {"id": fact.voucher_id, "fen": fact.amount}],
                "last_claim_on": fact.on,
                "places": [*old["places"], fact.place],
                "note": "含“引号”\\ and a\nline" if fact.place % 2 else None,
            }
        case VoucherCancelled():
            kept = [voucher for voucher in old["vouchers"] if voucher["id"] != fact.voucher_id]
            if not kept:
                return None
            return old | common | {"held": old["held"] - fact.amount, "vouchers": kept}
        case _:
            raise AssertionError(fact)


def _rows(fact: VoucherClaimed | VoucherCancelled) -> Sequence[RowKey]:
    return [(fact.claimant_id, fact.year)]


BALANCES_PROJECTION = Projection(
    name="test_balances",
    table=BALANCES,
    rows={VoucherClaimed: _rows, VoucherCancelled: _rows},
    evolve=_evolve,
    poison="halt",
)


SLIPS = sa.Table(
    "test_slips",
    TABLES,
    sa.Column("claimant_id", sa.Text, nullable=False),
    sa.Column("voucher_id", sa.Text, primary_key=True),
    sa.Column("fen", sa.BigInteger, nullable=False),
    sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("marks", JSONB, nullable=False),
    sa.Column("cancelled_on", sa.Date),
)
SLIP = Birth(
    of=VoucherClaimed,
    table=SLIPS,
    fields={"claimant_id": "claimant_id", "voucher_id": "voucher_id", "fen": "amount"},
    at_first={"marks": [], "cancelled_on": None},
    recorded_at="claimed_at",
)


def _evolve_slip(row: Row | None, event: Recorded[Any], key: RowKey) -> Row | None:
    match event.data:
        case VoucherClaimed():
            return SLIP.row(event)
        case VoucherCancelled(on=on) if row is not None:
            # every other slip is torn up, the others are marked
            return row | {"cancelled_on": on, "marks": [*row["marks"], "cancelled"]} if len(key[0]) % 2 else None
        case fact:
            raise LookupError(fact)


def _slip(fact: VoucherClaimed | VoucherCancelled) -> Sequence[RowKey]:
    return [(fact.voucher_id,)]


SLIPS_PROJECTION = Projection(
    name="test_slips",
    table=SLIPS,
    rows={VoucherClaimed: _slip, VoucherCancelled: _slip},
    evolve=_evolve_slip,
    poison="halt",
    begins=frozenset({VoucherClaimed}),
    births=(SLIP,),
)
"""A row for each voucher, which one event begins."""


def claimed(claimant: str, place: int, amount: int = 1_000) -> VoucherClaimed:
    """Tell that a claimant has got a voucher."""
    return VoucherClaimed(
        voucher_id=f"vch_{place}",
        period_id="prd_1",
        claimant_id=claimant,
        year=2026,
        amount=amount,
        allowance=20_000_000,
        place=place,
        on=DAY,
        register_by=DAY,
        provisional=False,
        pack="beijing-2023",
        pack_digest="f00d",
    )


def cancelled(claim: VoucherClaimed) -> VoucherCancelled:
    """Tell that a claim was given back."""
    return VoucherCancelled(
        voucher_id=claim.voucher_id,
        period_id=claim.period_id,
        claimant_id=claim.claimant_id,
        year=claim.year,
        amount=claim.amount,
        released=claim.amount,
        on=DAY,
    )
