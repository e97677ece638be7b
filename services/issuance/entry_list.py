"""The list of entries: who asks, in which order, how far each has come. Who changes it holds the quota's row."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.issuance.domain.entry import Stage
from services.issuance.domain.serving import InLine
from services.issuance.tables import draw_seeds, entries, quotas
from shared.events.issuance.entries import EntryMade, EntryWay

_WAITING = entries.c.stage == Stage.WAITING.value
_SETTLE = sa.text(
    """
    UPDATE entries e SET stage = s.stage, way = coalesce(s.way, e.way), place = coalesce(s.place, e.place),
        drawn = coalesce(s.drawn, e.drawn)
    FROM unnest(CAST(:entries AS text[]), CAST(:stages AS text[]), CAST(:ways AS text[]), CAST(:places AS integer[]),
        CAST(:draws AS integer[])) AS s (entry_id, stage, way, place, drawn)
    WHERE e.entry_id = s.entry_id
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """How far an entry has come; `place` is a new one on the reserve list, `drawn` its place in the draw."""

    entry_id: str
    stage: Stage
    place: int | None = None
    drawn: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the entries of a way, without those withdrawn, ask for together, in fen."""

    entries: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """How many entries are served before one, and what they ask for, in fen."""

    entries: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How many entries of a way have come so far, and what they ask for, in fen."""

    way: EntryWay
    stage: Stage
    entries: int
    amount: int


async def add(connection: AsyncConnection, made: EntryMade, principal: str) -> None:
    """Put an entry on the list; the place is taken, and money that comes back from now on is owed to who waits."""
    row = {name: getattr(made, name) for name in ("entry_id", "period_id", "claimant_id", "way", "amount", "or_less")}
    more = {"principal": principal, "place": made.place, "stage": Stage.WAITING.value}
    await connection.execute(sa.insert(entries).values(row | more))
    waits = int(made.way == "reserve")
    await connection.execute(
        sa.update(quotas)
        .where(quotas.c.period_id == made.period_id)
        .values(entries=made.place, waiting=quotas.c.waiting + waits)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What a claimant's entry finds: whether one of its own waits already, and which ways are being decided."""

    has_open: bool
    begun: frozenset[EntryWay]


async def before(connection: AsyncConnection, period_id: str, claimant_id: str) -> Before:
    """Look at a period's entries for a claimant; a way is being decided once its first entry is."""
    here, done = entries.c.period_id == period_id, (Stage.SERVED.value, Stage.ENDED.value)
    own = sa.exists().where(here, entries.c.claimant_id == claimant_id, _WAITING)
    window = sa.exists().where(here, entries.c.way == "window", entries.c.stage.in_(done))
    draw = sa.exists().where(here, entries.c.drawn.is_not(None))
    looked = sa.select(own.label("own"), window.label("window"), draw.label("draw"))
    row = (await connection.execute(looked)).one()
    by_way: dict[EntryWay, bool] = {"window": row.window, "draw": row.draw}
    return Before(has_open=row.own, begun=frozenset(way for way, is_begun in by_way.items() if is_begun))


async def is_relied_on(connection: AsyncConnection, period_id: str) -> bool:
    """Tell whether anybody has entered by a period's plan, and not withdrawn again."""
    stands = sa.select(entries.c.entry_id).where(
        entries.c.period_id == period_id, entries.c.stage != Stage.WITHDRAWN.value
    )
    return (await connection.execute(stands.limit(1))).first() is not None


async def line(connection: AsyncConnection, period_id: str, way: EntryWay | None, *, limit: int) -> list[sa.Row[Any]]:
    """Read the next entries that wait, of one way or of all, in the order of their places."""
    here = sa.select(entries).where(entries.c.period_id == period_id, _WAITING)
    if way is not None:
        here = here.where(entries.c.way == way)
    return list((await connection.execute(here.order_by(entries.c.place).limit(limit))).all())


async def to_draw(connection: AsyncConnection, period_id: str) -> list[str]:
    """Name the entries that are still to be drawn."""
    found = sa.select(entries.c.entry_id).where(entries.c.period_id == period_id, _WAITING, entries.c.way == "draw")
    return list((await connection.execute(found)).scalars())


async def named(connection: AsyncConnection, entry_ids: Sequence[str]) -> list[sa.Row[Any]]:
    """Read entries in the order given."""
    rows = (await connection.execute(sa.select(entries).where(entries.c.entry_id.in_(entry_ids)))).all()
    return sorted(rows, key=lambda row: entry_ids.index(row.entry_id))


async def asked(connection: AsyncConnection, period_id: str, way: EntryWay) -> Asked:
    """Count what was asked for in a way; who was moved from the draw to the reserve list has asked in the draw."""
    whose = entries.c.drawn.is_not(None) if way == "draw" else entries.c.way == way
    statement = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(entries.c.amount), 0)).where(
        entries.c.period_id == period_id, whose, entries.c.stage != Stage.WITHDRAWN.value
    )
    count, amount = (await connection.execute(statement)).one()
    return Asked(entries=count, amount=int(amount))


async def drawn_so_far(connection: AsyncConnection, period_id: str) -> int:
    """Say how many places of the draw are given."""
    last = sa.select(sa.func.coalesce(sa.func.max(entries.c.drawn), 0)).where(
        entries.c.period_id == period_id, entries.c.drawn.is_not(None)
    )
    return int((await connection.execute(last)).scalar_one())


async def settle(connection: AsyncConnection, settled: Sequence[Settled]) -> None:
    """Write down how far entries have come."""
    if not settled:
        return
    await connection.execute(
        _SETTLE,
        {
            "entries": [one.entry_id for one in settled],
            "stages": [one.stage.value for one in settled],
            "ways": ["reserve" if one.place is not None else None for one in settled],
            "places": [one.place for one in settled],
            "draws": [one.drawn for one in settled],
        },
    )


async def ahead_of(connection: AsyncConnection, period_id: str, way: EntryWay, *, place: int) -> Ahead:
    """Count the entries that are served before one that waits in a way at a place."""
    before = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(entries.c.amount), 0)).where(
        entries.c.period_id == period_id, entries.c.way == way, _WAITING, entries.c.place < place
    )
    count, amount = (await connection.execute(before)).one()
    return Ahead(entries=count, amount=int(amount))


async def latest_of(
    connection: AsyncConnection, period_id: str, claimant_id: str, *, principal: str | None = None
) -> sa.Row[Any] | None:
    """Read the newest entry of a claimant in a period, or the newest that `principal` made for it."""
    own = sa.select(entries).where(entries.c.claimant_id == claimant_id, entries.c.period_id == period_id)
    if principal is not None:
        own = own.where(entries.c.principal == principal)
    return (await connection.execute(own.order_by(entries.c.place.desc()).limit(1))).one_or_none()


async def seed_of(connection: AsyncConnection, period_id: str) -> str | None:
    """Give the seed of a period's draw."""
    found = await connection.execute(sa.select(draw_seeds.c.seed).where(draw_seeds.c.period_id == period_id))
    return found.scalar_one_or_none()


def in_line(row: sa.Row[Any], voucher_id: str) -> InLine:
    """Give an entry its turn; the voucher it may bring gets this name."""
    return InLine(
        entry_id=row.entry_id,
        claimant_id=row.claimant_id,
        principal=row.principal,
        amount=row.amount,
        or_less=row.or_less,
        voucher_id=voucher_id,
    )


async def figures_of(connection: AsyncConnection, period_id: str) -> list[Counted]:
    """Count a period's entries, by way and by how far they have come."""
    statement = (
        sa.select(
            entries.c.way, entries.c.stage, sa.func.count().label("entries"), sa.func.sum(entries.c.amount).label("fen")
        )
        .where(entries.c.period_id == period_id)
        .group_by(entries.c.way, entries.c.stage)
        .order_by(entries.c.way, entries.c.stage)
    )
    return [
        Counted(way=row.way, stage=Stage(row.stage), entries=row.entries, amount=int(row.fen))
        for row in await connection.execute(statement)
    ]
