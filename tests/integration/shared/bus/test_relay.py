"""The relay: complete, in order, one at a time, and never silently different from the store."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import pytest

from shared.bus import relay as relay_module
from shared.bus.publisher import Message, Publisher, PublishError
from shared.bus.relay import FencedError, Relay
from shared.bus.republish import republish
from shared.bus.topics import FOR_EVER, Topics
from shared.store.transaction import read_log
from shared.supervision import State, Supervised
from tests.integration.shared.bus.log_and_topic import (
    CLOCK,
    CONTEXT,
    OWNERS,
    Log,
    chained,
    confirmed,
    eventually,
    in_partition,
    running,
    state,
)


async def test_every_event_is_published_once_in_order_and_names_the_position_before_it(log: Log) -> None:
    await log.append(OWNERS * 2)
    async with running(log.relay()):
        await eventually(log.drained)
        await log.append(OWNERS)
        await eventually(log.drained)
    records = await log.records()
    assert await log.in_topic() == list(range(1, 37))
    assert len([part for part in records.values() if part]) == 4
    for part in records.values():
        assert [envelope.prevposition for envelope in part] == [0, *(envelope.position for envelope in part)][:-1]


async def test_an_event_travels_unchanged(log: Log) -> None:
    await log.append(["clm_1"])
    async with running(log.relay()):
        await eventually(log.drained)
    (envelope,) = [e for part in (await log.records()).values() for e in part]
    async with log.engine.connect() as connection:
        (stored,) = await read_log(connection, CONTEXT, after=0, limit=1)
    assert envelope.opened() == stored
    assert stored.data == confirmed(1, "clm_1")


async def test_a_commit_is_published_without_waiting_for_the_sweep(log: Log) -> None:
    async with running(relay := log.relay()):
        await state(relay, State.RUNNING)
        await log.append(["clm_1"])
        await eventually(log.drained, within=0.9)


async def test_a_stream_is_gathered_and_whoever_comes_alone_waits_for_nobody(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "_GATHER_S", 3.0)
    published: list[int] = []
    publish = Publisher.publish

    async def counted(self: Publisher, messages: Mapping[int, Sequence[Message]]) -> dict[int, int]:
        published.append(sum(map(len, messages.values())))
        return await publish(self, messages)

    monkeypatch.setattr(Publisher, "publish", counted)
    await log.append(OWNERS * 5)
    async with running(log.relay()):
        await eventually(log.drained)
        await log.append(OWNERS)  # each in a transaction of its own
        await eventually(log.drained)
        for _ in range(2):
            await log.append(["clm_1"])
            await eventually(log.drained, within=0.9)
    assert published == [5 * len(OWNERS), len(OWNERS), 1, 1]


async def test_the_topic_is_kept_for_ever(log: Log) -> None:
    async with running(relay := log.relay()):
        await state(relay, State.RUNNING)
    async with Topics(log.settings) as topics:
        assert await topics.partitions(log.topic) == log.settings.topic_partitions
        assert (await topics.configuration(log.topic)).items() >= FOR_EVER.items()


async def test_events_of_a_clock_that_was_moved_forward_are_published(log: Log) -> None:
    class NextYear:
        def now(self) -> datetime:
            return CLOCK.now() + timedelta(days=400)

    await log.append(OWNERS, NextYear())
    async with running(log.relay()):
        await eventually(log.drained)


async def test_killed_between_publishing_and_storing_it_publishes_nothing_twice_that_it_finds(log: Log) -> None:
    await log.append(OWNERS)
    async with running(log.relay()):
        await eventually(log.drained)
    await log.forget_positions()
    await log.append(OWNERS[:3])
    async with running(log.relay()):
        await eventually(log.drained)
    assert await log.in_topic() == list(range(1, 16))
    assert chained(await log.records())


async def test_a_failure_between_publishing_and_storing_loses_nothing(log: Log) -> None:
    await log.append(OWNERS)
    await log.change(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN IF NEW.position > 0 THEN RAISE EXCEPTION 'no'; END IF; RETURN NEW; END $$",
        "CREATE TRIGGER fail BEFORE INSERT OR UPDATE ON relay_positions FOR EACH ROW EXECUTE FUNCTION fail()",
    )
    async with running(relay := log.relay()):
        await state(relay, State.RETRYING)
        assert await log.checkpoint() == 0
        await log.change("DROP TRIGGER fail ON relay_positions")
        await log.append(OWNERS)
        await eventually(log.drained)
    assert set(await log.in_topic()) == set(range(1, 25))
    assert chained(await log.records())


async def test_of_two_relays_one_works_and_the_other_takes_over(log: Log) -> None:
    first, second = log.relay(), log.relay()
    async with running(first):
        await state(first, State.RUNNING)
        async with running(second):
            await state(second, State.STANDBY)
            assert not await Relay(log.settings, CONTEXT).catch_up(0, lambda _: None)
            await log.append(OWNERS)
            await eventually(log.drained)
            await first.stop()
            await state(second, State.RUNNING)
            await log.append(OWNERS)
            await eventually(log.drained)
    assert await log.in_topic() == list(range(1, 25))
    assert chained(await log.records())


async def test_a_relay_that_loses_its_lock_stops_and_goes_on_with_a_new_one(log: Log) -> None:
    async with running(relay := log.relay()):
        await log.append(OWNERS)
        await eventually(log.drained)
        await log.change(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cxq-relay-contracts'"
            " AND datname = current_database()"
        )
        await log.append(OWNERS)
        await eventually(log.drained)
        await state(relay, State.RUNNING)
    assert await log.in_topic() == list(range(1, 25))
    assert chained(await log.records())


async def test_a_relay_whose_checkpoint_was_moved_looks_at_everything_again(log: Log) -> None:
    async with running(relay := log.relay()):
        await log.append(OWNERS)
        await eventually(log.drained)
        await log.change("UPDATE relay_positions SET position = 3 WHERE partition = -1")
        await log.append(OWNERS)
        await eventually(log.drained)
        await state(relay, State.RUNNING)
    assert await log.in_topic() == list(range(1, 25))


async def test_a_relay_whose_checkpoint_is_not_its_own_any_more_stores_nothing(log: Log) -> None:
    await log.append(OWNERS)
    await log.change(
        "CREATE FUNCTION ignore() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN IF NEW.partition = -1 AND NEW.position > 0 THEN RETURN NULL; END IF; RETURN NEW; END $$",
        "CREATE TRIGGER ignore BEFORE UPDATE ON relay_positions FOR EACH ROW EXECUTE FUNCTION ignore()",
    )
    with pytest.raises(FencedError, match="the checkpoint is no longer 0"):
        await Relay(log.settings, CONTEXT).catch_up(12, lambda _: None)
    assert await log.scalar("SELECT max(position) FROM relay_positions") == 0


async def test_a_deleted_topic_is_published_again_without_anybody_asking(log: Log) -> None:
    await log.append(OWNERS)
    async with running(relay := log.relay()):
        await eventually(log.drained)
        await log.delete_topic()
        await log.append(OWNERS)

        async def restored() -> bool:
            try:
                return await log.in_topic() == list(range(1, 25))
            except TimeoutError:
                return False

        await eventually(restored, within=40)
        await state(relay, State.RUNNING)
    assert chained(await log.records())


async def test_a_topic_that_was_shortened_gets_back_what_is_missing(log: Log) -> None:
    await log.append([*in_partition(0), *in_partition(1)] * 2)
    async with running(log.relay()):
        await eventually(log.drained)
    whole = await log.records()
    await log.delete_topic()
    await log.make_topic()
    for envelope in whole[0][:3]:
        await log.write(envelope, 0)
    for envelope in whole[1]:
        await log.write(envelope, 1)
    await log.append(in_partition(1))
    async with running(log.relay()):
        await eventually(log.drained)
    assert await log.in_topic() == list(range(1, 26))
    assert chained(await log.records())


async def test_a_topic_with_a_hole_cannot_be_mended_by_appending(log: Log) -> None:
    await log.append(in_partition(0))
    async with running(log.relay()):
        await eventually(log.drained)
    whole = await log.records()
    await log.delete_topic()
    await log.make_topic()
    await log.write(whole[0][0], 0)
    await log.write(whole[0][3], 0)
    async with running(relay := log.relay()):
        await state(relay, State.HALTED)
    assert "position 4 follows 1 instead of 3" in relay.progress.detail


async def test_a_topic_made_anew_is_not_taken_for_the_old_one_because_it_is_as_long(log: Log) -> None:
    await log.append(in_partition(0)[:1])
    async with running(log.relay()):
        await eventually(log.drained)
    await log.append(in_partition(0)[:1])
    await log.delete_topic()
    await log.make_topic()
    await log.write(await log.sealed(2, 1), 0)
    async with running(relay := log.relay()):
        await state(relay, State.HALTED)
    assert "position 2 follows 0 instead of 1" in relay.progress.detail


async def test_a_relay_that_halted_goes_on_by_itself_once_the_topic_is_whole_again(log: Log) -> None:
    await log.append(in_partition(0))
    async with running(log.relay()):
        await eventually(log.drained)
    whole = await log.records()
    await log.delete_topic()
    await log.make_topic()
    await log.write(whole[0][3], 0)
    relay = Supervised("relay", Relay(log.settings, CONTEXT).run, essential=True, look_again_s=0.2)
    async with running(relay):
        await state(relay, State.HALTED)
        await republish(log.settings, CONTEXT, lambda _done, _head: None, fresh=True)
        await state(relay, State.RUNNING)
        await log.append(OWNERS)
        await eventually(log.drained)
    assert await log.in_topic() == list(range(1, log.appended + 1))
    assert chained(await log.records())


async def test_a_store_that_was_set_back_stops_the_relay(log: Log) -> None:
    await log.append(in_partition(0))
    async with running(log.relay()):
        await eventually(log.drained)
    await log.set_back(3)
    async with running(relay := log.relay()):
        await state(relay, State.HALTED)
    assert "the topic is at position 4, the store only at 3" in relay.progress.detail


async def test_a_store_that_went_on_differently_stops_the_relay(log: Log) -> None:
    await log.append(in_partition(0))
    async with running(log.relay()):
        await eventually(log.drained)
    await log.set_back(3)
    await log.append(in_partition(1))
    async with running(relay := log.relay()):
        await state(relay, State.HALTED)
    assert "position 4" in relay.progress.detail
    assert "which is at position 8" in relay.progress.detail


async def test_a_topic_with_other_partitions_stops_the_relay(log: Log) -> None:
    await log.append(OWNERS)
    async with running(log.relay()):
        await eventually(log.drained)
    await log.change("DELETE FROM relay_positions WHERE partition = 3")
    async with running(relay := log.relay()):
        await state(relay, State.HALTED)
    assert "has 4 partitions, but was made with 3" in relay.progress.detail


async def test_a_log_can_be_republished_into_a_fresh_topic_while_the_relay_runs(log: Log) -> None:
    await log.append(OWNERS)
    steps: list[tuple[int, int]] = []
    async with running(relay := log.relay()):
        await eventually(log.drained)
        await log.write((await log.sealed(5, 4)), 0)
        await republish(log.settings, CONTEXT, lambda done, head: steps.append((done, head)), fresh=True)
        await state(relay, State.RUNNING)
    assert await log.in_topic() == list(range(1, 13))
    assert steps[-1] == (12, 12)


async def test_a_log_can_be_republished_where_no_relay_runs(log: Log) -> None:
    await log.append(OWNERS)
    steps: list[tuple[int, int]] = []
    await republish(log.settings, CONTEXT, lambda done, head: steps.append((done, head)), fresh=False)
    await republish(log.settings, CONTEXT, lambda done, head: steps.append((done, head)), fresh=False)
    assert await log.in_topic() == list(range(1, 13))
    assert steps[-1] == (12, 12)


async def test_a_producer_that_was_given_up_sends_nothing_later(log: Log) -> None:
    await log.make_topic()
    publisher = Publisher(log.settings.kafka_bootstrap, log.topic)
    await publisher.start()
    ends = await publisher.publish({0: [message(1)], 1: [message(2), message(3)]})
    assert ends == {0: 1, 1: 2}
    await publisher.dispose()
    with pytest.raises(PublishError):
        await publisher.publish({0: [message(4)]})


async def test_more_than_a_request_holds_is_published_in_order(log: Log) -> None:
    await log.make_topic()
    publisher = Publisher(log.settings.kafka_bootstrap, log.topic)
    await publisher.start()
    try:
        assert await publisher.publish({0: [message(n, 10_000) for n in range(100)]}) == {0: 100}
    finally:
        await publisher.dispose()


async def test_a_broker_that_falls_silent_costs_the_producer_its_place(log: Log) -> None:
    """Nobody waits for aiokafka to retry: the attempt ends by itself within its limit."""
    publisher = Publisher("127.0.0.1:1", log.topic)
    with pytest.raises(PublishError, match="no broker answers"):
        await publisher.start()
    await publisher.dispose()


def message(position: int, size: int = 10) -> Message:
    return Message(position=position, key=b"k", value=b"v" * size, headers=[], timestamp_ms=0)
