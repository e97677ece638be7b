"""A process's name among its replicas: the lowest number nobody holds, and the same again after a restart."""

import asyncio
from contextlib import suppress
from typing import Final

import asyncpg

from shared.database import LIMITS
from shared.settings import Settings
from shared.supervision import Progress

_PLACES: Final = 0x706C
"""The first half of the advisory locks that stand for the places; the second is the number."""
_PLACES_MAX: Final = 256
_LOOK_S: Final = 2.0


class Membership:
    """Holds a place by a session's advisory lock, which PostgreSQL takes back the moment the process dies.

    Consumers join their groups under this name. A process that is killed and started again finds its place free, joins
    as the member it was and has its partitions back at once, without waiting for the dead member's session to end.
    """

    def __init__(self, settings: Settings, context: str) -> None:
        self._settings, self._context = settings, context
        self._name = ""
        self._known = asyncio.Event()

    async def name(self) -> str:
        """Give the name, once there is one."""
        await self._known.wait()
        return self._name

    async def run(self, progress: Progress) -> None:
        """Take a place and keep it until cancelled; fails when the connection is lost, and the place with it."""
        connection = await asyncpg.connect(
            self._settings.application_url(self._context),
            timeout=4,
            command_timeout=4,
            server_settings=LIMITS | {"application_name": f"cxq-{self._context}-place"},
        )
        try:
            for place in range(_PLACES_MAX):
                if await connection.fetchval("SELECT pg_try_advisory_lock($1, $2)", _PLACES, place):
                    self._name = str(place)
                    self._known.set()
                    progress.at_work()
                    break
            else:
                raise RuntimeError(f"{_PLACES_MAX} processes of {self._context} run already")
            while True:
                await asyncio.sleep(_LOOK_S)
                await connection.fetchval("SELECT 1")
        finally:
            self._known.clear()
            with suppress(Exception):
                await connection.close(timeout=2)
            connection.terminate()
