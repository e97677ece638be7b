"""`cxq parked` and `cxq unpark`, from the shell to the effect in the database."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from services.commands.environment import ROOT
from shared.bus.envelope import seal, to_wire
from shared.bus.parking import ToPark, park
from shared.clock import SystemClock
from shared.database import create_engine
from shared.events.registry.experts import ExpertEnrolled
from shared.settings import Settings
from shared.store.migrate import migrate
from shared.store.tables import events
from shared.store.transaction import Cause, transaction
from tests.contexts import fresh_contexts

KEY = "exp_parked"
DAY = date(2026, 3, 2)


@dataclass(frozen=True, slots=True)
class Parked:
    """Two events of one key that redemption's reactions have laid aside."""

    settings: Settings
    redemption: AsyncEngine
    state: Path

    async def cxq(self, *arguments: str) -> tuple[int, str, str]:
        """Run the command line in a process of its own: exit code, answer, what it told besides."""
        chosen = self.settings
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CXQ_")} | {
            "CXQ_ENV": "dev",
            "CXQ_STATE_DIR": str(self.state),
            "CXQ_POSTGRES_URL": chosen.postgres_url.get_secret_value(),
            "CXQ_KAFKA_BOOTSTRAP": chosen.kafka_bootstrap,
            "CXQ_DATABASE_PREFIX": chosen.database_prefix,
            "CXQ_TOPIC_PREFIX": chosen.topic_prefix,
        }
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.cli", *arguments, env=environment, stdout=pipe, stderr=pipe
        )
        async with asyncio.timeout(60):
            answer, told = await process.communicate()
        return process.returncode or 0, answer.decode(), told.decode()

    async def experts(self) -> list[Any]:
        """List what redemption knows of the expert."""
        async with self.redemption.connect() as connection:
            found = await connection.execute(
                sa.text("SELECT principal, employer_id FROM experts WHERE expert_id = :id"), {"id": KEY}
            )
            return [tuple(row) for row in found]


@pytest.fixture
async def laid_aside(postgres_url: str, kafka_bootstrap: str, tmp_path: Path) -> AsyncIterator[Parked]:
    async with fresh_contexts(postgres_url, "registry", "redemption", kafka_bootstrap=kafka_bootstrap) as settings:
        await migrate(settings, "redemption", ROOT / "services" / "redemption" / "migrations")
        registry = create_engine(settings.application_url("registry"), pool_size=1)
        redemption = create_engine(settings.application_url("redemption"), pool_size=1)
        try:
            await enrol(registry, None, "prv_1")
            records = await sealed(registry)
            async with redemption.begin() as connection:
                await park(connection, "reactions", settings.topic("registry"), 0, records, SystemClock().now())
            yield Parked(settings, redemption, tmp_path)
        finally:
            await registry.dispose()
            await redemption.dispose()


async def enrol(registry: AsyncEngine, *employers: str | None) -> None:
    """Record an expert again and again, with one employer after the other."""
    for number, employer in enumerate(employers):
        async with transaction(registry, "registry", SystemClock(), Cause(actor="o", correlation_id="c")) as tx:
            told = ExpertEnrolled(expert_id=KEY, principal="user-1", employer_id=employer, on=DAY)
            tx.append(f"expert-{KEY}-{number}", 0, [told])


async def sealed(registry: AsyncEngine) -> list[ToPark]:
    """Put the whole log into records as they lie in the topic."""
    columns = [c for c in events.c if c.name not in {"data", "metadata"}]
    texts = [sa.cast(events.c[name], sa.Text).label(name) for name in ("data", "metadata")]
    async with registry.connect() as connection:
        rows = (await connection.execute(sa.select(*columns, *texts).order_by(events.c.position))).mappings().all()
    return [
        ToPark(
            position=row["position"], key=row["key"], value=to_wire(seal("registry", dict(row), 0))[0], reason="no good"
        )
        for row in rows
    ]


async def test_what_is_laid_aside_is_listed_and_replayed_in_order_from_the_shell(laid_aside: Parked) -> None:
    code, answer, _ = await laid_aside.cxq("parked", "redemption", "--json")
    listed = json.loads(answer)
    assert code == 0
    assert [(each["consumer"], each["key"], each["position"]) for each in listed] == [
        ("reactions", KEY, 1),
        ("reactions", KEY, 2),
    ]
    assert await laid_aside.experts() == []
    assert await laid_aside.cxq("unpark", "redemption", "reactions", KEY) == (
        0,
        f"redemption: 2 replayed for {KEY}.\n",
        "",
    )
    assert await laid_aside.experts() == [("user-1", "prv_1")]
    assert (await laid_aside.cxq("parked", "redemption"))[1:] == ("", "redemption: 0 parked.\n")


async def test_a_consumer_that_does_not_exist_is_answered_with_where_to_look(laid_aside: Parked) -> None:
    code, _, told = await laid_aside.cxq("unpark", "redemption", "nobody", KEY)
    assert code == 2
    assert "redemption has no consumer 'nobody'" in told
    assert "cxq parked redemption" in told
