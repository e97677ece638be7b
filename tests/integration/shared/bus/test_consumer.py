"""The consumer: every event once and in order, whatever is delivered, and a stop where something is missing."""

import asyncio
import os
import sys
from collections.abc import Sequence

import msgspec
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.bus.membership import Membership
from shared.bus.parking import unpark
from shared.bus.subscription import reactions_of
from shared.events.contracts import ProjectConfirmed, ProjectDeclined
from shared.events.definition import Recorded
from shared.measures.reader import Measures
from shared.settings import Settings
from shared.store.transaction import Transaction, VersionConflictError, read_log
from shared.supervision import State, Supervised
from tests.integration.shared.bus import lone_consumer
from tests.integration.shared.bus.log_and_topic import (
    CONTEXT,
    DAY,
    OWNERS,
    Log,
    eventually,
    in_partition,
    running,
    state,
)
from tests.integration.shared.bus.seen import Seen, seen

NEWER = "cxq.contracts.project-confirmed.v9"


async def published(log: Log, owners: Sequence[str]) -> None:
    """Append events and have them in the topic."""
    await log.append(owners)
    async with running(log.relay()):
        await eventually(log.drained)


async def test_every_event_is_applied_once_and_in_the_order_of_its_owner(log: Log) -> None:
    model = await seen(log)
    await published(log, OWNERS * 3)
    async with running(model.consumer()):
        await model.caught_up()
    async with running(model.consumer()):
        await published(log, OWNERS)
        await model.caught_up()
    for number, owner in enumerate(OWNERS, 1):
        assert await model.positions(owner) == [number, number + 12, number + 24, number + 36]


async def test_a_topic_may_come_later_than_its_readers(log: Log) -> None:
    model = await seen(log)
    async with running(model.consumer()):
        await published(log, OWNERS)
        await model.caught_up()


async def test_what_is_delivered_twice_is_applied_once(log: Log) -> None:
    model = await seen(log)
    await published(log, in_partition(0))
    for position in (4, 2, 5):
        await log.write(await log.sealed(position, position - 1), 0)
    await log.append(in_partition(0)[:1])
    await log.write(await log.sealed(6, 5), 0)
    async with running(model.consumer()):
        await model.caught_up()


async def test_a_gap_stops_the_consumer_after_it_looked_from_the_start(log: Log) -> None:
    model = await seen(log)
    await published(log, in_partition(0))
    await log.append(in_partition(0)[:2])
    await log.write(await log.sealed(7, 6), 0)
    async with running(consumer := model.consumer()):
        await state(consumer, State.HALTED)
    assert await model.positions() == [1, 2, 3, 4, 5]
    assert "position 7 follows 6, not 5, also when read from its start" in consumer.progress.detail


async def test_a_fork_stops_the_consumer(log: Log) -> None:
    model = await seen(log)
    await published(log, in_partition(0))
    async with running(model.consumer()):
        await model.caught_up()
    await log.set_back(4)
    await log.append(in_partition(0)[:1])
    await log.write(await log.sealed(5, 4), 0)
    async with running(consumer := model.consumer()):
        await state(consumer, State.HALTED)
    assert "position 5, which seen heard as" in consumer.progress.detail


async def test_a_topic_made_anew_changes_nothing_for_its_readers(log: Log) -> None:
    """The offsets before were higher, because of duplicates, and are beyond the new end."""
    model = await seen(log)
    await published(log, in_partition(0))
    for _ in range(3):
        await log.write(await log.sealed(5, 4), 0)
    await log.append(in_partition(0)[:1])
    await log.write(await log.sealed(6, 5), 0)
    async with running(model.consumer()):
        await model.caught_up()
        await log.delete_topic()
        await published(log, in_partition(0))
        await model.caught_up()
    async with running(model.consumer()):
        await published(log, in_partition(0))
        await model.caught_up()


async def test_a_process_that_was_replaced_cannot_store_anything(log: Log) -> None:
    """Another process applies events and moves the position while this one still thinks that it is its own."""
    model = await seen(log)
    await published(log, in_partition(0)[:2])
    async with running(consumer := model.consumer()):
        await model.caught_up()
        await log.append(in_partition(0)[:2])
        await log.change(
            "INSERT INTO seen (position, owner) SELECT position, key FROM events WHERE position > 2",
            "UPDATE consumer_positions SET next_offset = 4, position = 4,"
            " hash = (SELECT encode(hash, 'hex') FROM events WHERE position = 4) WHERE partition = 0",
        )
        await published(log, in_partition(0)[:1])
        await model.caught_up()
        await state(consumer, State.RUNNING)
    assert await model.positions() == [1, 2, 3, 4, 5]


async def test_trouble_with_the_database_is_never_the_events_fault(log: Log) -> None:
    model = await seen(log, "park")
    model.trouble = [VersionConflictError("a lost race"), TimeoutError("busy"), OSError("away")]
    await published(log, OWNERS)
    async with running(consumer := model.consumer()):
        await model.caught_up()
        await state(consumer, State.RUNNING)
    assert await model.parked() == []


async def test_a_money_projection_stops_at_an_event_it_cannot_apply(log: Log) -> None:
    model = await seen(log, "halt")
    model.bad = {4}
    await published(log, in_partition(0))
    async with running(consumer := model.consumer()):
        await state(consumer, State.HALTED)
        assert await model.positions() == [1, 2, 3]
        assert "seen cannot apply contracts-4" in consumer.progress.detail
        model.bad = set()
        consumer.start()
        await model.caught_up()


async def test_elsewhere_the_owners_events_are_laid_aside_and_the_others_go_on(log: Log) -> None:
    model = await seen(log, "park")
    one, other = in_partition(0)[:2]
    model.bad = {2}
    await published(log, [other, one, other, one, other])
    async with running(consumer := model.consumer()):
        await model.has(1, 3, 5)
        await published(log, [one, other])
        await model.has(1, 3, 5, 7)
        await state(consumer, State.RUNNING)
    assert await model.parked() == [
        (2, "ValueError: this one is no good"),
        (4, "waits for an earlier one"),
        (6, "waits for an earlier one"),
    ]


async def test_what_was_laid_aside_is_replayed_in_order(log: Log) -> None:
    model = await seen(log, "park")
    one, other = in_partition(0)[:2]
    model.bad = {2}
    await published(log, [other, one, other, one])
    async with running(model.consumer()):
        await model.has(1, 3)
        model.bad = set()
        assert await unpark(model.around, model.subscription, one) == 2
        assert await model.positions(one) == [2, 4]
        assert await model.parked() == []
        await published(log, [one, other])
        await model.caught_up()
    assert await model.positions(one) == [2, 4, 5]


async def test_an_unknown_version_is_laid_aside_like_any_event_that_cannot_be_read(log: Log) -> None:
    model = await seen(log, "park")
    await published(log, in_partition(0)[:1])
    await log.append(in_partition(0)[1:2])
    newer = await log.sealed(2, 1)
    await log.write(msgspec.structs.replace(newer, type=NEWER), 0)
    async with running(model.consumer()):

        async def laid_aside() -> bool:
            return await model.parked() == [(2, f"UnknownEventError: unknown event type {NEWER}")]

        await eventually(laid_aside)
    assert await model.positions() == [1]


async def test_events_nobody_asked_for_are_passed_over_unread(log: Log) -> None:
    model = await seen(log, "halt", types=frozenset({ProjectDeclined}))
    await published(log, in_partition(0))
    async with running(model.consumer()):

        async def passed() -> bool:
            return bool(await log.scalar("SELECT max(position) = 5 FROM consumer_positions"))

        await eventually(passed)
    assert model.batches == []


async def test_a_record_that_is_no_event_stops_the_consumer(log: Log) -> None:
    model = await seen(log, "park")
    await published(log, in_partition(0))
    await log.write_raw(b"hello", 0)
    async with running(consumer := model.consumer()):
        await state(consumer, State.HALTED)
    assert "offset 5 is no event of ours" in consumer.progress.detail


async def test_a_reaction_appends_its_events_with_the_position_and_carries_the_conversation_on(log: Log) -> None:
    measures = Measures.load()

    async def decline(tx: Transaction, event: Recorded[ProjectConfirmed]) -> None:
        assert tx.measures is measures
        declined = ProjectDeclined(
            project_id=event.data.project_id, claimant_id=event.key, provider_id="prv_1", reason="no", on=DAY
        )
        tx.append(f"declined-{event.position}", 0, [declined])

    woken: list[None] = []
    model = Seen(log)
    model.subscription = reactions_of({ProjectConfirmed: decline})
    await log.append(OWNERS)
    around = {"measures": measures, "on_commit": lambda: woken.append(None)}
    async with running(log.relay(), model.consumer(**around)):

        async def answered() -> bool:
            return await log.head() == 24 and await log.drained()

        await eventually(answered)
    async with log.engine.connect() as connection:
        events = await read_log(connection, CONTEXT, after=0, limit=100)
    confirmed = {event.id: event for event in events[:12]}
    for answer in events[12:]:
        cause = confirmed[answer.metadata["causation_id"]]
        assert answer.stream == f"declined-{cause.position}"
        assert answer.metadata["correlation_id"] == cause.metadata["correlation_id"]
        assert answer.metadata["actor"] == "contracts:reactions"
    assert len(woken) == 12


async def test_two_members_share_the_partitions_and_one_takes_over_for_both(log: Log) -> None:
    model = await seen(log)
    first, second = model.consumer(), model.consumer()
    await published(log, OWNERS)
    async with running(first, second):
        await model.caught_up()
        await first.stop()
        await published(log, OWNERS)
        await model.caught_up()


async def test_a_known_member_gets_its_partitions_back_at_once(log: Log) -> None:
    """The first one is killed and says no word: its session would last for another minute."""
    model = await seen(log)
    await published(log, OWNERS)
    await log.append(OWNERS)
    killed = await asyncio.create_subprocess_exec(
        sys.executable, "-m", lone_consumer.__name__, env=os.environ | environment(log.settings)
    )
    await model.has(*range(1, 13))
    killed.kill()
    await killed.wait()
    membership = Membership(log.settings, CONTEXT)
    place = Supervised("membership", membership.run)
    async with running(log.relay(), place, model.consumer(member=membership.name)), asyncio.timeout(20):
        await model.caught_up()


async def test_two_processes_have_two_names_and_a_place_that_is_free_is_taken_again(log: Log) -> None:
    first, second, third = (Membership(log.settings, CONTEXT) for _ in range(3))
    one, two, three = (Supervised("membership", membership.run) for membership in (first, second, third))
    async with running(one):
        assert await first.name() == "0"
        async with running(two):
            assert await second.name() == "1"
            await one.stop()
            async with running(three):
                assert await third.name() == "0"


def environment(settings: Settings) -> dict[str, str]:
    return {
        "CXQ_ENV": "dev",
        "CXQ_POSTGRES_URL": settings.postgres_url.get_secret_value(),
        "CXQ_KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
        "CXQ_DATABASE_PREFIX": settings.database_prefix,
        "CXQ_TOPIC_PREFIX": settings.topic_prefix,
    }


async def test_what_is_applied_together_is_linked_to_the_requests_behind_it(log: Log) -> None:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    request = f"00-{'a' * 32}-{'b' * 16}-01"
    await log.append(OWNERS[:1], traceparent=request)
    await log.append(OWNERS[:1])
    model = await seen(log)
    async with running(log.relay(), model.consumer(tracer=provider.get_tracer("test"))):
        await model.caught_up()
    linked = [f"{link.context.trace_id:x}" for span in kept.get_finished_spans() for link in span.links]
    assert linked == ["a" * 32]
    assert {span.name for span in kept.get_finished_spans()} == {f"seen {log.topic}"}


async def test_why_an_event_was_laid_aside_is_told_without_what_is_personal(log: Log) -> None:
    await published(log, in_partition(0)[:1])
    model = await seen(log, "park")
    model.trouble.append(ValueError("call 13812345678"))

    async def laid_aside() -> bool:
        return bool(await log.scalar("SELECT count(*) FROM parked_events"))

    async with running(model.consumer()):
        await eventually(laid_aside)
    assert await log.scalar("SELECT reason FROM parked_events") == "ValueError: call [redacted]"
