"""Each promise of the store: kept, it is found in order; broken, the audit names the place."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.audit import BREACHES_SHOWN_MAX, AuditReport, Breach, Check, Count, Finding, examine, snapshot
from shared.procedures.due import set_deadline
from shared.settings import Settings
from shared.store.audit import OVERDUE_GRACE, store_checks
from shared.store.execution import Commands
from shared.store.transaction import Handled, Transaction
from tests.integration.shared.store.projects import (
    CAUSE,
    CONTEXT,
    Event,
    Facts,
    Project,
    answered,
    confirmed,
    key,
    new_project,
    proposed,
    proposing,
    refused,
)

NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)


@pytest.fixture(scope="module", autouse=True)
async def recorded(engine: AsyncEngine, commands: Commands) -> None:
    """Six events at positions 1 to 6 in three streams, one answered key more at 7, and a deadline that is due."""
    facts = Facts(engine)
    for number in range(3):
        await facts.record(f"project-{number}", proposed(str(number)), confirmed(str(number)))

    async def with_deadline(tx: Transaction) -> Handled[Event, Project]:
        await set_deadline(tx, "expire", "project-0", NOW)
        return await proposing(project)(tx)

    project = new_project()
    await commands.execute(CAUSE, with_deadline, answered, refused, key("first"))
    await commands.execute(CAUSE, proposing(project), answered, refused, key("refused"))


@pytest.fixture
async def planting(owner: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A superuser who has switched the guards off, in a transaction that is rolled back."""
    async with owner.connect() as connection:
        await connection.begin()
        yield connection
        await connection.rollback()


async def _examine(connection: AsyncConnection, now: datetime = NOW) -> dict[str, Finding]:
    findings = await examine(connection, CONTEXT, store_checks(now))
    return {finding.id: finding for finding in findings}


def _said(finding: Finding) -> list[str]:
    return [f"{breach.where}: {breach.found}" for breach in finding.breaches]


async def test_a_store_in_order_has_no_breach_and_says_how_much_was_looked_at(owner: AsyncEngine) -> None:
    async with snapshot(owner) as connection:
        found = await _examine(connection)
    assert {name: (finding.checked, finding.breached) for name, finding in found.items()} == {
        "L1": (7, 0),
        "L2": (7, 0),
        "L3": (7, 0),
        "K2": (2, 0),
        "P6": (1, 0),
    }
    assert AuditReport(findings=tuple(found.values())).clean


async def test_an_audit_sees_one_moment_and_can_change_nothing(owner: AsyncEngine, engine: AsyncEngine) -> None:
    async with snapshot(owner) as connection:
        await Facts(engine).record(f"project-{new_project()}", proposed("later"))
        assert (await _examine(connection))["L1"].checked == 7
        with pytest.raises(DBAPIError, match="read-only"):
            await connection.execute(sa.text("DELETE FROM deadlines"))
    async with owner.begin() as connection:
        await connection.execute(sa.text("ALTER TABLE events DISABLE TRIGGER events_append_only"))
        await connection.execute(sa.text("DELETE FROM events WHERE position = 8"))
        await connection.execute(sa.text("ALTER TABLE events ENABLE ALWAYS TRIGGER events_append_only"))
        await connection.execute(
            sa.text("UPDATE log_head SET (position, hash) = (SELECT position, hash FROM events WHERE position = 7)")
        )


OFF = "ALTER TABLE events DISABLE TRIGGER events_append_only"
ON = "ALTER TABLE events ENABLE ALWAYS TRIGGER events_append_only"
TWIN = (
    "INSERT INTO idempotency SELECT principal, operation, 'twin', request_hash, status, headers, body, recorded_at"
    " FROM idempotency WHERE key = 'first'"
)


@pytest.mark.parametrize(
    ("plant", "check", "said"),
    [
        (
            (OFF, "UPDATE events SET version = 3 WHERE position = 4", ON),
            "L1",
            "position 4: version 3 of project-1 follows version 1",
        ),
        (
            (OFF, "UPDATE events SET stream = 'x' WHERE position = 3", ON),
            "L1",
            "version 2 of project-1 follows version 0",
        ),
        ((OFF, "DELETE FROM events WHERE position = 3", ON), "L2", "position 4: follows position 2"),
        ((OFF, "DELETE FROM events WHERE position = 7", ON), "L2", "log_head: is at position 7, the last event at 6"),
        ((OFF, "DELETE FROM events WHERE position = 1", ON), "L2", "position 2: follows position 0"),
        (
            (OFF, "UPDATE events SET data = jsonb_set(data, '{on}', '\"2026-03-03\"') WHERE position = 5", ON),
            "L3",
            "position 5: an event of project-2 is not what was recorded",
        ),
        ((OFF, "UPDATE events SET hash = '\\x00' WHERE position = 5", ON), "L3", "position 6: an event of project-2"),
        (("UPDATE log_head SET hash = '\\x00'",), "L3", "log_head: does not hold the hash of the last event"),
        ((OFF,), "L3", "trigger events_append_only: does not refuse every change any more"),
        (
            ("ALTER TABLE events ENABLE TRIGGER events_append_only",),
            "L3",
            "trigger events_append_only: does not refuse every change any more",
        ),
        (("DROP TRIGGER events_append_only ON events",), "L3", "trigger events_append_only: is gone"),
        (
            ("UPDATE idempotency SET headers = '{\"Event-Position\": \"99\"}' WHERE key = 'first'",),
            "K2",
            "key first of officer-1 (confirmProject): answers with position 99, which is not there",
        ),
        (
            (TWIN,),
            "K2",
            "position 7: is the effect of 2 keys",
        ),
        (("UPDATE idempotency SET status = 503 WHERE key = 'refused'",), "K2", "has a failure for an answer: 503"),
    ],
)
async def test_a_planted_breach_is_named_with_its_place(
    planting: AsyncConnection, plant: tuple[str, ...], check: str, said: str
) -> None:
    for statement in plant:
        await planting.execute(sa.text(statement))
    finding = (await _examine(planting))[check]
    assert [text for text in _said(finding) if said in text]
    assert not AuditReport(findings=(finding,)).clean


@pytest.mark.parametrize(
    ("table", "right"),
    [
        *product(("events", "idempotency", "log_head"), ("DELETE", "TRUNCATE", "TRIGGER")),
        *product(("events", "idempotency"), ("UPDATE",)),
        ("log_head", "INSERT"),
        ("events", "UPDATE (data)"),
        ("idempotency", "UPDATE (body)"),
        ("log_head", "INSERT (hash)"),
    ],
)
async def test_a_right_of_the_service_to_change_what_is_kept_for_good_is_a_breach(
    planting: AsyncConnection, settings: Settings, table: str, right: str
) -> None:
    before = await _examine(planting)
    await planting.execute(sa.text(f'GRANT {right} ON {table} TO "{settings.database_name(CONTEXT)}"'))
    after = await _examine(planting)
    denied = right.partition(" ")[0]
    assert _said(before["L3"]) == []
    assert _said(after["L3"]) == [f"{table}: the service has a right it must not have: {denied}"]


async def test_a_deadline_that_waits_longer_than_the_grace_is_a_breach(owner: AsyncEngine) -> None:
    async with snapshot(owner) as connection:
        assert (await _examine(connection, NOW + OVERDUE_GRACE))["P6"].breached == 0
        late = await _examine(connection, NOW + OVERDUE_GRACE + timedelta(microseconds=1))
    assert _said(late["P6"]) == ["expire project-0: due since 2026-03-02 04:00:00 UTC"]


async def test_a_check_that_breaks_down_is_a_breach_and_the_next_one_is_still_carried_out(owner: AsyncEngine) -> None:
    async def break_down(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
        await connection.execute(sa.text("SELECT nonsense"))
        yield Breach(where="nowhere", found=str(count))

    async def many(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
        for number in (await connection.execute(sa.text("SELECT generate_series(1, 50)"))).scalars():
            count.checked += 1
            yield Breach(where=str(number), found="wrong")

    checks = (Check(id="X1", promise="-", look=break_down), Check(id="X2", promise="-", look=many))
    async with snapshot(owner) as connection:
        broken, breached = await examine(connection, CONTEXT, checks)
    assert (broken.breached, broken.breaches[0].where) == (1, "the check itself")
    assert (breached.checked, breached.breached, len(breached.breaches)) == (50, 50, BREACHES_SHOWN_MAX)
