"""What must hold at the end of a run for its figure to count."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import sqlalchemy as sa

from bench.load import Tally
from bench.stage import Stage
from deploy.local.probes import assert_durable
from services.issuance.app import CONTEXT
from shared.audit import examine
from shared.bus.publisher import Publisher
from shared.database import create_owner_engine

_LAG_S = 60.0
_POLL_S = 0.02
_KILL_AFTER = 100
_KILL_LIMIT_S = 10.0
_ALL_IN_SYNC = -1
"""How aiokafka writes `acks=all`."""
_CLAIMED = "type LIKE 'cxq.issuance.voucher-claimed.%'"
_SUMS = (
    f"(SELECT data->>'claimant_id' AS claimant_id, sum((data->>'amount')::bigint) AS claimed FROM events"
    f" WHERE {_CLAIMED} GROUP BY 1) e"
)
_GATES = (
    ("nothing oversold", "SELECT bool_and(remaining >= 0 AND remaining = quota - issued + returned) FROM quotas"),
    ("quota = remaining + issued, as the log says",
     "SELECT sum(issued) = sum(quota - remaining) AND sum(issued) = (SELECT coalesce(sum((data->>'amount')::bigint), 0)"
     f" FROM events WHERE {_CLAIMED}) FROM quotas"),
    ("one event per key",
     "SELECT count(*) = count(DISTINCT k.position) AND count(*) = count(e.position)"
     f" AND count(*) = (SELECT count(*) FROM events WHERE {_CLAIMED})"
     f" FROM kept_claims k LEFT JOIN events e ON e.position = k.position AND {_CLAIMED}"
     " WHERE k.position IS NOT NULL"),
    ("places are 1…n in each period",
     "SELECT bool_and(said = places AND first = 1 AND last = said) FROM (SELECT count(*) AS said,"
     " count(DISTINCT (data->>'place')::int) AS places, min((data->>'place')::int) AS first,"
     f" max((data->>'place')::int) AS last FROM events WHERE {_CLAIMED} GROUP BY data->>'period_id') p"),
    ("the log is without gaps",
     "SELECT count(*) = max(position) AND max(position) = (SELECT position FROM log_head) FROM events"),
    ("allowances equal the fold of the log",
     f"SELECT count(*) = 0 FROM allowances a FULL JOIN {_SUMS} USING (claimant_id)"
     " WHERE coalesce(reserved, 0) <> coalesce(claimed, 0)"),
    ("annual totals equal the fold of the log",
     f"SELECT count(*) = 0 FROM annual_totals a FULL JOIN {_SUMS} USING (claimant_id)"
     " WHERE coalesce(reserved, 0) <> coalesce(claimed, 0)"),
    ("voucher balances equal the fold of the log",
     "SELECT count(*) = 0 FROM voucher_balances b FULL JOIN"
     f" (SELECT data->>'voucher_id' AS voucher_id, (data->>'amount')::bigint AS claimed FROM events WHERE {_CLAIMED}) e"
     " USING (voucher_id) WHERE b.amount IS DISTINCT FROM e.claimed"),
)  # fmt: skip
_MISSING = (
    "SELECT u.key FROM unnest(CAST(:keys AS text[]), CAST(:vouchers AS text[])) AS u (key, voucher_id)"
    f" LEFT JOIN (SELECT stream, position FROM events WHERE version = 1 AND {_CLAIMED}) e"
    " ON e.stream = 'voucher-' || u.voucher_id"
    " LEFT JOIN kept_claims k ON k.position = e.position"
    " WHERE k.position IS NULL"
)
_BEHIND = (
    "SELECT (SELECT position FROM log_head) - coalesce((SELECT position FROM relay_positions WHERE partition = -1), 0)"
)
_UNAPPLIED = (
    "SELECT count(*) FROM relay_positions r CROSS JOIN unnest(CAST(:consumers AS text[])) AS c (consumer)"
    " LEFT JOIN consumer_positions p ON p.consumer = c.consumer AND p.topic = :topic AND p.partition = r.partition"
    " WHERE r.partition >= 0 AND coalesce(p.position, 0) < r.position"
)
_VOUCHERS = "/v1/vouchers/"


async def pass_gates(stage: Stage) -> None:
    """Check every gate; RuntimeError names the one that is shut, and the figure does not count."""
    assert_durable(stage.servers.postgres_url)
    await _assert_all_replicas_confirm(stage)
    await caught_up(stage)
    engine = create_owner_engine(stage.settings.owner_url("issuance"))
    try:
        async with engine.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ")
            for name, question in _GATES:
                if not (await connection.execute(_asked(question))).scalar_one():
                    raise RuntimeError(f"the gate “{name}” is shut: this run's figure does not count")
            known = [(key, place.removeprefix(_VOUCHERS)) for key, place in stage.acknowledged.items()]
            asked = {"keys": [key for key, _ in known], "vouchers": [voucher_id for _, voucher_id in known]}
            missing = (await connection.execute(_asked(_MISSING), asked)).scalars().all()
            if missing:
                raise RuntimeError(f"{len(missing)} acknowledged claims are lost, the first {missing[0]}")
            written = (await connection.execute(_asked(f"SELECT count(*) FROM events WHERE {_CLAIMED}"))).scalar_one()
    finally:
        await engine.dispose()
    names = ["fsync, synchronous_commit, full_page_writes on", "acks=all", *(name for name, _ in _GATES)]
    print(f"gates passed: {'; '.join(names)}")
    print(f"{written} claims in the log, among them all {len(known)} that were acknowledged over HTTP", end="")
    print(f"; {stage.sent_away} were sent away with 503 outside the kills")


async def pass_audit(stage: Stage) -> int:
    """Look at every invariant of issuance as `cxq audit` does, and say how many; RuntimeError names what is broken."""
    assert_durable(stage.servers.postgres_url)
    engine = create_owner_engine(stage.settings.owner_url("issuance"))
    try:
        async with engine.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ")
            findings = await examine(connection, CONTEXT.name, CONTEXT.checks)
    finally:
        await engine.dispose()
    broken = [
        f"{found.id}: {found.breaches[0].where}, {found.breaches[0].found}" for found in findings if found.breached
    ]
    if broken:
        raise RuntimeError(f"these do not hold, so the figure does not count: {'; '.join(broken)}")
    return len(findings)


async def survive_kill(stage: Stage) -> None:
    """Kill PostgreSQL, then the service, with -9 in the middle of bursts of claims, and start both again.

    Whether every acknowledged claim is still there is for `pass_gates` to see. RuntimeError when a blow hit nothing, or
    when a caller got anything but a claim, a 503, or no answer from a killed service.
    """
    postgres = stage.servers.postgres
    if postgres is None:
        raise RuntimeError("the gates kill PostgreSQL, so it has to be ours: unset CXQ_POSTGRES_URL")

    async def kill_postgres() -> None:
        await asyncio.to_thread(postgres.kill)

    during = await _struck(stage, kill_postgres)
    if not during.statuses[503] or during.broke or set(during.statuses) != {201, 503}:
        raise RuntimeError(f"with PostgreSQL killed: {dict(during.statuses)}, {during.broke} without an answer")
    await asyncio.to_thread(postgres.restart)
    await stage.served.until_ready()
    after = await _struck(stage, stage.served.kill)
    if not after.broke or not {201, 503} >= set(after.statuses):
        raise RuntimeError(f"with the service killed: {dict(after.statuses)}, {after.broke} without an answer")
    await stage.served.start()
    granted = during.statuses[201] + after.statuses[201]
    print(f"killed with -9 amid {granted} acknowledged claims: PostgreSQL, then the service")


async def _struck(stage: Stage, strike: Callable[[], Awaitable[None]]) -> Tally:
    """Press claims for two seconds, and strike once a hundred of them have been acknowledged."""
    tally, loop = Tally(), asyncio.get_running_loop()
    pressing = asyncio.create_task(stage.burst(tally, seconds=2.0))
    until = loop.time() + _KILL_LIMIT_S
    while len(tally.acknowledged) < _KILL_AFTER and not pressing.done() and loop.time() < until:  # noqa: ASYNC110
        await asyncio.sleep(_POLL_S)
    if pressing.done():
        raise RuntimeError("the burst was over before the blow: nothing is shown by it")
    await strike()
    return await pressing


async def drained(stage: Stage, seconds: float = _LAG_S) -> None:
    """Wait until the relay has published everything."""
    await _until_zero(stage, _BEHIND, {}, seconds, "the relay is behind")


async def caught_up(stage: Stage, seconds: float = _LAG_S) -> None:
    """Wait until the relay has published everything, and every read model has applied it, in each partition."""
    await drained(stage, seconds)
    consumers = [projection.consumer for projection in CONTEXT.projections]
    asked = {"consumers": consumers, "topic": stage.settings.topic("issuance")}
    await _until_zero(stage, _UNAPPLIED, asked, seconds, "the read models are behind")


async def backlog(stage: Stage) -> int:
    """Count the events that the relay has not published yet."""
    engine = create_owner_engine(stage.settings.owner_url("issuance"))
    try:
        async with engine.connect() as connection:
            return int((await connection.execute(_asked(_BEHIND))).scalar_one())
    finally:
        await engine.dispose()


async def _until_zero(stage: Stage, question: str, asked: Mapping[str, object], seconds: float, trouble: str) -> None:
    engine = create_owner_engine(stage.settings.owner_url("issuance"))
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    try:
        async with engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            while left := (await connection.execute(_asked(question), asked)).scalar_one():
                if loop.time() > until:
                    raise RuntimeError(f"{trouble} after {seconds:.0f} s: {left} are left")
                await asyncio.sleep(_POLL_S)
    finally:
        await engine.dispose()


async def _assert_all_replicas_confirm(stage: Stage) -> None:
    """Look at the producer the relay publishes with: a record counts when all in-sync replicas have it."""
    publisher = Publisher(stage.settings.kafka_bootstrap, stage.settings.topic("issuance"))
    try:
        if publisher._producer._sender._acks != _ALL_IN_SYNC:  # noqa: SLF001 (aiokafka tells it nowhere else)
            raise RuntimeError("the relay publishes with less than acks=all: this run's figure does not count")
    finally:
        await publisher.dispose()


def _asked(question: str) -> sa.TextClause:
    return sa.text(question.replace("::", "\\:\\:"))
