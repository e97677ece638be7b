"""REG2: searching 43,000 facilities by a part of their name ÷ the FastAPI no-op GET of the same app."""

import asyncio
import time

import sqlalchemy as sa

from bench.goals.reg1 import Register, register, told
from bench.ratio import Goal, Ratio, interleaved
from shared.database import create_owner_engine

GOAL = Goal(id="REG2", what="search/noop", target=0.02)
FACILITIES = 43_000
_SEARCHES = ("/v1/facilities?name=显微镜S4299&limit=20", "/v1/facilities?name=扫描电子&limit=20")
_SECONDS = 2.0
_LAG_S = 180.0


async def measure() -> Ratio:
    """Let searches, for a rare and for a common part of a name, and no-ops take turns."""
    async with register() as here:
        await here.import_rows("S", FACILITIES)
        await _found(here)
        await _tidied(here)

        async def searches() -> float:
            return await _rate(here, *_SEARCHES)

        async def noops() -> float:
            return await _rate(here, "/noop")

        ratio = await interleaved(searches, noops, rounds=5)
    print(f"searches/s {ratio.numerator}, no-ops/s {ratio.denominator}, one caller, in the bench's own process")
    return ratio


async def _rate(here: Register, *paths: str) -> float:
    """Ask for the paths in turn for two seconds, one after the other."""
    done, began = 0, time.perf_counter()
    while time.perf_counter() - began < _SECONDS:
        told(await here.client.get(paths[done % len(paths)]))
        done += 1
    return done / (time.perf_counter() - began)


async def _found(here: Register) -> None:
    """Wait until the catalogue has the last facility, so that what is searched is whole."""
    async with asyncio.timeout(_LAG_S):
        while True:
            if told(await here.client.get(f"/v1/facilities?name=镜S{FACILITIES - 1}"))["items"]:
                return
            await asyncio.sleep(0.2)


async def _tidied(here: Register) -> None:
    """Do at once what autovacuum does within a minute: know how often which part of a name is there."""
    engine = create_owner_engine(here.settings.owner_url("registry"))
    try:
        async with engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            await connection.execute(sa.text("VACUUM ANALYZE"))
    finally:
        await engine.dispose()
