"""Whether entries were decided as they should be: once, in their order, by their lots; counted again from the log."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.issuance.period_audit import APPROVED_PLANS
from shared.audit import Breach, Check, Count

_FACTS = sa.text(
    """
    SELECT e.position, split_part(e.type, '.', 3) AS fact, e.data, v.data AS voucher,
        (SELECT coalesce(sum((part->>'amount')::bigint), 0) FROM jsonb_array_elements(v.data->'parts') AS part) AS parts
    FROM events e
    LEFT JOIN events v ON e.type = 'cxq.issuance.entry-served.v1'
        AND v.stream = 'voucher-' || (e.data->>'voucher_id') AND v.version = 1
    WHERE e.type LIKE 'cxq.issuance.entr%' OR e.type IN
        ('cxq.issuance.draw-committed.v1', 'cxq.issuance.quota-returned.v1', 'cxq.issuance.class-quota-released.v1')
    ORDER BY e.position
    """
)
_ROWS = sa.text("SELECT entry_id, period_id, way, place, stage, drawn FROM entries")
_QUOTAS = sa.text("SELECT period_id, entries, waiting, owed FROM quotas")
_PLANS = sa.text(f"WITH {APPROVED_PLANS} SELECT substr(stream, 8) AS period_id, data->>'quota' AS quota FROM plans")
_STAGES = {"entry-served": "served", "entry-withdrawn": "withdrawn", "entry-ended": "ended"}


@dataclass(slots=True, kw_only=True)
class _Told:
    """An entry as the log tells it."""

    data: dict[str, Any]
    way: str
    place: int
    stage: str = "waiting"
    drawn: int | None = None


@dataclass(slots=True, kw_only=True)
class _Period:
    """The entries of a period as the log tells them; `owed` in fen."""

    entries: int = 0
    owed: int = 0
    waiting: dict[str, _Told] = field(default_factory=dict)
    lots: list[str] = field(default_factory=list)
    commitment: str = ""


class _Fold:
    """Follows the log, and names what cannot be."""

    def __init__(self) -> None:
        self.entries: dict[str, _Told] = {}
        self.periods: dict[str, _Period] = {}

    def follow(self, row: sa.Row[Any]) -> Iterator[str]:
        """Take one fact in."""
        data, fact = row.data, row.fact
        period = self.periods.setdefault(data["period_id"], _Period())
        match fact:
            case "quota-returned" | "class-quota-released":
                period.owed += data["amount"] if period.waiting else 0
            case "draw-committed":
                period.commitment = data["commitment"]
            case "entries-decided":
                yield from self._decided(period, data)
            case "entry-made":
                period.entries += 1
                told = self.entries[data["entry_id"]] = _Told(data=data, way=data["way"], place=data["place"])
                if data["place"] != period.entries:
                    yield f"has place {data['place']}, and is the {period.entries}. of its period"
                if told.way == "reserve":
                    period.waiting[data["entry_id"]] = told
            case _:
                yield from self._changed(period, row)

    def _changed(self, period: _Period, row: sa.Row[Any]) -> Iterator[str]:
        data, entry_id = row.data, row.data["entry_id"]
        told = self.entries.get(entry_id)
        if told is None:
            yield f"{row.fact}, though it was never made"
            return
        if told.stage != "waiting":
            yield f"{row.fact}, though it was {told.stage} already"
        if told.way == "draw" and row.fact != "entry-withdrawn" and not _is_over(data):
            period.lots.append(entry_id)
            told.drawn = len(period.lots)
        if row.fact == "entry-moved-to-reserve":
            period.entries += 1
            told.way, told.place = "reserve", data["place"]
            period.waiting[entry_id] = told
            return
        told.stage = _STAGES[row.fact]
        if row.fact == "entry-served":
            yield from _against_voucher(told, row)
            if told.way == "reserve" and any(other.place < told.place for other in period.waiting.values()):
                yield "was served from the reserve list before who was ahead of it"
        if period.waiting.pop(entry_id, None) is not None:
            got = data["amount"] - row.parts if row.fact == "entry-served" else 0
            period.owed = max(period.owed - got, 0) if period.waiting else 0

    def _decided(self, period: _Period, data: dict[str, Any]) -> Iterator[str]:
        """Draw the lots again, and add up again what was asked for."""
        if data["way"] == "draw":
            asked = [self.entries[name].data["amount"] for name in period.lots]
            if hashlib.sha256(data["seed"].encode()).hexdigest() != period.commitment:
                yield "its draw was held by another seed than the one that lay fast"
            if period.lots != sorted(period.lots, key=lambda name: _lot(data["seed"], name)):
                yield "its draw was not held in the order of the lots"
        else:
            asked = [
                told.data["amount"]
                for told in self.entries.values()
                if told.way == "window" and told.data["period_id"] == data["period_id"] and told.stage != "withdrawn"
            ]
        if (len(asked), sum(asked)) != (data["entries"], data["asked"]):
            yield f"{data['entries']} entries for {data['asked']} fen were told, the log has {len(asked)}, {sum(asked)}"


async def entries_are_decided_right(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Follow every entry: one end, one voucher that is worth what was told, and nobody overtakes."""
    fold = _Fold()
    for row in (await connection.execute(_FACTS)).all():
        count.checked += row.fact not in {"quota-returned", "class-quota-released"}
        for found in fold.follow(row):
            where = row.data.get("entry_id") or row.data["period_id"]
            yield Breach(where=f"position {row.position}, {where}", found=found)


async def skipped_races_were_not_needed(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Hold every window against its quota: all are served where all can be, else the race decides."""
    quotas = {row.period_id: int(row.quota) for row in (await connection.execute(_PLANS)).all()}
    for row in (await connection.execute(_FACTS)).all():
        if row.fact != "entries-decided" or row.data["way"] != "window":
            continue
        count.checked += 1
        asked, quota = row.data["asked"], quotas.get(row.data["period_id"], 0)
        if (row.data["outcome"] == "served") != (asked <= quota):
            found = f"{asked} fen were asked for, the quota is {quota}: {row.data['outcome']}"
            yield Breach(where=f"position {row.position}, {row.data['period_id']}", found=found)


async def lists_are_as_the_log_says(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Hold the list of entries, and what quotas owe to it, against the fold of the log."""
    fold = _Fold()
    for row in (await connection.execute(_FACTS)).all():
        list(fold.follow(row))
    kept = {row.entry_id: (row.way, row.place, row.stage, row.drawn) for row in await connection.execute(_ROWS)}
    told = {name: (one.way, one.place, one.stage, one.drawn) for name, one in fold.entries.items()}
    for name in sorted(kept.keys() | told.keys()):
        count.checked += 1
        if kept.get(name) != told.get(name):
            found = f"way, place, stage, lot: the log says {told.get(name)}, the row {kept.get(name)}"
            yield Breach(where=name, found=found)
    for row in (await connection.execute(_QUOTAS)).all():
        count.checked += 1
        period = fold.periods.get(row.period_id, _Period())
        said, found_there = (period.entries, len(period.waiting), period.owed), (row.entries, row.waiting, row.owed)
        if said != found_there:
            found = f"entries, waiting, owed: the log says {said}, the row {found_there}"
            yield Breach(where=f"period {row.period_id}", found=found)


def _against_voucher(told: _Told, row: sa.Row[Any]) -> Iterator[str]:
    """Hold a served entry against its voucher."""
    data, voucher = row.data, row.voucher
    if voucher is None:
        yield f"was served with {data['voucher_id']}, which is not in the log"
        return
    whose = ("period_id", "claimant_id", "amount")
    if any(voucher[name] != data[name] for name in whose) or data["claimant_id"] != told.data["claimant_id"]:
        yield f"was served with {data['voucher_id']}, which is another's or worth another amount"
    asked = told.data["amount"]
    if data["amount"] != asked and not (told.data["or_less"] and data["amount"] < asked):
        yield f"asked for {asked} fen and got {data['amount']}"


def _is_over(data: dict[str, Any]) -> bool:
    """Tell whether an entry has ended because its period was over, rather than in the draw."""
    return any(reason["code"] in {"period-closed", "period-withdrawn"} for reason in data.get("reasons", ()))


def _lot(seed: str, name: str) -> bytes:
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()


ENTRY_CHECKS = (
    Check(
        id="E1",
        promise="an entry ends once, in its turn and by its lot; its voucher is worth what was told",
        look=entries_are_decided_right,
    ),
    Check(id="E2", promise="a race was skipped exactly where all could be served", look=skipped_races_were_not_needed),
    Check(
        id="E3", promise="the list of entries, and what is owed to it, equal the log", look=lists_are_as_the_log_says
    ),
)
"""Spliced into the checks of issuance."""
