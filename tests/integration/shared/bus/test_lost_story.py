"""A store is set back to a backup, and its topic knows what came after: nobody goes on as if that were true."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from shared.bus import rehearing
from shared.bus.consumer import Consumer
from shared.bus.image import TopicReader
from shared.bus.rehearing import NotRehearableError, rehear
from shared.bus.republish import republish
from shared.bus.subscription import Place
from shared.supervision import State, Supervised
from tests.integration.shared.bus.log_and_topic import CONTEXT, Log, eventually, in_partition, running, state
from tests.integration.shared.bus.seen import Seen, seen
from tests.integration.shared.bus.test_feed import Shared, readers_of

ELSEWHERE = "issuance"
"""A context that is not the one of the log: what it knows of that, it knows from the topic alone."""


async def published(log: Log, owners: Sequence[str]) -> None:
    await log.append(owners)
    async with running(log.relay()):
        await eventually(log.drained)


async def published_anew(log: Log, owners: Sequence[str] = ()) -> None:
    """Go on in a store that was set back, and have its story told instead of the lost one."""
    await log.append(owners)
    await republish(log.settings, CONTEXT, lambda *_: None, fresh=True)


def looking(model: Seen, **more: Any) -> Supervised:
    """Have a consumer that looks again whether what halted it is mended."""
    consumer = Consumer(replace(model.around, **more), model.subscription)
    return Supervised("seen", consumer.run, look_again_s=0.05, is_mended=consumer.is_mended)


async def test_what_the_own_log_has_lost_is_not_heard_from_the_topic(log: Log) -> None:
    model = await seen(log)
    await published(log, in_partition(0)[:4])
    async with running(model.consumer()):
        await model.has(1, 2, 3, 4)
    await published(log, in_partition(0)[:2])
    await log.set_back(4)
    async with running(consumer := looking(model)):
        await state(consumer, State.HALTED)
        assert "partition 0: position 6, " in consumer.progress.detail
        assert "in the topic, is not in the log: the store was set back" in consumer.progress.detail
        await published_anew(log, in_partition(0)[2:5])
        await model.has(1, 2, 3, 4, 5, 6, 7)
        await state(consumer, State.RUNNING)
    assert [await model.positions(owner) for owner in in_partition(0)] == [[1], [2], [3, 5], [4, 6], [7]]


async def test_what_the_own_log_tells_otherwise_is_not_heard_from_the_topic(log: Log) -> None:
    model = await seen(log)
    await published(log, in_partition(0)[:4])
    async with running(model.consumer()):
        await model.has(1, 2, 3, 4)
    await published(log, in_partition(0)[:1])
    await log.set_back(4)
    await log.append(in_partition(0)[4:])
    kept = (await log.sealed(5, 4)).hash[:12]
    async with running(consumer := looking(model)):
        await state(consumer, State.HALTED)
        assert f"in the topic, is {kept} in the log: the store was set back" in consumer.progress.detail
        await published_anew(log)
        await model.has(1, 2, 3, 4, 5)
    assert await model.positions(in_partition(0)[4]) == [5]


async def test_a_store_put_forward_again_to_its_last_state_needs_nothing_else(log: Log) -> None:
    model = await seen(log)
    await published(log, in_partition(0)[:4])
    whole = "SELECT * FROM events WHERE position = 4"
    await log.change(f"CREATE TABLE backup AS {whole}", "CREATE TABLE head AS SELECT * FROM log_head")
    await log.set_back(3)
    async with running(consumer := looking(model)):
        await state(consumer, State.HALTED)
        await log.change(
            "INSERT INTO events SELECT * FROM backup",
            "UPDATE log_head SET (position, hash) = (SELECT position, hash FROM head)",
        )
        await model.has(1, 2, 3, 4)


async def test_who_ran_on_while_the_database_was_set_back_hears_what_came_after_again(log: Log) -> None:
    """It believes to know what it is told, from before."""
    model = await seen(log)
    await published(log, in_partition(0))
    async with running(model.consumer()):
        await model.caught_up()
        await log.change(
            "DELETE FROM seen WHERE position > 3",
            "UPDATE consumer_positions SET next_offset = 3, position = 3,"
            " hash = (SELECT encode(hash, 'hex') FROM events WHERE position = 3) WHERE partition = 0",
        )
        await log.write(await log.sealed(5, 4), 0)
        await model.caught_up()


async def test_a_reader_of_the_own_log_that_has_heard_what_is_lost_halts_before_it_hears_more(log: Log) -> None:
    model = await seen(log, derived=True)
    await published(log, in_partition(0))
    async with running(model.consumer()):
        await model.caught_up()
    await log.set_back(4)
    async with running(consumer := model.consumer()):
        await state(consumer, State.HALTED)
    assert "partition 0: position 5, which seen heard as " in consumer.progress.detail
    assert ", is not in the log: it is of a story that is lost" in consumer.progress.detail
    assert "`cxq rebuild contracts seen --forget-lost` makes it anew" in consumer.progress.detail


async def test_one_that_has_heard_what_is_lost_leaves_the_feed_and_comes_back_when_it_was_put_elsewhere(
    log: Log,
) -> None:
    one, other = await readers_of(log)
    await published(log, in_partition(0))
    async with Shared(log, one, other).at_work():
        await one.has(1, 2, 3, 4, 5)
        await other.has(1, 2, 3, 4, 5)
    its = "WHERE consumer = 'other' AND partition = 0"
    await log.change(
        "CREATE TABLE place AS SELECT hash FROM consumer_positions " + its,
        "UPDATE consumer_positions SET hash = repeat('0', 64) " + its,
    )
    shared = Shared(log, one, other)
    shared.tasks[1] = Supervised(
        "other", shared.consumers[1].run, look_again_s=0.05, is_mended=shared.consumers[1].is_mended
    )
    async with shared.at_work():
        await state(shared.tasks[1], State.HALTED)
        assert "position 5, which other heard as 000000000000, is " in shared.tasks[1].progress.detail
        await published(log, in_partition(0)[:1])
        await one.has(1, 2, 3, 4, 5, 6)
        assert shared.tasks[1].progress.state == State.HALTED
        assert await other.positions() == [1, 2, 3, 4, 5]
        await log.change("UPDATE consumer_positions SET hash = (SELECT hash FROM place) " + its)
        await other.has(1, 2, 3, 4, 5, 6)


async def test_a_neighbour_notices_another_event_where_it_heard_one_that_is_lost(log: Log) -> None:
    """The record after it follows the same position at the same offset: nothing else gives it away."""
    model = await seen(log)
    await published(log, in_partition(0))
    async with running(model.consumer(context=ELSEWHERE)):
        await model.caught_up()
    await log.set_back(4)
    await published_anew(log, in_partition(0)[:2])
    now = (await log.sealed(5, 4)).hash[:12]
    async with running(consumer := looking(model, context=ELSEWHERE)):
        await state(consumer, State.HALTED)
        assert (
            f"position 5, which seen heard as {(await heard(log))[:12]}, is {now} there now" in consumer.progress.detail
        )
        assert (
            "`cxq rehear issuance contracts --after POSITION` has them hear what is told now"
            in consumer.progress.detail
        )
        assert await model.positions() == [1, 2, 3, 4, 5]


async def test_a_neighbour_notices_that_what_it_heard_is_not_told_any_more(log: Log) -> None:
    model = await seen(log, derived=True)
    await published(log, in_partition(0))
    async with running(model.consumer(context=ELSEWHERE)):
        await model.caught_up()
    await log.set_back(4)
    await log.change("ALTER TABLE seen DROP CONSTRAINT seen_position_key")  # the other partition may be heard first
    await published_anew(log, [in_partition(1)[0], in_partition(0)[0]])
    async with running(consumer := looking(model, context=ELSEWHERE)):
        await state(consumer, State.HALTED)
    assert (
        f"position 5, which seen heard as {(await heard(log))[:12]}, is not there any more" in consumer.progress.detail
    )
    assert "`cxq rebuild issuance seen --forget-lost` makes it anew" in consumer.progress.detail


async def heard(log: Log) -> str:
    """Give the hash of what the consumer has heard last of partition 0."""
    return str(await log.scalar("SELECT hash FROM consumer_positions WHERE partition = 0"))


async def reacting(log: Log, events: int) -> Seen:
    """Have a neighbour's reactions hear the events of one owner, and of another one every fourth time."""
    model = await seen(log)
    model.subscription = replace(model.subscription, consumer="reactions")
    one, other = in_partition(0)[0], in_partition(1)[0]
    await published(log, [one if number % 4 else other for number in range(1, events + 1)])
    async with running(model.consumer(context=ELSEWHERE)):
        await model.caught_up()
    return model


async def test_reactions_put_back_to_the_backup_hear_what_is_told_now_and_nothing_twice(log: Log) -> None:
    model = await reacting(log, 9)
    await log.change("ALTER TABLE seen DROP CONSTRAINT seen_position_key")  # what they did upon lost events stays
    await log.set_back(5)
    await log.change("INSERT INTO parked_events SELECT 'reactions', topic, partition, 9, 'clm_1', '', '', now()"
                     " FROM consumer_positions WHERE partition = 0")  # fmt: skip
    await published_anew(log, in_partition(0)[1:4] * 2)
    async with running(consumer := looking(model, context=ELSEWHERE)):
        await state(consumer, State.HALTED)
        assert await rehear(log.settings, CONTEXT, CONTEXT, 5) == {0: (9, 5), 1: (8, 4)}
        assert await model.parked() == []

        async def heard_anew() -> bool:
            return (await model.positions())[9:] == [6, 7, 8, 9, 10, 11]

        await eventually(heard_anew)
    assert [await model.positions(owner) for owner in in_partition(0)[1:4]] == [[6, 9], [7, 10], [8, 11]]


async def test_reactions_are_not_put_back_to_where_the_stories_have_parted_already(log: Log) -> None:
    model = await reacting(log, 6)
    await log.set_back(3)
    await published_anew(log, in_partition(0)[:5])
    before = await log.scalar("SELECT string_agg(position || hash, ' ' ORDER BY partition) FROM consumer_positions")
    with pytest.raises(NotRehearableError, match=r"position 6 was heard as .* the stories parted before position 7"):
        await rehear(log.settings, CONTEXT, CONTEXT, 7)
    with pytest.raises(NotRehearableError, match=r"position 4 was heard as .* the stories parted before position 5"):
        await rehear(log.settings, CONTEXT, CONTEXT, 5)
    assert (
        await log.scalar("SELECT string_agg(position || hash, ' ' ORDER BY partition) FROM consumer_positions")
        == before
    )
    assert sorted(await model.positions()) == [1, 2, 3, 4, 5, 6]


async def test_reactions_that_go_on_meanwhile_are_left_alone(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    await reacting(log, 6)
    last_until = rehearing._last_until

    async def and_goes_on(reader: TopicReader, partition: int, until: int) -> Place:
        await log.change("UPDATE consumer_positions SET position = 7 WHERE partition = 0")
        return await last_until(reader, partition, until)

    monkeypatch.setattr(rehearing, "_last_until", and_goes_on)
    with pytest.raises(NotRehearableError, match="the reactions of contracts go on by themselves"):
        await rehear(log.settings, CONTEXT, CONTEXT, 3)
    stands = "SELECT string_agg(CAST(position AS text), ' ' ORDER BY position) FROM consumer_positions"
    assert await log.scalar(f"{stands} WHERE position > 0") == "4 7"


async def test_reactions_that_have_heard_nothing_lost_stay_where_they_are(log: Log) -> None:
    await reacting(log, 6)
    assert await rehear(log.settings, CONTEXT, CONTEXT, 6) == {}
