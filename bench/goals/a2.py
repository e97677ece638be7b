"""A2: claims a second ÷ the same claims by FastAPI + SQLAlchemy, one transaction with a row lock a request."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bench import plain
from bench.gates import caught_up, pass_gates
from bench.load import press
from bench.ratio import Goal, Ratio, interleaved
from bench.served import beside
from bench.stage import CONNECTIONS, Stage, stage
from shared.clock import SystemClock
from shared.database import create_owner_engine
from shared.http.keys import local_keys
from shared.kernel.money import yuan

GOAL = Goal(id="A2", what="claims/row-lock", target=50)
_QUOTA = yuan(50_000_000)
_SECONDS = 4.0
_SOUND = """
SELECT p.remaining >= 0 AND p.remaining = p.quota - sum(v.amount) AND p.claims = count(*)
    AND count(DISTINCT v.place) = count(*) AND max(v.place) = count(*)
    AND sum(v.amount) = (SELECT sum(reserved) FROM allowances)
FROM periods p JOIN vouchers v ON v.period_id = p.id GROUP BY p.id
"""


async def measure() -> Ratio:
    """Let claims of the one and of the other, over HTTP and with the same requests, take turns."""
    granted = 0
    async with stage() as here, _beside(here) as (port, engine):

        async def claims() -> float:
            tally = await here.press_claims()
            await caught_up(here)  # or the other would pay for what the claims have left to do
            return tally.rate(201)

        async def locked() -> float:
            nonlocal granted
            tally = await press(port, here.claims(), connections=CONNECTIONS, seconds=_SECONDS)
            if set(tally.statuses) != {201} or tally.broke:
                raise RuntimeError(f"the plain app answered with {dict(tally.statuses)}, {tally.broke} not at all")
            granted += tally.statuses[201]
            return tally.rate(201)

        ratio = await interleaved(claims, locked, rounds=3)
        async with engine.connect() as connection:
            written = (await connection.execute(sa.text("SELECT count(*) FROM vouchers"))).scalar_one()
            if not (await connection.execute(sa.text(_SOUND))).scalar_one() or written != granted:
                raise RuntimeError("the plain app has not kept its books: there is nothing to compare with")
        await pass_gates(here)
    print(
        f"claims/s {ratio.numerator}, with a row lock {ratio.denominator}, over {CONNECTIONS} connections each", end=""
    )
    print(f"; all {granted} claims of the plain app are in its tables, and its sums are right")
    return ratio


@asynccontextmanager
async def _beside(here: Stage) -> AsyncIterator[tuple[int, AsyncEngine]]:
    """Serve the plain app on the same PostgreSQL, with as many claimants and as much money; its port and database."""
    name = here.settings.database_name("plain")
    admin = create_owner_engine(f"{here.settings.postgres_url.get_secret_value().rstrip('/')}/postgres")
    async with admin.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(sa.text(f'CREATE DATABASE "{name}"'))
    await admin.dispose()
    engine = create_owner_engine(here.settings.owner_url("plain"))
    ceilings = [
        {"claimant_id": claimant.id, "year": SystemClock().now().year, "ceiling": _QUOTA, "reserved": 0}
        for claimant in here.claimants
    ]
    period = {"id": here.period_id, "quota": _QUOTA, "remaining": _QUOTA, "claims": 0}
    told = {
        plain.URL: engine.url.render_as_string(hide_password=False),
        plain.KEYS: str(local_keys(here.settings)),
        plain.AUDIENCE: here.settings.token_audience,
    }
    try:
        async with engine.begin() as connection:
            await connection.run_sync(plain.Base.metadata.create_all)
            await connection.execute(sa.insert(plain.Period), [period])
            await connection.execute(sa.insert(plain.Allowance), ceilings)
        async with beside("bench.plain:create", here.settings.state_dir, told) as plain_app:
            yield plain_app.port, engine
    finally:
        await engine.dispose()
