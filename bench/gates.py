"""What must hold at the end of a run for its figure to count."""

import asyncio

import sqlalchemy as sa

from bench.stage import Stage
from deploy.local.probes import assert_durable
from shared.database import create_owner_engine

_LAG_S = 120.0
_GATES = (
    ("durability is on", "SELECT bool_and(setting = 'on') FROM pg_settings WHERE name IN"
     " ('fsync', 'synchronous_commit', 'full_page_writes')"),
    ("nothing is oversold", "SELECT bool_and(remaining >= 0 AND remaining = quota - issued + returned) FROM quotas"),
    ("one event per key", "SELECT count(*) = (SELECT count(*) FROM idempotency WHERE status = 201)"
     " FROM events WHERE type LIKE 'cxq.issuance.voucher-claimed.%'"),
    ("what is issued is what the log says", "SELECT (SELECT sum(issued) FROM quotas) ="
     " (SELECT coalesce(sum((data->>'amount')::bigint), 0) FROM events"
     " WHERE type LIKE 'cxq.issuance.voucher-claimed.%')"),
    ("allowances equal the fold of the log", "SELECT count(*) = 0 FROM (SELECT claimant_id, sum(reserved) AS reserved"
     " FROM allowances GROUP BY 1) a FULL JOIN (SELECT data->>'claimant_id' AS claimant_id,"
     " sum((data->>'amount')::bigint) AS claimed FROM events WHERE type LIKE 'cxq.issuance.voucher-claimed.%'"
     " GROUP BY 1) e USING (claimant_id) WHERE coalesce(reserved, 0) <> coalesce(claimed, 0)"),
    ("places are 1…n", "SELECT count(*) = count(DISTINCT (data->>'place')::int) AND"
     " coalesce(max((data->>'place')::int), 0) = count(*)"
     " FROM events WHERE type LIKE 'cxq.issuance.voucher-claimed.%'"),
)  # fmt: skip


async def pass_gates(stage: Stage, acknowledged: int | None = None) -> None:
    """Check every gate on the stage's database; RuntimeError names the one that fails, and the figure does not count.

    `acknowledged` is the number of claims answered with 201 in the whole run.
    """
    assert_durable(stage.servers.postgres_url)
    engine = create_owner_engine(stage.settings.owner_url("issuance"))
    try:
        async with engine.connect() as connection:
            for name, question in _GATES:
                if not (await connection.execute(sa.text(question.replace("::", "\\:\\:")))).scalar_one():
                    raise RuntimeError(f"the gate “{name}” is shut: this run's figure does not count")
            count = "SELECT count(*) FROM events WHERE type LIKE 'cxq.issuance.voucher-claimed.%'"
            written = (await connection.execute(sa.text(count))).scalar_one()
    finally:
        await engine.dispose()
    if acknowledged is not None and written < acknowledged:
        raise RuntimeError(f"{acknowledged} claims were acknowledged, {written} are in the log")
    print(f"gates passed: {', '.join(name for name, _ in _GATES)}; {written} claims in the log")


async def survive_kill(stage: Stage) -> None:
    """Kill the service and PostgreSQL with -9 in the middle of a burst; every acknowledged claim must be there."""
    burst = asyncio.create_task(stage.press_claims(seconds=1.0))
    await asyncio.sleep(0.5)
    stage.process.kill()
    if stage.servers.postgres is not None:
        stage.servers.postgres.kill()
    await asyncio.gather(burst, return_exceptions=True)
    await stage.process.wait()
    if stage.servers.postgres is not None:
        await asyncio.to_thread(stage.servers.postgres.restart)


async def drained(stage: Stage, seconds: float = _LAG_S) -> None:
    """Wait until the relay has published everything."""
    engine = create_owner_engine(stage.settings.owner_url("issuance"))
    question = (
        "SELECT (SELECT position FROM log_head) -"
        " coalesce((SELECT position FROM relay_positions WHERE partition = -1), 0)"
    )
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    try:
        while loop.time() < until:
            async with engine.connect() as connection:
                if (await connection.execute(sa.text(question))).scalar_one() == 0:
                    return
            await asyncio.sleep(0.05)
    finally:
        await engine.dispose()
    raise RuntimeError(f"the relay is still behind after {seconds:.0f} s")
