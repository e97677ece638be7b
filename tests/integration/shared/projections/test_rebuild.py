"""A read model made anew equals the one that was kept, and nobody notices the change."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from shared.audit import Count
from shared.events.definition import Recorded
from shared.events.issuance.vouchers import VoucherClaimed
from shared.projections import log_reading
from shared.projections.projection import Projection, Row, RowKey
from shared.projections.rebuild import RebuildError
from shared.projections.shadow import Shadow
from shared.projections.verification import differences
from tests.integration.shared.projections.balances import BALANCES_PROJECTION, SLIPS_PROJECTION, cancelled, claimed
from tests.integration.shared.projections.interrupted import POINTS, killed_at
from tests.integration.shared.projections.office import Office
from tests.locks import until_waited_for


@pytest.mark.parametrize("projection", [BALANCES_PROJECTION, SLIPS_PROJECTION], ids=lambda each: each.name)
@pytest.mark.parametrize("rows_in_memory_max", [1_000_000, 3])
async def test_live_rebuilt_and_folded_from_the_log_are_the_same(
    office: Office, rows_in_memory_max: int, projection: Projection, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.projection = projection
    monkeypatch.setattr(log_reading, "_RECORDS", 7)
    await office.business(300)
    async with office.live():
        await office.caught_up()
        kept = await office.rows()
        report = await office.rebuild(rows_in_memory_max=rows_in_memory_max)
        assert await office.rows() == kept == await office.fold_of_the_log()
        assert report.digest_before == report.digest_after
        assert report.digest_after.startswith(f"{len(kept)}-")
        assert (report.rows_different, report.events) == (0, 400)

        await office.business(40)
        await office.caught_up()
        assert await office.rows() == await office.fold_of_the_log() != kept
    assert await office.breaches() == []


@pytest.mark.parametrize("looked_for", [False, True])
async def test_the_key_is_indexed_when_a_row_is_looked_for_else_after_the_load(
    office: Office, *, looked_for: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.projection = SLIPS_PROJECTION
    monkeypatch.setattr(log_reading, "_RECORDS", 7)
    steps: list[str] = []
    for step in ("copy", "index_key"):
        monkeypatch.setattr(Shadow, step, _noted(steps, step))
    claims = [claimed("clm_1", place) for place in range(40)]
    await office.record(*claims, *([cancelled(claims[1])] if looked_for else []), *map(_later, claims))
    async with office.live():
        await office.caught_up()
        report = await office.rebuild(rows_in_memory_max=9)
    assert (report.rows_different, report.digest_after) == (0, report.digest_before)
    assert steps.count("index_key") == 1
    assert steps.count("copy") > 3
    assert (steps[-1] == "copy") is looked_for


def _noted(steps: list[str], step: str) -> Callable[..., Any]:
    do: Callable[..., Any] = getattr(Shadow, step)

    async def noted(*args: Any) -> None:
        steps.append(step)
        await do(*args)

    return noted


def _later(claim: VoucherClaimed) -> VoucherClaimed:
    return claimed(claim.claimant_id, claim.place + 1_000)


async def test_a_row_changed_behind_its_back_is_reported_and_mended(office: Office) -> None:
    await office.business(60)
    async with office.live():
        await office.caught_up()
        right = await office.rows()
        await office.sql("UPDATE test_balances SET held = held + 1 WHERE claimant_id = 'clm_1'")
        await office.sql("DELETE FROM test_balances WHERE claimant_id = 'clm_2'")
        await office.sql("INSERT INTO test_balances SELECT 'clm_x', year, held, vouchers, last_claim_on, changed_at,"
                         " places, note FROM test_balances WHERE claimant_id = 'clm_3'")  # fmt: skip
        assert {(breach.where, breach.found) for breach in await office.breaches()} == {
            ("test_balances clm_1/2026", "differs from the fold of the log in held"),
            ("test_balances clm_2/2026", "the row is missing"),
            ("test_balances clm_x/2026", "a row that the log does not account for"),
        }
        report = await office.rebuild()
        assert report.digest_before != report.digest_after
        assert report.rows_different == 3
        assert await office.rows() == right
        assert await office.breaches() == []


async def test_a_rebuild_beside_a_busy_office_loses_nothing_and_no_read_fails(office: Office) -> None:
    await office.business(200)
    async with office.live():
        await office.caught_up()
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            readers = [group.create_task(office.reading(stop)) for _ in range(3)]
            busy = group.create_task(_keep_busy(office, stop))
            reports = [await office.rebuild(rows_in_memory_max=10) for _ in range(3)]
            stop.set()
        assert all(reader.result() > 10 for reader in readers)
        assert busy.result() > 3
        assert [(report.rows_different, report.digest_before) for report in reports] == [
            (0, report.digest_after) for report in reports
        ]
        await office.caught_up()
        assert await office.rows() == await office.fold_of_the_log()


async def _keep_busy(office: Office, stop: asyncio.Event) -> int:
    rounds = 0
    while not stop.is_set():
        await office.business(9)
        rounds += 1
    return rounds


async def test_the_swap_waits_for_a_long_read_and_nobody_queues_behind_it(office: Office) -> None:
    await office.business(30)
    async with office.live():
        await office.caught_up()
        kept = await office.rows()
        async with office.owner.connect() as long_read:
            await long_read.execute(sa.text("SELECT count(*) FROM test_balances"))
            rebuilding = asyncio.create_task(office.rebuild())
            await until_waited_for(long_read)
            for _ in range(30):
                assert await office.rows() == kept
            assert not rebuilding.done()
            await long_read.rollback()
        assert (await rebuilding).rows_different == 0


async def test_a_read_transaction_from_before_the_swap_is_told_that_the_table_is_new(office: Office) -> None:
    await office.business(30)
    async with office.live():
        await office.caught_up()
        async with office.owner.connect() as audit:
            await audit.execution_options(isolation_level="REPEATABLE READ")
            await audit.execute(sa.text("SELECT count(*) FROM consumer_positions"))
            await office.rebuild()
            found = [breach async for breach in differences(office.settings, office.projection, audit, Count())]
        assert [breach.found for breach in found] == ["the table was rebuilt while the audit ran; audit again"]


TABLE = "CAST('test_balances' AS regclass)"
SHAPE = (
    "SELECT concat_ws(' ', relname, relkind) FROM pg_class WHERE relname LIKE 'test_balances%' ORDER BY 1",
    "SELECT acl::text FROM pg_class, unnest(relacl) acl WHERE relname = 'test_balances' ORDER BY 1",
    "SELECT indexdef FROM pg_indexes WHERE tablename = 'test_balances' ORDER BY indexname",
    "SELECT conname || pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = {table} ORDER BY 1",
)


async def test_the_new_table_has_the_names_indexes_checks_and_grants_of_the_old_one(office: Office) -> None:
    await office.business(30)
    await office.sql("GRANT SELECT ON test_balances TO PUBLIC")
    async with office.live():
        await office.caught_up()
        before = [await office.sql(question.format(table=TABLE)) for question in SHAPE]
        number = await office.sql(f"SELECT CAST(CAST({TABLE} AS oid) AS bigint)")
        await office.rebuild()
        assert [await office.sql(question.format(table=TABLE)) for question in SHAPE] == before
        assert await office.sql(f"SELECT CAST(CAST({TABLE} AS oid) AS bigint)") != number


async def test_two_rebuilds_of_one_read_model_do_not_run_at_once(office: Office) -> None:
    await office.business(10)
    async with office.live(), office.owner.connect() as other:
        await office.caught_up()
        await other.execute(sa.text("SELECT pg_advisory_lock(hashtextextended('rebuild:test_balances', 0))"))
        with pytest.raises(RebuildError, match="another rebuild of test_balances is running"):
            await office.rebuild()


async def test_a_gap_in_the_topic_stops_the_rebuild_and_leaves_the_table_alone(office: Office) -> None:
    await office.business(30, claimants=1)
    async with office.live():
        await office.caught_up()
    kept = await office.rows()
    await office.cut_topic()
    with pytest.raises(
        RebuildError, match=r"gap in .*: position \d+ at offset \d+ follows \d+, not 0\. The live table"
    ):
        await office.rebuild()
    assert await office.rows() == kept


async def test_a_topic_shorter_than_the_read_model_stops_the_rebuild(office: Office) -> None:
    await office.business(30, claimants=1)
    async with office.live():
        await office.caught_up()
    kept = await office.rows()
    await office.empty_topic()
    with pytest.raises(RebuildError, match=r"ends with position 0, but 40 has been applied already"):
        await office.rebuild()
    assert await office.rows() == kept


async def test_an_event_that_cannot_be_applied_stops_the_rebuild_and_is_named(office: Office) -> None:
    await office.business(30)
    async with office.live():
        await office.caught_up()
    kept = await office.rows()
    office.projection = replace(BALANCES_PROJECTION, evolve=_refuses_clm_7)
    with pytest.raises(RebuildError, match=r"cannot apply issuance-8 \(cxq.issuance.voucher-claimed.v1\): Arithm"):
        await office.rebuild()
    assert await office.rows() == kept


def _refuses_clm_7(row: Row | None, event: Recorded[Any], key: RowKey) -> Row | None:
    if key[0] == "clm_7":
        raise ArithmeticError("seven")
    return BALANCES_PROJECTION.evolve(row, event, key)


async def test_a_rebuild_applies_what_was_parked(office: Office) -> None:
    await office.business(40)
    office.projection = replace(BALANCES_PROJECTION, evolve=_refuses_clm_7, poison="park")
    async with office.live():
        await office.caught_up()
        assert ("clm_7", 2026) not in await office.rows()
        office.projection = BALANCES_PROJECTION
        assert [breach.found for breach in await office.breaches()] == ["3 events are parked; see `cxq parked`"]
        report = await office.rebuild()
        assert report.rows_different == 1
        assert await office.rows() == await office.fold_of_the_log()
        assert await office.sql("SELECT count(*) FROM parked_events") == [0]


@pytest.mark.parametrize("point", [each for each in POINTS if each != "moved"])
async def test_a_rebuild_killed_at_any_point_leaves_the_old_table_and_can_start_again(
    office: Office, point: str
) -> None:
    await office.business(60)
    async with office.live():
        await office.caught_up()
        kept = await office.rows()
        await killed_at(office.settings, point)
        assert await office.rows() == kept
        await office.business(30)
        await office.caught_up()
        report = await office.rebuild()
        assert report.rows_different == 0
        assert await office.rows() == await office.fold_of_the_log()
        assert await office.sql("SELECT relname FROM pg_class WHERE relname LIKE '%rebuild%'") == []
