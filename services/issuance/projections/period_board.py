"""The board of periods for everyone: hours, quota, what was issued and what is left (art. 4, 12).

A period's own facts and its claims have different keys, so a claim may be seen before its period's plan: claims only
add to sums, and the plan only fills in what it says, in whatever order they come.
"""

from typing import Any, assert_never

import sqlalchemy as sa

from services.issuance.projections import READ_MODELS
from shared.events.definition import Recorded
from shared.events.issuance import (
    PeriodApproved,
    PeriodClosed,
    PeriodExhausted,
    PeriodOpened,
    PeriodProposed,
    QuotaReturned,
    VoucherClaimed,
)
from shared.projections.projection import Projection, Row, RowKey

TABLE = sa.Table(
    "period_board",
    READ_MODELS,
    sa.Column("period_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text),
    sa.Column("phase", sa.Text),
    sa.Column("opens_at", sa.DateTime(timezone=True)),
    sa.Column("closes_at", sa.DateTime(timezone=True)),
    sa.Column("face_value_max", sa.BigInteger),
    sa.Column("proposed_by", sa.Text),
    sa.Column("quota", sa.BigInteger, nullable=False),
    sa.Column("issued", sa.BigInteger, nullable=False),
    sa.Column("returned", sa.BigInteger, nullable=False),
    sa.Column("remaining", sa.BigInteger, nullable=False),
    sa.Column("claims", sa.Integer, nullable=False),
)
"""`name`, `phase`, the hours and the cap are null only while a period's plan has not been seen yet."""

type Event = (
    PeriodProposed | PeriodApproved | PeriodOpened | PeriodExhausted | PeriodClosed | QuotaReturned | VoucherClaimed
)


def evolve(row: Row | None, event: Recorded[Any], key: RowKey) -> Row:
    """Fold one fact into a period's row."""
    data: Event = event.data
    before = row or _unseen(key)
    match data:
        case PeriodProposed():
            plan = {
                "name": data.name,
                "phase": "proposed",
                "opens_at": data.opens_at,
                "closes_at": data.closes_at,
                "face_value_max": data.face_value_max,
                "proposed_by": data.proposed_by,
            }
            return before | plan | {"quota": data.quota, "remaining": before["remaining"] + data.quota}
        case PeriodApproved():
            return before | {"phase": "approved"}
        case PeriodOpened():
            return before | {"phase": "open"}
        case PeriodExhausted():
            return before | {"phase": "exhausted"}
        case PeriodClosed():
            return before | {"phase": "closed"}
        case QuotaReturned(amount=amount):
            phase = "open" if before["phase"] == "exhausted" else before["phase"]
            sums = {"returned": before["returned"] + amount, "remaining": before["remaining"] + amount}
            return before | sums | {"phase": phase}
        case VoucherClaimed(amount=amount):
            sums = {"issued": before["issued"] + amount, "remaining": before["remaining"] - amount}
            return before | sums | {"claims": before["claims"] + 1}
    assert_never(data)


def _unseen(key: RowKey) -> Row:
    plan = dict.fromkeys(("name", "phase", "opens_at", "closes_at", "face_value_max", "proposed_by"))
    return {"period_id": key[0], **plan, "quota": 0, "issued": 0, "returned": 0, "remaining": 0, "claims": 0}


def _row(data: Event) -> tuple[RowKey, ...]:
    return ((data.period_id,),)


PERIOD_BOARD = Projection(
    name="period_board",
    table=TABLE,
    rows={
        PeriodProposed: _row,
        PeriodApproved: _row,
        PeriodOpened: _row,
        PeriodExhausted: _row,
        PeriodClosed: _row,
        QuotaReturned: _row,
        VoucherClaimed: _row,
    },
    evolve=evolve,
    poison="park",
)


def periods(*, announced_only: bool) -> sa.Select[Any]:
    """Select the periods, for the public without the plans that nobody has approved yet."""
    seen = sa.select(TABLE).where(TABLE.c.phase.is_not(None))
    return seen.where(TABLE.c.phase != "proposed") if announced_only else seen
