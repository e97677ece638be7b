"""The board of periods for everyone: hours, quota, what was issued and what is left, of classes too (art. 4, 12).

A period's own facts and its claims have different keys, so a claim may be seen before its period's plan: claims only
add to sums, and the plan only fills in what it says, in whatever order they come.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, assert_never

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from services.issuance.domain.classes import UNDIVIDED, Parts
from services.issuance.projections import READ_MODELS
from shared.events.definition import Recorded
from shared.events.issuance.periods import (
    PeriodApproved,
    PeriodClosed,
    PeriodExhausted,
    PeriodOpened,
    PeriodPaused,
    PeriodPlanChanged,
    PeriodProposed,
    PeriodResumed,
    PeriodWithdrawn,
    QuotaClass,
)
from shared.events.issuance.quotas import ClassQuotaReleased, QuotaReturned
from shared.events.issuance.vouchers import VoucherClaimed
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
    sa.Column("changed_by", sa.Text),
    sa.Column("approved_by", sa.Text),
    sa.Column("announced_at", sa.DateTime(timezone=True)),
    sa.Column("paused_since", sa.DateTime(timezone=True)),
    sa.Column("pause_reason", sa.Text),
    sa.Column("withdrawal_reason", sa.Text),
    sa.Column("quota", sa.BigInteger, nullable=False),
    sa.Column("issued", sa.BigInteger, nullable=False),
    sa.Column("returned", sa.BigInteger, nullable=False),
    sa.Column("remaining", sa.BigInteger, nullable=False),
    sa.Column("claims", sa.Integer, nullable=False),
    sa.Column("classes", JSONB(none_as_null=True)),
    sa.Column("class_issued", JSONB(none_as_null=True)),
    sa.Column("class_released", JSONB(none_as_null=True)),
)
"""`name`, `phase`, the hours and the cap are null only while a period's plan has not been seen yet.

`changed_by` had the last hand in the plan, if it was changed; whatever was announced once has its `announced_at`.
Where the quota is divided, `classes` are those of the plan, and the others say by name how many fen were issued from
the part of each, and how many it left for everybody when its time was over; null as long as there is nothing to say.
"""

type Event = (
    PeriodProposed
    | PeriodPlanChanged
    | PeriodWithdrawn
    | PeriodApproved
    | PeriodOpened
    | PeriodPaused
    | PeriodResumed
    | PeriodExhausted
    | PeriodClosed
    | QuotaReturned
    | ClassQuotaReleased
    | VoucherClaimed
)


def evolve(row: Row | None, event: Recorded[Any], key: RowKey) -> Row:
    """Fold one fact into a period's row."""
    data: Event = event.data
    before = row or _unseen(key)
    if isinstance(data, VoucherClaimed):
        issued, remaining = before["issued"] + data.amount, before["remaining"] - data.amount
        after = {**before, "issued": issued, "remaining": remaining, "claims": before["claims"] + 1}
        if data.parts:
            after["class_issued"] = _added(before["class_issued"], {part.name: part.amount for part in data.parts})
        return after
    match data:
        case PeriodProposed(proposed_by=proposed_by):
            return _planned(before, data) | {"proposed_by": proposed_by}
        case PeriodPlanChanged(changed_by=changed_by):
            return _planned(before, data) | {"changed_by": changed_by, "approved_by": None}
        case PeriodWithdrawn(reason=reason):
            return before | {"phase": "withdrawn", "withdrawal_reason": reason}
        case PeriodApproved(approved_by=approved_by):
            announced = {"announced_at": event.recorded_at}  # in one breath with the approval
            return before | announced | {"phase": "approved", "approved_by": approved_by}
        case PeriodOpened():
            return before | {"phase": "open"}
        case PeriodPaused(reason=reason, at=at):
            return before | {"paused_since": at, "pause_reason": reason}
        case PeriodResumed():
            return before | {"paused_since": None, "pause_reason": None}
        case PeriodExhausted():
            return before | {"phase": "exhausted"}
        case PeriodClosed():
            return before | {"phase": "closed"}
        case QuotaReturned(amount=amount):
            phase = _again(before, event.recorded_at) if before["phase"] == "exhausted" else before["phase"]
            sums = {"returned": before["returned"] + amount, "remaining": before["remaining"] + amount}
            return before | sums | {"phase": phase}
        case ClassQuotaReleased(name=name, amount=amount):
            return before | {"class_released": _added(before["class_released"], {name: amount})}
    assert_never(data)


def _again(before: Row, at: datetime) -> str:
    """Say how far a period is again that had nothing left: its entries may have exhausted it before its hour."""
    return "open" if at >= before["opens_at"] else "approved"


def _added(sums: Mapping[str, int] | None, more: Mapping[str, int]) -> dict[str, int]:
    """Add to the sums of classes, by name."""
    before = sums or {}
    return {**before, **{name: before.get(name, 0) + fen for name, fen in more.items()}}


def _planned(before: Row, plan: PeriodProposed | PeriodPlanChanged) -> Row:
    """Let a row say what the plan says; what was claimed and returned meanwhile is kept."""
    return before | {
        "name": plan.name,
        "phase": "proposed",
        "opens_at": plan.opens_at,
        "closes_at": plan.closes_at,
        "face_value_max": plan.face_value_max,
        "quota": plan.quota,
        "remaining": before["remaining"] - before["quota"] + plan.quota,
        "classes": [msgspec.to_builtins(each) for each in plan.classes] or None,
    }


def _unseen(key: RowKey) -> Row:
    sums = {"quota": 0, "issued": 0, "returned": 0, "remaining": 0, "claims": 0}
    return dict.fromkeys(TABLE.columns.keys()) | {"period_id": key[0]} | sums


def _row(data: Event) -> tuple[RowKey, ...]:
    return ((data.period_id,),)


PERIOD_BOARD = Projection(
    name="period_board",
    table=TABLE,
    rows={
        PeriodProposed: _row,
        PeriodPlanChanged: _row,
        PeriodWithdrawn: _row,
        PeriodApproved: _row,
        PeriodOpened: _row,
        PeriodPaused: _row,
        PeriodResumed: _row,
        PeriodExhausted: _row,
        PeriodClosed: _row,
        QuotaReturned: _row,
        ClassQuotaReleased: _row,
        VoucherClaimed: _row,
    },
    evolve=evolve,
    poison="park",
)


def periods(*, announced_only: bool) -> sa.Select[Any]:
    """Select the periods, for the public without the plans that were never announced."""
    seen = sa.select(TABLE).where(TABLE.c.phase.is_not(None))
    return seen.where(TABLE.c.announced_at.is_not(None)) if announced_only else seen


def classes_on(row: Any) -> tuple[tuple[QuotaClass, ...], Parts]:
    """Read a row's classes, and how their parts stand, in the order of the plan."""
    classes = msgspec.convert(row.classes or (), type=tuple[QuotaClass, ...])
    if not classes:
        return (), UNDIVIDED
    issued, released = row.class_issued or {}, row.class_released or {}
    left = tuple(released.get(each.name, 0) for each in classes)
    rests = tuple(each.amount - issued.get(each.name, 0) - gone for each, gone in zip(classes, left, strict=True))
    return classes, Parts(rests=rests, released=left)
