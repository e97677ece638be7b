"""Whether the board shows of classes what the rows that decide and the log say: the nightly proof's part of it."""

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.issuance.domain.classes import Parts
from services.issuance.ledger import parts_of
from services.issuance.projections.period_board import classes_on
from shared.events.issuance.periods import QuotaClass
from shared.events.issuance.quotas import ClassQuotaReleased
from shared.store.transaction import read_streams

_EVER = 2**62
type Sums = dict[str, int]
"""Fen by the name of a class."""


async def compared(connection: AsyncConnection, rows: Sequence[Any], shown: Sequence[Any]) -> list[tuple[str, bool]]:
    """Compare the divided quotas with the board: what was issued from each part, and what the log says it left.

    Gives for each what was compared, and whether it is the same. What a row has given to everybody before the log says
    so is not on the board yet.
    """
    divided = [row for row in rows if row.classes is not None]
    boards = {row.period_id: row for row in shown}
    streams = [f"classes-{row.period_id}" for row in divided]
    told: dict[str, Sums] = {row.period_id: {} for row in divided}
    for event in await read_streams(connection, "issuance", streams, until=_EVER):
        if isinstance(event.data, ClassQuotaReleased):
            told[event.data.period_id][event.data.name] = event.data.amount
    return [_compared(row, boards.get(row.period_id), told[row.period_id]) for row in divided]


def _compared(row: sa.Row[Any], board: sa.Row[Any] | None, told: Sums) -> tuple[str, bool]:
    classes = msgspec.convert(row.classes, type=tuple[QuotaClass, ...])
    decided = _issued(classes, parts_of(row.class_rests, row.class_released))
    listed, parts = classes_on(board) if board is not None else ((), Parts())
    issued = _issued(listed, parts)
    left = {each.name: fen for each, fen in zip(listed, parts.released, strict=True) if each.name in told or fen}
    what = f"the board of {row.period_id}: classes have issued {issued} and left {left}, the log says {decided}, {told}"
    return what, (listed, issued, left) == (classes, decided, told)


def _issued(classes: Sequence[QuotaClass], parts: Parts) -> Sums:
    """Say what was issued from each part: all that it neither has nor has left."""
    return {
        each.name: each.amount - rest - left
        for each, rest, left in zip(classes, parts.rests, parts.released, strict=True)
    }
