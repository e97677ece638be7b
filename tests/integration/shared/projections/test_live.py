"""A live read model: every event once, whatever is delivered, and how far it is."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from shared.bus.subscription import take_turn
from shared.clock import SystemClock
from shared.events.definition import Recorded
from shared.projections import runner
from shared.projections.projection import PoisonEventError, Row, RowKey
from shared.projections.reading import as_of
from shared.projections.rows import load_rows
from shared.projections.runner import apply_batches, subscriptions_for
from shared.store.transaction import Cause, on, read_log
from tests.integration.shared.projections.balances import BALANCES, BALANCES_PROJECTION, cancelled, claimed
from tests.integration.shared.projections.office import NAME, Office
from tests.locks import until_waited_for

CAUSE = Cause(actor="test", correlation_id="test")


async def test_topics_read_again_from_the_start_change_nothing(office: Office) -> None:
    await office.business(60)
    async with office.live():
        await office.caught_up()
        kept = await office.rows()
    await office.sql("UPDATE consumer_positions SET next_offset = 0")
    await office.business(3)
    async with office.live():
        await office.caught_up()
        changed = await office.rows()
    assert changed == await office.fold_of_the_log() != kept


@pytest.mark.parametrize("copied_min", [1, 1_000])
async def test_new_rows_come_to_the_same_whether_they_are_copied_or_upserted(
    office: Office, copied_min: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "_COPIED_MIN", copied_min)
    await office.business(60)
    async with office.live():
        await office.caught_up()
        await office.business(30)
        await office.caught_up()
    assert await office.rows() == await office.fold_of_the_log()


async def test_what_the_relay_publishes_twice_is_applied_and_rebuilt_once(office: Office) -> None:
    await office.business(60)
    async with office.live():
        await office.caught_up()
    await office.publish_again()
    async with office.live():
        await office.business(6)
        await office.caught_up()
        assert await office.rows() == await office.fold_of_the_log()
        assert (await office.rebuild()).rows_different == 0
        assert await office.breaches() == []


async def test_read_models_that_are_level_are_read_and_written_in_one_statement_each(office: Office) -> None:
    await office.sql("CREATE TABLE test_others (LIKE test_balances INCLUDING ALL)")
    table = BALANCES.to_metadata(sa.MetaData(), name="test_others")
    others = replace(BALANCES_PROJECTION, name="test_others", table=table)
    subscriptions = subscriptions_for([BALANCES_PROJECTION, others])
    together = subscriptions[0].together
    assert together is not None
    assert together is subscriptions[1].together
    first, second = claimed("clm_1", 1), claimed("clm_2", 2)
    await office.record(first, second, cancelled(first), cancelled(second))
    async with office.engine.connect() as reading:
        log = await read_log(reading, NAME, after=0, limit=10)
    said: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        said.append(statement)

    sa.event.listen(office.engine.sync_engine, "before_cursor_execute", listen)
    # the first is ahead of the second: what one is to remove, the other is to write
    for batch, behind in ((log[:2], log[:1]), (log[2:], log[1:2])):
        said.clear()
        async with office.engine.begin() as connection:
            told = {subscriptions[0].consumer: batch, subscriptions[1].consumer: behind}
            await together(on(connection, NAME, SystemClock(), CAUSE), told)
        assert len(said) == 2, said
        assert said[0].startswith("SELECT ARRAY(")
    assert await office.rows() == {}
    expected: dict[RowKey, Row | None] = {}
    others.fold(expected, log[:2])
    async with office.engine.connect() as connection:
        assert await load_rows(connection, table, [*expected, ("clm_3", 2026)]) == expected | {("clm_3", 2026): None}


async def test_two_writers_of_one_row_do_not_lose_each_others_effect(office: Office) -> None:
    await office.record(claimed("clm_1", 1), claimed("clm_1", 2))
    async with office.engine.connect() as reading:
        first, second = await read_log(reading, NAME, after=0, limit=10)
    async with office.engine.begin() as one:
        await take_turn(one, BALANCES_PROJECTION.consumer)
        await apply_batches(on(one, NAME, SystemClock(), CAUSE), [(BALANCES_PROJECTION, [first])])
        other = asyncio.create_task(_apply(office, second))
        await until_waited_for(one)
    await other
    assert await office.rows() == await office.fold_of_the_log()


async def _apply(office: Office, event: Recorded[Any]) -> None:
    async with office.engine.begin() as connection:
        await take_turn(connection, BALANCES_PROJECTION.consumer)
        await apply_batches(on(connection, NAME, SystemClock(), CAUSE), [(BALANCES_PROJECTION, [event])])


async def test_the_live_runner_waits_for_its_turn(office: Office) -> None:
    await office.business(9)
    async with office.live():
        await office.caught_up()
        async with office.owner.begin() as other:  # a service's own would be ended after a second
            await take_turn(other, BALANCES_PROJECTION.consumer)
            before = await office.rows()
            await office.business(3)
            await until_waited_for(other)
            assert await office.rows() == before
        await office.caught_up()
    assert await office.rows() == await office.fold_of_the_log()


async def test_a_batch_with_an_event_that_cannot_be_applied_writes_nothing(office: Office) -> None:
    await office.record(claimed("clm_1", 1), claimed("clm_2", 2, amount=-1))
    async with office.engine.begin() as connection:
        events = await read_log(connection, NAME, after=0, limit=10)
        with pytest.raises(PoisonEventError, match=r"test_balances cannot apply issuance-2 .*less than nothing"):
            await apply_batches(on(connection, NAME, SystemClock(), CAUSE), [(BALANCES_PROJECTION, events)])
    assert await office.rows() == {}


async def test_a_read_model_says_how_far_it_is(office: Office) -> None:
    await office.business(40)
    assert await office.as_of() == 0
    async with office.live():
        await office.caught_up()
    reached = await office.as_of()
    assert reached == await office.head() == 54
    await office.sql("UPDATE consumer_positions SET position = 7 WHERE partition ="
                     " (SELECT partition FROM consumer_positions ORDER BY position LIMIT 1)")  # fmt: skip
    assert await office.as_of() == 7


async def test_a_read_model_without_own_events_is_never_behind_the_own_log(office: Office) -> None:
    await office.record(claimed("clm_1", 1))
    async with office.engine.connect() as connection:
        topic = office.settings.topic("registry")
        assert await as_of(connection, BALANCES_PROJECTION, "registry", topic) == 1
