"""The log takes new rows only, and a byte changed behind its back shows."""

import hashlib
from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.clock import SystemClock
from shared.events.contracts import ContractCompleted
from shared.store.execution import sqlstate
from shared.store.transaction import VersionConflictError, read_log, transaction
from tests.integration.shared.store.projects import (
    CAUSE,
    CONTEXT,
    PROJECT,
    Facts,
    Project,
    Propose,
    confirmed,
    new_project,
    proposed,
    stream_of,
)

REFUSED = "42501"
CHANGES = (
    "UPDATE events SET key = key",
    "DELETE FROM events",
    "TRUNCATE events",
    "UPDATE events SET data = '{}' WHERE position = 1",
)


@pytest.fixture(scope="module", autouse=True)
async def recorded(engine: AsyncEngine) -> Facts:
    facts = Facts(engine)
    for number in range(5):
        await facts.record(f"project-{number}", proposed(f"项目 {number} \\u001f"), confirmed(str(number)))
    return facts


@pytest.fixture
async def planting(owner: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """The owner with the trigger off, in a transaction that is rolled back."""
    async with owner.connect() as connection:
        await connection.begin()
        await connection.execute(sa.text("ALTER TABLE events DISABLE TRIGGER events_append_only"))
        yield connection
        await connection.rollback()


async def _chain_breaks(connection: AsyncConnection) -> list[int]:
    """Compute every link again from the columns' text, and list the positions whose hash is another."""
    rows = await connection.execute(
        sa.text(
            "SELECT position, hash, ARRAY[position::text, stream, version::text, type, data::text, metadata::text, key,"
            " ((extract(epoch FROM recorded_at) * 1000000)::bigint)::text] FROM events ORDER BY position"
        )
    )
    previous, breaks = b"", []
    for position, found, columns in rows:
        expected = hashlib.sha256(previous + "\x1f".join(columns).encode()).digest()
        if bytes(found) != expected:
            breaks.append(position)
        previous = bytes(found)
    return breaks


@pytest.mark.parametrize("change", CHANGES)
async def test_the_services_role_can_neither_change_nor_remove_what_happened(engine: AsyncEngine, change: str) -> None:
    with pytest.raises(DBAPIError) as refusal:
        async with engine.begin() as connection:
            await connection.execute(sa.text(change))
    assert sqlstate(refusal.value) == REFUSED
    assert "permission denied" in str(refusal.value)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("part", ["origin", "replica"])
async def test_not_even_the_owner_can_change_what_happened(owner: AsyncEngine, change: str, part: str) -> None:
    async with owner.connect() as connection:
        await connection.execute(sa.text(f"SET LOCAL session_replication_role = {part}"))
        with pytest.raises(DBAPIError, match="append-only") as refusal:
            await connection.execute(sa.text(change))
    assert sqlstate(refusal.value) == REFUSED


@pytest.mark.parametrize(
    "change", ["DELETE FROM log_head", "INSERT INTO log_head VALUES (false, 0, '')", "DELETE FROM idempotency"]
)
async def test_the_services_role_cannot_forget_the_head_or_an_answer(engine: AsyncEngine, change: str) -> None:
    with pytest.raises(DBAPIError, match="permission denied"):
        async with engine.begin() as connection:
            await connection.execute(sa.text(change))


async def test_every_event_is_chained_to_the_one_before_it(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        assert await _chain_breaks(connection) == []
        head = (await connection.execute(sa.text("SELECT position, hash FROM log_head"))).one()
        last = (
            await connection.execute(sa.text("SELECT position, hash FROM events ORDER BY position DESC LIMIT 1"))
        ).one()
        assert tuple(head) == tuple(last)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE events SET data = jsonb_set(data, '{planned_amount}', '12000001') WHERE position = 3",
        "UPDATE events SET metadata = jsonb_set(metadata, '{actor}', '\"officer-2\"') WHERE position = 3",
        "UPDATE events SET recorded_at = recorded_at + interval '1 microsecond' WHERE position = 3",
        "UPDATE events SET key = 'clm_2' WHERE position = 3",
    ],
)
async def test_a_changed_byte_is_found_at_its_position(planting: AsyncConnection, change: str) -> None:
    await planting.execute(sa.text(change))
    assert await _chain_breaks(planting) == [3]


async def test_two_who_decided_on_the_same_version_cannot_both_be_right(recorded: Facts) -> None:
    project = new_project()
    await recorded.record(stream_of(project), proposed(project))
    with pytest.raises(VersionConflictError):
        await recorded.record(stream_of(project), proposed(project))


async def test_a_stream_cannot_skip_a_version(recorded: Facts) -> None:
    project = new_project()
    with pytest.raises(IntegrityError, match="would leave a gap"):
        await recorded.record(stream_of(project), proposed(project), after=1)


async def test_a_refused_append_leaves_no_hole_in_the_positions(recorded: Facts) -> None:
    project = new_project()
    before = await recorded.record(stream_of(project), proposed(project))
    with pytest.raises(VersionConflictError):
        await recorded.record(stream_of(project), proposed(project))
    assert await recorded.record(stream_of(project), confirmed(project), after=1) == before + 1


async def test_a_transaction_sees_what_it_has_appended_before_and_after_it_is_written(engine: AsyncEngine) -> None:
    project = new_project()
    async with transaction(engine, CONTEXT, SystemClock(), CAUSE) as tx:
        handled = await tx.handle(PROJECT, stream_of(project), Propose(project_id=project))
        assert handled.version == 1
        assert (await tx.load(PROJECT, stream_of(project))).version == 1
        assert tx.position == 0
        await tx.flush()
        assert tx.position > 0
        loaded = await tx.load(PROJECT, stream_of(project))
        assert (loaded.state, loaded.version) == (Project(proposed=True), 1)
        assert tx.appended() == [proposed(project)]


async def test_the_log_tells_who_why_and_when_beside_what(engine: AsyncEngine, recorded: Facts) -> None:
    project = new_project()
    position = await recorded.record(stream_of(project), proposed(project))
    async with engine.connect() as connection:
        (event,) = await read_log(connection, CONTEXT, after=position - 1, limit=10)
    assert event.data == proposed(project)
    assert (event.id, event.version, event.key) == (f"contracts-{position}", 1, "clm_1")
    assert event.type == "cxq.contracts.project-proposed.v2"
    assert event.metadata["actor"] == "officer-1"
    assert event.metadata["correlation_id"] == "conversation-1"
    assert event.metadata["traceparent"] == "00-abc"
    assert "causation_id" not in event.metadata
    assert len(event.metadata["business_date"]) == len("2026-03-02")


async def test_an_event_of_an_old_version_is_read_as_the_current_one(owner: AsyncEngine) -> None:
    payload = (
        '{"contract_id":"ctr_1","claimant_id":"clm_1","provider_id":"prv_1","vouchers":[],"amount":12000000,'
        '"actual_amount":9000000,"ended_on":"2026-05-01","redeem_by":"2026-06-01","provisional":false,'
        '"on":"2026-05-02"}'
    )
    async with owner.begin() as connection:
        position = (
            await connection.execute(
                sa.text(
                    "SELECT append_events(ARRAY['contract-ctr_1'], ARRAY[1],"
                    " ARRAY['cxq.contracts.contract-completed.v1'], ARRAY[:payload], ARRAY['{}'],"
                    " ARRAY['clm_1'], now())"
                ),
                {"payload": payload},
            )
        ).scalar_one()
    async with owner.connect() as connection:
        (event,) = await read_log(connection, CONTEXT, after=position - 1, limit=1)
    assert isinstance(event.data, ContractCompleted)
    assert (event.data.invoiced_amount, event.data.paid_amount) == (9_000_000, 9_000_000)
