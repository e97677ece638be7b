"""Sold out is answered from memory; only who may have won before is looked up."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import asyncpg
import structlog

from services.issuance.intake.asking import name_of
from services.issuance.intake.book import Page

_HOLDS_S = 0.5
"""How long the latch trusts what it saw; then everybody is looked at again, for money may have returned."""
_SCOUTS_AFTER_S = 0.25
"""After this one claim is let through to look, that the others need not: longer than a writer trusts its copy."""
_BITS_A_KEY = 16
_PROBES = 6
"""With sixteen bits a key one stranger in a thousand is looked up in vain."""
_BITS_MAX = 1 << 29
_STEP_BITS = 30
"""A filter has fewer places than this many bits can number: what is above them goes into the step."""
_PORTION = 20_000
_WON = """
SELECT replace(CAST(name AS text), '-', '') FROM kept_claims
WHERE position > (SELECT position FROM events WHERE stream = $1 AND version = 1) AND name > CAST($2 AS uuid)
ORDER BY name LIMIT $3
"""
_BEFORE_ALL = "0" * 32

_log = structlog.get_logger(__name__)

type Name = tuple[str, str]
"""A principal and its key."""


class Filter:
    """A set of names that may say yes to a stranger, never no to a member; a few bits a name, however long it is.

    Hashes have a seed of this process's own, so that nobody can aim at the places of another.
    """

    def __init__(self, expected: int) -> None:
        wanted = max(1 << 16, expected * _BITS_A_KEY)
        self._mask = min(_BITS_MAX, 1 << (wanted - 1).bit_length()) - 1
        self._bits = bytearray((self._mask + 1) // 8)

    def add(self, name: str) -> None:
        """Take a name in (`name_of`)."""
        place = hash(name)
        step = place >> _STEP_BITS | 1
        for _ in range(_PROBES):
            bit = place & self._mask
            self._bits[bit >> 3] |= 1 << (bit & 7)
            place += step

    def __contains__(self, name: str) -> bool:
        place = hash(name)
        step = place >> _STEP_BITS | 1
        for _ in range(_PROBES):
            bit = place & self._mask
            if not self._bits[bit >> 3] >> (bit & 7) & 1:
                return False
            place += step
        return True


class Latch:
    """Tells which claims need not be decided any more: the period has nothing left, and they have not won before."""

    def __init__(
        self, seconds: Callable[[], float], connect: Callable[[], Awaitable["asyncpg.Connection[Any]"]]
    ) -> None:
        self._seconds, self._connect = seconds, connect
        self._page: Page | None = None
        self._won: Filter | None = None
        self._gathering: asyncio.Task[None] | None = None
        self._meanwhile: list[Name] = []
        self._scout: Name | None = None
        self._scout_sent = -_HOLDS_S

    @property
    def is_shut(self) -> bool:
        """Whether the period had nothing left when it was seen last."""
        return self._page is not None

    def shuts_out(self, name: Name) -> Page | None:
        """Give the period that has nothing left for this caller; None when the claim is to be looked at.

        Now and then that is one of the many who come while nothing is left: what is seen for it holds for the others.
        """
        page = self._page
        if page is None or self._won is None:
            return None
        now = self._seconds()
        if now - page.seen > _SCOUTS_AFTER_S and now - self._scout_sent > _SCOUTS_AFTER_S:
            self._scout, self._scout_sent = name, now
        if now - page.seen > _HOLDS_S or name == self._scout or name_of(*name) in self._won:
            return None
        return page

    def look(self, page: Page, won: Iterable[Name]) -> None:
        """See how the period stands after a batch, and who has won in it."""
        self._scout = None
        for name in won:
            self._meanwhile.append(name) if self._won is None else self._won.add(name_of(*name))
        if page.remaining != 0:
            self._page = None
            if self._won is None and self._gathering is None:
                self._meanwhile.clear()  # whoever has won so far will be found in the database
            return
        self._page = page
        if self._won is None and self._gathering is None:
            self._gathering = asyncio.create_task(self._gather(page.places, page.period.period_id))

    def forget(self) -> None:
        """Let everyone be looked up again: whoever wrote meanwhile, or may have, its winners are not known here."""
        self._page = self._won = None
        self._meanwhile.clear()
        self.close()

    def close(self) -> None:
        """Stop gathering."""
        if self._gathering is not None:
            self._gathering.cancel()
            self._gathering = None

    async def _gather(self, expected: int, period_id: str) -> None:
        """Learn from the database who has won; until then every claim is looked up."""
        try:
            won = Filter(expected)
            connection = await self._connect()
            try:
                last = _BEFORE_ALL
                while rows := await connection.fetch(_WON, f"period-{period_id}", last, _PORTION):
                    for (name,) in rows:
                        won.add(name)
                    (last,) = rows[-1]
                    await asyncio.sleep(0)
            finally:
                connection.terminate()
            for whose in self._meanwhile:
                won.add(name_of(*whose))
            self._meanwhile.clear()
            self._won = won
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            _log.warning("latch.not_gathered", reason=type(error).__name__)
        finally:
            if self._gathering is asyncio.current_task():
                self._gathering = None
