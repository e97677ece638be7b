"""The audit holds log and topic side by side, and names the place where they differ."""

import msgspec
import pytest

from shared.audit import Finding, examine, snapshot
from shared.bus.audit import bus_checks
from shared.bus.envelope import Envelope
from shared.bus.relay import Relay
from shared.bus.topics import Topics, partition_of
from tests.integration.shared.bus.log_and_topic import CONTEXT, OWNERS, Log


async def _published(log: Log, *owners: str) -> None:
    await log.append(owners)
    await Relay(log.settings, CONTEXT).catch_up(await log.head(), lambda _position: None)


async def _examine(log: Log) -> dict[str, Finding]:
    async with snapshot(log.owner) as connection:
        findings = await examine(connection, CONTEXT, bus_checks(log.settings, CONTEXT))
    return {finding.id: finding for finding in findings}


def _said(finding: Finding) -> list[str]:
    return [f"{breach.where}: {breach.found}" for breach in finding.breaches]


def _partition(log: Log, owner: str) -> int:
    return partition_of(owner, log.settings.topic_partitions)


async def test_a_topic_that_is_the_logs_image_has_no_breach(log: Log) -> None:
    await _published(log, *OWNERS, *OWNERS)
    await log.append(OWNERS[:3])
    found = await _examine(log)
    assert (found["P3"].checked, _said(found["P3"])) == (24, [])
    assert _said(found["P7"]) == []
    assert found["P7"].notes == ("relay: 3 of 27 events still to publish",)


async def test_a_store_that_has_published_nothing_needs_no_topic(log: Log) -> None:
    assert _said((await _examine(log))["P3"]) == []


async def test_events_published_twice_are_no_breach(log: Log) -> None:
    await _published(log, OWNERS[0], OWNERS[0])
    await log.write(await log.sealed(1, 0), _partition(log, OWNERS[0]))
    assert _said((await _examine(log))["P3"]) == []


async def test_a_topic_that_is_gone_is_a_breach(log: Log) -> None:
    await _published(log, OWNERS[0])
    async with Topics(log.settings) as topics:
        await topics.delete(log.topic)
    assert _said((await _examine(log))["P3"]) == [f"{log.topic}: is gone; the relay had published up to position 1"]


async def test_an_event_the_relay_believes_published_but_is_not_there_is_a_breach(log: Log) -> None:
    await _published(log, OWNERS[0])
    await log.append([OWNERS[0]])
    await log.change("UPDATE relay_positions SET position = 2 WHERE partition = -1")
    partition = _partition(log, OWNERS[0])
    assert _said((await _examine(log))["P3"]) == [
        f"partition {partition}, position 2: cxq.contracts.project-confirmed.v1 of project-2 is missing"
    ]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("payload", {"data": msgspec.Raw(b'{"project_id":"prj_other"}')}),
        ("hash", {"hash": "00" * 32}),
        ("stream", {"subject": "project-other"}),
        ("version", {"version": 9}),
        ("type", {"type": "cxq.contracts.project-declined.v1"}),
        ("key", {"key": "clm_other"}),
    ],
)
async def test_an_event_that_is_another_in_the_topic_is_a_breach(
    log: Log, name: str, change: dict[str, object]
) -> None:
    await _published(log, OWNERS[0])
    await log.append([OWNERS[0]])
    altered: Envelope = msgspec.structs.replace(await log.sealed(2, 1), **change)
    await log.write(altered, _partition(log, OWNERS[0]))
    await log.change("UPDATE relay_positions SET position = 2 WHERE partition = -1")
    assert _said((await _examine(log))["P3"]) == [
        f"partition {_partition(log, OWNERS[0])}, position 2: has another {name} than the log"
    ]


async def test_an_event_in_the_wrong_partition_is_a_breach_there_and_missing_here(log: Log) -> None:
    await _published(log, OWNERS[0])
    await log.append([OWNERS[0]])
    home = _partition(log, OWNERS[0])
    elsewhere = (home + 1) % log.settings.topic_partitions
    await log.write(await log.sealed(2, 0), elsewhere)
    await log.change("UPDATE relay_positions SET position = 2 WHERE partition = -1")
    assert sorted(_said((await _examine(log))["P3"])) == sorted(
        [
            f"partition {elsewhere}, position 2: is not in the log, or belongs to another partition",
            f"partition {home}, position 2: cxq.contracts.project-confirmed.v1 of project-2 is missing",
        ]
    )


async def test_a_broken_chain_of_positions_is_a_breach(log: Log) -> None:
    await _published(log, OWNERS[0])
    await log.append([OWNERS[0]])
    await log.write(await log.sealed(2, 0), _partition(log, OWNERS[0]))
    await log.change("UPDATE relay_positions SET position = 2 WHERE partition = -1")
    assert _said((await _examine(log))["P3"]) == [
        f"partition {_partition(log, OWNERS[0])}, position 2: names 0 before it, not 1"
    ]


async def test_who_has_rewritten_the_whole_chain_is_betrayed_by_the_topic(log: Log) -> None:
    await _published(log, OWNERS[0], OWNERS[0])
    await log.change(
        "ALTER TABLE events DISABLE TRIGGER events_append_only",
        "UPDATE events SET metadata = jsonb_set(metadata, '{actor}', '\"officer-2\"') WHERE position = 1",
        "UPDATE events SET hash = event_hash('', position, stream, version, type, data, metadata, key, recorded_at)"
        " WHERE position = 1",
        "UPDATE events SET hash = event_hash((SELECT hash FROM events WHERE position = 1),"
        " position, stream, version, type, data, metadata, key, recorded_at) WHERE position = 2",
    )
    assert [text.partition(", ")[2] for text in _said((await _examine(log))["P3"])] == [
        "position 1: has another hash than the log",
        "position 2: has another hash than the log",
    ]


async def test_a_consumer_that_is_behind_is_listed_and_one_that_is_ahead_is_a_breach(log: Log) -> None:
    await _published(log, OWNERS[0], OWNERS[0])
    partition = _partition(log, OWNERS[0])
    place = f"'{log.topic}', {partition}"
    insert = 'INSERT INTO consumer_positions (consumer, topic, "partition", next_offset, position) VALUES'
    await log.change(f"{insert} ('slow', {place}, 1, 1), ('hasty', {place}, 3, 2)")
    found = (await _examine(log))["P7"]
    assert f"slow: 1 records behind {log.topic}" in found.notes
    assert _said(found) == [
        f"hasty, {log.topic}, partition {partition}: has read up to offset 3, the partition ends at 2"
    ]


async def test_a_relay_ahead_of_its_log_is_a_breach(log: Log) -> None:
    await _published(log, OWNERS[0])
    await log.change("UPDATE relay_positions SET position = 5 WHERE partition = -1")
    assert _said((await _examine(log))["P7"]) == ["relay: has published up to position 5, the log ends at 1"]


async def test_who_stands_at_an_event_that_the_log_does_not_have_is_named(log: Log) -> None:
    await _published(log, OWNERS[0], OWNERS[0])
    partition = _partition(log, OWNERS[0])
    insert = 'INSERT INTO consumer_positions (consumer, topic, "partition", next_offset, position, hash) VALUES'
    kept = (await log.sealed(2, 1)).hash
    await log.change(
        f"{insert} ('sound', '{log.topic}', {partition}, 2, 2, '{kept}')",
        f"{insert} ('misled', '{log.topic}', {partition}, 2, 2, 'abcdef0123456789')",
        f"{insert} ('ahead', '{log.topic}', {partition}, 2, 3, 'fedcba9876543210')",
        f"{insert} ('elsewhere', '{log.topic}', {(partition + 1) % 4}, 0, 0, '')",
    )
    where = f"{log.topic}, partition {partition}: has heard position"
    assert sorted(_said((await _examine(log))["P7"])) == [
        f"ahead, {where} 3 as fedcba987654, which is not in the log",
        f"misled, {where} 2 as abcdef012345, which is {kept[:12]} in the log",
    ]
