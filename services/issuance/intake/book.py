"""What the writer of a period knows: the period, and the claimants it has met lately, each as of a revision."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import asyncpg

from services.issuance.claimants import read_standings
from services.issuance.domain.arrivals import Arrival, Outcome, Stock, left_after
from services.issuance.domain.claimant import Claimant
from services.issuance.domain.classes import UNDIVIDED, Parts
from services.issuance.domain.period import period
from services.issuance.domain.period_phases import Period
from services.issuance.ledger import parts_of
from shared.events.codec import decode

UNREGISTERED = -1
"""The revision of a claimant that is not there."""
_CLAIMANTS_MAX = 20_000

_PERIOD = """
SELECT e.type, e.data::text, e.version, q.remaining - q.owed AS remaining, q.owed, q.waiting, q.claims, q.revision,
    q.class_rests, q.class_released
FROM events e LEFT JOIN quotas q ON q.period_id = $2 WHERE e.stream = $1 ORDER BY e.version
"""
_YEARS = "SELECT claimant_id, year, reserved + spent FROM allowances WHERE claimant_id = ANY ($1)"


@dataclass(slots=True, kw_only=True)
class Known:
    """What is known of a claimant: its standing as of a revision, and what each of its years holds, in fen."""

    claimant: Claimant | None
    revision: int
    counted: dict[int, int]


@dataclass(slots=True, kw_only=True)
class Page:
    """The period as of a revision of its quota; `version` is its stream's, `seen` when it was read (loop seconds).

    `remaining` is what claims may take; `owed` beside it is for the `waiting` on the reserve list.
    """

    period: Period
    version: int
    remaining: int | None
    places: int
    revision: int
    seen: float
    parts: Parts = UNDIVIDED
    owed: int = 0
    waiting: int = 0


class Book:
    """The writer's copies, bounded; nothing in them is believed beyond the statement that checks it."""

    def __init__(self, period_id: str) -> None:
        self._period_id = period_id
        self._page: Page | None = None
        self._known: OrderedDict[str, Known] = OrderedDict()

    @property
    def page(self) -> Page | None:
        """The period as it was seen last, if it is known."""
        return self._page

    def forget(self) -> None:
        """Forget everything."""
        self.forget_period()
        self._known.clear()

    def forget_period(self) -> None:
        """Forget the period."""
        self._page = None

    def forget_claimants(self, claimant_ids: Iterable[str]) -> None:
        """Forget these claimants."""
        for claimant_id in claimant_ids:
            self._known.pop(claimant_id, None)

    async def complete(
        self, connection: "asyncpg.Connection[Any]", arrivals: Iterable[Arrival], seconds: float
    ) -> Page | None:
        """Read what is not known yet; None when there is no such period."""
        if self._page is None:
            self._page = await _read_page(connection, self._period_id, seconds)
        missing = list({arrival.claimant_id for arrival in arrivals if arrival.claimant_id not in self._known})
        if missing:
            self._known |= await _read_claimants(connection, missing)
        return self._page

    def known(self, claimant_id: str) -> Known:
        """Give what is known of a claimant that `complete` was asked for."""
        self._known.move_to_end(claimant_id)
        return self._known[claimant_id]

    def stock(self, page: Page, arrivals: Iterable[Arrival]) -> Stock:
        """Lay out what a batch is decided on."""
        known = {arrival.claimant_id: self.known(arrival.claimant_id) for arrival in arrivals}
        return Stock(
            period=page.period,
            remaining=page.remaining,
            places=page.places,
            parts=page.parts,
            reserve_waits=page.waiting > 0,
            claimants={name: one.claimant for name, one in known.items() if one.claimant is not None},
            counted={(name, year): fen for name, one in known.items() for year, fen in one.counted.items()},
        )

    def note_written(
        self, page: Page, stock: Stock, outcomes: Iterable[Outcome], *, revision: int, ended: bool
    ) -> None:
        """Enter what was written."""
        after = left_after(stock, outcomes)
        page.remaining, page.places, page.revision = after.remaining, after.places, revision
        page.parts = after.parts
        page.version += ended
        for (claimant_id, year), fen in after.counted.items():
            self._known[claimant_id].counted[year] = fen
        while len(self._known) > _CLAIMANTS_MAX:
            self._known.popitem(last=False)


async def _read_page(connection: "asyncpg.Connection[Any]", period_id: str, seconds: float) -> Page | None:
    """Read a period and its quota as of one moment."""
    history = await connection.fetch(_PERIOD, f"period-{period_id}", period_id)
    state = period.fold([decode(row["type"], row["data"]) for row in history])
    if not isinstance(state, Period):
        return None
    last = history[-1]
    return Page(
        period=state,
        version=last["version"],
        remaining=last["remaining"],
        places=last["claims"] or 0,
        revision=last["revision"] or 0,
        seen=seconds,
        parts=parts_of(last["class_rests"], last["class_released"]),
        owed=last["owed"] or 0,
        waiting=last["waiting"] or 0,
    )


async def _read_claimants(connection: "asyncpg.Connection[Any]", names: list[str]) -> dict[str, Known]:
    """Read standings first and years after: a claim between the two is seen as stale."""
    found = {name: Known(claimant=None, revision=UNREGISTERED, counted={}) for name in names}
    for claimant_id, (claimant, revision) in (await read_standings(connection, names)).items():
        found[claimant_id].claimant, found[claimant_id].revision = claimant, revision
    for claimant_id, year, fen in await connection.fetch(_YEARS, names):
        found[claimant_id].counted[year] = fen
    return found
