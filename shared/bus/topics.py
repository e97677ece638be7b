"""A context's topic: every event, kept for ever, in as many partitions as it was made with."""

import asyncio
from collections.abc import Callable
from functools import lru_cache
from typing import Final, Self

from aiokafka.errors import TopicAlreadyExistsError, UnknownTopicOrPartitionError, for_code

from shared.bus.kafka import configuration_of, hash_of, new_admin, new_topic
from shared.settings import Settings

_REQUEST_LIMIT_MS = 5_000
_VISIBLE_LIMIT_S = 15.0
_POLL_S = 0.05
_SET_BY_TOPIC = 1
"""Kafka's code for a setting's source."""


FOR_EVER: Final = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
"""The settings of a topic that nothing is ever taken out of."""


@lru_cache(maxsize=65_536)
def partition_of(key: str, partitions: int) -> int:
    """Say which partition a key's events go to, as Kafka's own default partitioner does."""
    return hash_of(key.encode()) % partitions


class Topics:
    """Creates, looks at and deletes topics; an async context manager around one administrative connection."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._admin = new_admin(settings.kafka_bootstrap, "cxq-topics", _REQUEST_LIMIT_MS)

    async def __aenter__(self) -> Self:
        """Connect; KafkaConnectionError when no broker answers."""
        try:
            await self._admin.start()
        except BaseException:
            await self._admin.close()
            raise
        return self

    async def __aexit__(self, *_exception: object) -> None:
        """Close the connection."""
        await self._admin.close()

    async def partitions(self, topic: str) -> int:
        """Count a topic's partitions; 0 means that there is no such topic."""
        (described,) = await self._admin.describe_topics([topic])
        if described["error_code"] == UnknownTopicOrPartitionError.errno:
            return 0
        _raise_for(described["error_code"], topic)
        return len(described["partitions"])

    async def create(self, topic: str, partitions: int) -> None:
        """Create a topic that is kept for ever, and return when it can be seen; one that exists stays as it is."""
        replication = self._settings.topic_replication
        wanted = new_topic(
            topic,
            partitions,
            replication,
            FOR_EVER
            | {
                "min.insync.replicas": str(max(1, replication - 1)),
                "message.timestamp.type": "CreateTime",
                # A development clock may be months ahead of the broker's.
                "message.timestamp.after.max.ms": str(2**63 - 1),
            },
        )
        answer = await self._admin.create_topics([wanted])
        for _, code, *_ in answer.topic_errors:
            if code != TopicAlreadyExistsError.errno:
                _raise_for(code, topic)
        await self._until(topic, lambda number: number > 0)

    async def configuration(self, topic: str) -> dict[str, str]:
        """Read what a topic sets itself, leaving out what it takes from the broker."""
        (answer,) = await self._admin.describe_configs([configuration_of(topic)])
        ((code, _, _, _, entries),) = answer.resources
        _raise_for(code, topic)
        return {name: value for name, value, _, source, *_ in entries if source == _SET_BY_TOPIC}

    async def delete(self, topic: str) -> None:
        """Delete a topic with everything in it, and return when it is gone; there may be none."""
        answer = await self._admin.delete_topics([topic])
        for _, code in answer.topic_error_codes:
            if code != UnknownTopicOrPartitionError.errno:
                _raise_for(code, topic)
        await self._until(topic, lambda number: number == 0)

    async def _until(self, topic: str, reached: Callable[[int], bool]) -> None:
        async with asyncio.timeout(_VISIBLE_LIMIT_S):
            while not reached(await self.partitions(topic)):  # noqa: ASYNC110 (the broker tells nobody)
                await asyncio.sleep(_POLL_S)


def _raise_for(code: int, topic: str) -> None:
    error = for_code(code)
    if error.errno != 0:
        raise error(topic)
