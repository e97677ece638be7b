"""C1: what was confided to one service is in no event, log, metric, trace or problem that others see."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from aiokafka import TopicPartition

from deploy.local.house import House
from shared.bus.kafka import new_consumer
from shared.database import create_owner_engine
from shared.settings import CONTEXTS
from tests.system.agency_confidences import confide_to_agencies
from tests.system.confidences import Confidences, confide_everything

_LAG = "SELECT position - coalesce((SELECT position FROM relay_positions WHERE partition = -1), 0) FROM log_head"
_STRANGERS = {"claimant": "clm", "provider": "prv", "expert": "exp", "partner": "ptn"}


@pytest.fixture(scope="module")
async def story(house: House) -> AsyncIterator[Confidences]:
    async with httpx.AsyncClient(timeout=15) as client:
        told = Confidences(house, client)
        await confide_everything(told)
        await confide_to_agencies(told)
        yield told


def _betrayed(story: Confidences, text: str) -> Iterator[str]:
    """Name the fields whose content, or a hash of it that could be guessed back, stands in a text."""
    for where, canary in story.canaries.items():
        written = {canary, canary.encode("unicode_escape").decode()}
        hashed = {hashlib.new(name, canary.encode()).hexdigest() for name in ("md5", "sha1", "sha256")}
        if any(form in text for form in written | hashed):
            yield where


async def test_those_who_may_see_what_was_confided_do_see_it(story: Confidences) -> None:
    shown = set(_betrayed(story, story.seen_by_entitled))
    assert shown >= {
        "company name", "company credit code", "certificate number", "team name", "member 0", "team project", "grounds",
        "listing objection", "project title 1", "project description 2", "explanation of a refusal",
        "opinion 0", "objector", "objection", "contact name", "contact phone", "contact e-mail", "related company",
        "related credit code", "account holder", "bank", "bank account", "reason of a review",
        "agency contact", "agency phone", "agency e-mail", "agency credit code", "remark on an agency",
        "reason of a removal",
    }  # fmt: skip


async def test_no_event_in_kafka_has_it(story: Confidences) -> None:
    records = await _records(story.house)
    assert [subject for subject in story.subjects if subject not in records] == []
    assert list(_betrayed(story, records)) == []


async def _records(house: House) -> str:
    """Read every record of every topic, when the relays have published everything: keys, headers and values."""
    async with asyncio.timeout(30):
        for context in CONTEXTS:
            engine = create_owner_engine(house.settings.owner_url(context))
            try:
                async with engine.connect() as connection:
                    while (await connection.exec_driver_sql(_LAG)).scalar_one():  # noqa: ASYNC110 (nobody tells)
                        await asyncio.sleep(0.1)
            finally:
                await engine.dispose()
    consumer = new_consumer(house.settings.kafka_bootstrap, "test-confidences")
    await consumer.start()
    try:
        partitions = [
            TopicPartition(house.settings.topic(context), number)
            for context in CONTEXTS
            for number in range(house.settings.topic_partitions)
        ]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        found: list[str] = []
        async with asyncio.timeout(30):
            while any([await consumer.position(each) < ends[each] for each in partitions]):
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += [
                        f"{record.key!r} {record.headers!r} {(record.value or b'').decode()}" for record in records
                    ]
        return "\n".join(found)
    finally:
        await consumer.stop()


async def test_no_log_and_no_trace_has_it(story: Confidences) -> None:
    logs = {file.name: file.read_text() for file in story.house.state_dir.rglob("*.log")}
    assert logs.keys() >= {f"{context}.log" for context in CONTEXTS}
    assert '"registerClaimant"' in logs["registry.log"]
    assert '"span_id"' in logs["registry.log"]
    assert {name: found for name, text in logs.items() if (found := list(_betrayed(story, text)))} == {}


async def test_no_metric_has_it(story: Confidences) -> None:
    for context, url in story.house.urls.items():
        metrics = (await story.client.get(f"{url}/metrics")).text
        assert f'cxq_http_requests_total{{context="{context}"' in metrics
        assert list(_betrayed(story, metrics)) == []


async def test_no_stranger_is_told_of_it(story: Confidences) -> None:
    assert len(story.closed_paths) > 15
    for context, path in story.closed_paths:
        for role, prefix in _STRANGERS.items():
            token = story.house.token(role, f"user-strange-{role}", f"{prefix}_01jq8v5x0000000000000000zz")
            headers = {"Authorization": f"Bearer {token}"}
            answer = await story.client.get(f"{story.house.urls[context]}{path}", headers=headers)
            assert answer.status_code in {403, 404}, f"{role} {path}: {answer.status_code}"
            assert list(_betrayed(story, answer.text)) == []
        unknown = await story.client.get(f"{story.house.urls[context]}{path}")
        assert unknown.status_code == 401
        assert list(_betrayed(story, unknown.text)) == []


async def test_no_public_list_shows_it(story: Confidences) -> None:
    for context, path in (
        ("registry", "/v1/providers"),
        ("registry", "/v1/facilities"),
        ("registry", "/v1/services"),
        ("registry", "/v1/provider-notices"),
        ("registry", "/v1/referral-agencies"),
        ("registry", "/v1/laboratories"),
        ("issuance", "/v1/periods"),
        ("redemption", "/v1/notices"),
    ):
        answer = await story.client.get(f"{story.house.urls[context]}{path}", params={"limit": 200})
        assert answer.status_code == 200, answer.text
        allowed = {"applicant name"} if path == "/v1/provider-notices" else set()
        assert set(_betrayed(story, answer.text)) <= allowed
