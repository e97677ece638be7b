"""A context's process beside its HTTP edge: it starts without its servers, does its work, and says how it is."""

import asyncio
import json
import math
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from prometheus_client import REGISTRY
from pydantic import SecretStr

from shared.clock import SystemClock
from shared.context import BoundedContext
from shared.database import create_owner_engine, metadata
from shared.events.contracts import ProjectConfirmed, ProjectDeclined
from shared.events.definition import Recorded
from shared.gauges import read_gauges
from shared.procedures.due import set_deadline
from shared.projections.projection import Projection, Row, RowKey
from shared.runtime import Health, Runtime
from shared.settings import Settings
from shared.store.execution import Answer
from shared.store.migrate import migrate
from shared.store.transaction import Cause, Transaction
from shared.supervision import State
from tests.contexts import drop_contexts, fresh_contexts
from tests.integration.shared.bus.log_and_topic import confirmed, eventually

OVERDUE = "INSERT INTO deadlines (kind, subject, due_at) VALUES ('decline', 'clm_9', now() - interval '1 day')"
LAID_ASIDE = (
    "INSERT INTO parked_events (consumer, topic, partition, position, key, record, reason, parked_at)"
    " VALUES ('reactions', 'any', 0, 1, 'clm_1', '', 'no good', now())"
)
TABLE = sa.Table(
    "confirmations", metadata(), sa.Column("owner", sa.Text, primary_key=True), sa.Column("number", sa.Integer)
)


def counted(row: Row | None, event: Recorded[Any], key: RowKey) -> Row:
    if event.key == "clm_bad":
        raise ValueError("no good")
    return {"owner": key[0], "number": (row["number"] if row else 0) + 1}


async def decline(tx: Transaction, event: Recorded[ProjectConfirmed]) -> None:
    if event.key == "clm_late":
        await set_deadline(tx, "decline", event.key, tx.now)
        return
    tx.append(f"declined-{event.position}", 0, [declined(event.key, tx)])


async def decline_late(tx: Transaction, subject: str) -> None:
    tx.append(f"declined-{subject}", 0, [declined(subject, tx)])


def declined(owner: str, tx: Transaction) -> ProjectDeclined:
    assert tx.measures.pack == "beijing-2023"
    return ProjectDeclined(project_id="prj_1", claimant_id=owner, provider_id="prv_1", reason="no", on=tx.today)


CONTEXT = BoundedContext(
    name="contracts",
    title="Contracts",
    folder=Path(__file__).parent,
    routers=(),
    policy={},
    projections=(
        Projection(
            name="confirmations",
            table=TABLE,
            rows={ProjectConfirmed: lambda event: [(event.claimant_id,)]},
            evolve=counted,
            poison="halt",
        ),
    ),
    reactions={ProjectConfirmed: decline},
    deadlines={"decline": decline_late},
)


@pytest.fixture
async def settings(postgres_url: str, kafka_bootstrap: str) -> AsyncIterator[Settings]:
    async with fresh_contexts(postgres_url, "contracts", kafka_bootstrap=kafka_bootstrap) as found:
        yield found


async def test_what_is_committed_is_published_projected_answered_and_followed_up(settings: Settings) -> None:
    await make_table(settings)
    async with Runtime(CONTEXT, settings, SystemClock()) as runtime:
        runtime.start_background()
        await confirm(runtime, "clm_1", "clm_1", "clm_late")
        await eventually(lambda: holds(runtime, "SELECT count(*) = 6 FROM events"))
        await eventually(lambda: holds(runtime, "SELECT count(*) = 2 AND sum(number) = 3 FROM confirmations"))
        await eventually(lambda: healthy(runtime))
        health = await runtime.health()
    assert not health.degraded
    names = {part.name for part in health.parts}
    assert names == {
        "database",
        "news",
        "relay",
        "membership",
        "reactions",
        "feed:contracts",
        "projection:confirmations",
        "due-list",
    }


async def test_a_process_without_a_background_hears_when_another_has_made_more_readable(settings: Settings) -> None:
    await make_table(settings)
    without = settings.model_copy(update={"background": False})
    async with (
        Runtime(CONTEXT, without, SystemClock()) as serving,
        Runtime(CONTEXT, settings, SystemClock()) as working,
    ):
        serving.start_background()
        assert [part.name for part in serving.parts()] == ["news"]

        async def listening() -> bool:
            return state_of(await serving.health(), "news") is State.RUNNING

        await eventually(listening)
        working.start_background()
        news = serving.news.next()
        await confirm(working, "clm_1")
        async with asyncio.timeout(20):
            await news.wait()
            while True:
                news = serving.news.next()
                if await holds(serving, "SELECT count(*) = 1 FROM confirmations"):
                    break
                await news.wait()


async def test_a_halted_projection_is_seen_and_does_not_keep_the_process_from_its_work(settings: Settings) -> None:
    await make_table(settings)
    async with Runtime(CONTEXT, settings, SystemClock()) as runtime:
        runtime.start_background()
        await confirm(runtime, "clm_1", "clm_bad")

        async def halted() -> bool:
            return state_of(await runtime.health(), "projection:confirmations") is State.HALTED

        await eventually(halted)
        await eventually(lambda: holds(runtime, "SELECT count(*) = 4 FROM events"))
        health = await runtime.health()
    assert health.ready
    assert health.degraded


async def test_a_process_whose_servers_are_absent_starts_and_waits_for_them(settings: Settings) -> None:
    absent = settings.model_copy(
        update={"postgres_url": SecretStr("postgresql://127.0.0.1:1"), "kafka_bootstrap": "127.0.0.1:1"}
    )
    async with Runtime(CONTEXT, absent, SystemClock()) as runtime:
        runtime.start_background()

        async def noticed() -> bool:
            return state_of(await runtime.health(), "relay") is State.RETRYING

        await eventually(noticed)
        health = await runtime.health()
    assert not health.ready
    assert state_of(health, "database") is State.RETRYING


async def test_a_process_started_before_its_database_is_made_gets_ready_when_it_is(
    postgres_url: str, kafka_bootstrap: str
) -> None:
    async with fresh_contexts(postgres_url, kafka_bootstrap=kafka_bootstrap) as settings:
        try:
            async with Runtime(CONTEXT, settings, SystemClock()) as runtime:
                runtime.start_background()
                assert not (await runtime.health()).ready
                await migrate(settings, "contracts")
                await eventually(lambda: healthy(runtime))
        finally:
            await dropped(settings)


async def test_what_was_laid_aside_can_be_listed_and_replayed(settings: Settings) -> None:
    async with Runtime(CONTEXT, settings, SystemClock()) as runtime:
        assert await runtime.parked() == []
        assert await runtime.unpark("reactions", "clm_1") == 0
        with pytest.raises(LookupError):
            await runtime.unpark("nobody", "clm_1")


async def test_the_gauges_say_who_is_behind_halted_and_overdue(settings: Settings) -> None:
    await make_table(settings)
    async with Runtime(CONTEXT, settings, SystemClock()) as runtime:
        await confirm(runtime, "clm_1", "clm_bad", "clm_late")
        await read_gauges(runtime)
        assert gauge("cxq_relay_lag_events") == 3
        assert math.isnan(gauge("cxq_consumer_lag_records", consumer="reactions"))
        runtime.start_background()

        async def done() -> bool:
            await read_gauges(runtime)
            halted = gauge("cxq_part_halted", part="projection:confirmations") == 1
            level = gauge("cxq_relay_lag_events") == gauge("cxq_consumer_lag_records", consumer="reactions") == 0
            return halted and level

        await eventually(lambda: holds(runtime, "SELECT count(*) = 6 FROM events"))
        await eventually(done)
        assert gauge("cxq_part_at_work", part="projection:confirmations") == 0
        assert (gauge("cxq_part_at_work", part="relay"), gauge("cxq_part_halted", part="relay")) == (1, 0)
        assert gauge("cxq_parked_events", consumer="reactions") == 0
    async with Runtime(CONTEXT, settings, SystemClock()) as idle:
        async with idle.engine.begin() as connection:
            await connection.execute(sa.text(OVERDUE))
            await connection.execute(sa.text(LAID_ASIDE))
        await read_gauges(idle)
    assert gauge("cxq_deadlines_overdue", kind="decline") == 1
    assert gauge("cxq_parked_events", consumer="reactions") == 1


async def test_gauges_that_need_the_database_are_unknown_without_it(settings: Settings) -> None:
    absent = settings.model_copy(update={"postgres_url": SecretStr("postgresql://127.0.0.1:1")})
    async with Runtime(CONTEXT, absent, SystemClock()) as runtime:
        await read_gauges(runtime)
    assert math.isnan(gauge("cxq_relay_lag_events"))
    assert math.isnan(gauge("cxq_parked_events", consumer="reactions"))
    assert math.isnan(gauge("cxq_deadlines_overdue", kind="decline"))


def gauge(name: str, **labels: str) -> float:
    found = REGISTRY.get_sample_value(name, {"context": "contracts", **labels})
    assert found is not None
    return found


async def confirm(runtime: Runtime, *owners: str) -> None:
    for number, owner in enumerate(owners, 1):

        async def use_case(tx: Transaction, number: int = number, owner: str = owner) -> None:
            tx.append(f"project-{number}", 0, [confirmed(number, owner)])

        cause = Cause(actor="officer-1", correlation_id="talk-1")
        await runtime.commands.execute(cause, use_case, lambda _, __: Answer(status=200), lambda _: Answer(status=422))


async def make_table(settings: Settings) -> None:
    engine = create_owner_engine(settings.owner_url("contracts"))
    async with engine.begin() as connection:
        await connection.run_sync(TABLE.metadata.create_all)
    await engine.dispose()


async def dropped(settings: Settings) -> None:
    await drop_contexts(settings, "contracts")


async def holds(runtime: Runtime, question: str) -> bool:
    async with runtime.engine.connect() as connection:
        return bool(await connection.scalar(sa.text(question)))


async def healthy(runtime: Runtime) -> bool:
    return (await runtime.health()).ready


def state_of(health: Health, name: str) -> State:
    (part,) = [part for part in health.parts if part.name == name]
    return part.state


async def test_requests_and_background_are_traced_to_their_statements(
    settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    await make_table(settings)
    traced = settings.model_copy(update={"trace_endpoint": "console"})
    async with Runtime(CONTEXT, traced, SystemClock()) as runtime:
        runtime.start_background()
        await confirm(runtime, "clm_1")
        await eventually(lambda: holds(runtime, "SELECT count(*) = 1 FROM confirmations"))
    SQLAlchemyInstrumentor().uninstrument()
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith('{"name"')]
    names = {json.loads(line)["name"] for line in lines}
    assert {"INSERT", "WITH", f"projection:confirmations {settings.topic('contracts')}"} <= names
