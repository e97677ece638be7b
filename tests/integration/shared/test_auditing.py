"""The audit of whole contexts: nothing is called in order that was not looked at."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.audit import Breach, Check, Count, CrossCheck, Finding
from shared.auditing import audit
from shared.context import BoundedContext
from shared.database import create_engine, create_owner_engine
from shared.settings import Settings
from tests.contexts import fresh_contexts
from tests.integration.shared.store.projects import Facts, proposed


def _context(name: str, *checks: Check) -> BoundedContext:
    return BoundedContext(name=name, title=name, folder=Path(), routers=(), policy={}, checks=checks)


@pytest.fixture(scope="module")
async def settings(postgres_url: str, kafka_bootstrap: str) -> AsyncIterator[Settings]:
    """Two contexts; contracts has an event that nobody has published yet."""
    async with fresh_contexts(postgres_url, "contracts", "registry", kafka_bootstrap=kafka_bootstrap) as found:
        engine = create_engine(found.application_url("contracts"))
        await Facts(engine).record("project-1", proposed("1"))
        await engine.dispose()
        yield found


def _by_place(findings: tuple[Finding, ...]) -> dict[tuple[str, str], Finding]:
    return {(finding.context, finding.id): finding for finding in findings}


async def _more_events_than_stores(connections: Mapping[str, AsyncConnection], count: Count) -> AsyncIterator[Breach]:
    for name, connection in connections.items():
        count.checked += 1
        events = (await connection.execute(sa.text("SELECT count(*) FROM events"))).scalar_one()
        yield Breach(where=name, found=str(events))


CROSS = CrossCheck(id="M7", promise="-", contexts=("registry", "contracts"), look=_more_events_than_stores)


async def test_every_context_is_held_to_what_all_promise(settings: Settings) -> None:
    report = await audit(settings, [_context("contracts"), _context("registry")])
    assert report.clean
    found = _by_place(report.findings)
    assert [place for place in found if place[0] == "contracts"] == [
        ("contracts", name) for name in ("L1", "L2", "L3", "K2", "P6", "P3", "P7")
    ]
    assert (found["contracts", "L3"].checked, found["registry", "L3"].checked) == (1, 0)
    assert found["contracts", "P7"].notes == ("relay: 1 of 1 events still to publish",)


async def test_a_contexts_own_checks_and_those_between_contexts_are_carried_out(settings: Settings) -> None:
    async def own(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
        count.checked = (await connection.execute(sa.text("SELECT count(*) FROM events"))).scalar_one()
        yield Breach(where="project-1", found="too good to be true")

    contexts = [_context("contracts", Check(id="M1", promise="-", look=own)), _context("registry")]
    report = await audit(settings, contexts, [CROSS])
    assert not report.clean
    found = _by_place(report.findings)
    assert (found["contracts", "M1"].checked, found["contracts", "M1"].breached) == (1, 1)
    assert found["registry+contracts", "M7"].breaches == (
        Breach(where="registry", found="0"),
        Breach(where="contracts", found="1"),
    )


async def test_a_database_that_cannot_be_looked_at_is_a_breach_and_the_others_are_looked_at(settings: Settings) -> None:
    report = await audit(settings, [_context("issuance"), _context("registry")], [CROSS])
    found = _by_place(report.findings)
    assert not report.clean
    assert found["issuance", "-"].breached == 1
    assert found["registry", "L1"].breached == 0
    assert "M7" in {finding.id for finding in report.findings if finding.breached}


async def test_a_broker_that_cannot_be_looked_at_is_a_breach_of_what_needs_it_only(settings: Settings) -> None:
    found = _by_place(
        (await audit(settings.model_copy(update={"kafka_bootstrap": "127.0.0.1:1"}), [_context("contracts")])).findings
    )
    assert {name for (_, name), finding in found.items() if finding.breached} == {"P3"}


async def test_a_breach_in_one_context_makes_the_audit_unclean(settings: Settings) -> None:
    owner = create_owner_engine(settings.owner_url("contracts"))
    async with owner.begin() as connection:
        await connection.execute(sa.text("ALTER TABLE events DISABLE TRIGGER events_append_only"))
    try:
        report = await audit(settings, [_context("contracts"), _context("registry")])
    finally:
        async with owner.begin() as connection:
            await connection.execute(sa.text("ALTER TABLE events ENABLE ALWAYS TRIGGER events_append_only"))
        await owner.dispose()
    assert not report.clean
    assert [(finding.context, finding.id) for finding in report.findings if finding.breached] == [("contracts", "L3")]
