"""The disposable producer: acks=all, idempotent, thrown away at the first sign of trouble."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec
import structlog
from aiokafka.errors import KafkaError

from shared.bus.kafka import new_producer

_BATCH_BYTES_MAX: Final = 256 * 1024
_REQUEST_LIMIT_MS: Final = 4_000
_PUBLISH_LIMIT_S: Final = 8.0
_DISPOSE_LIMIT_S: Final = 8.0

_log = structlog.get_logger(__name__)


class PublishError(Exception):
    """The broker did not confirm a batch; whether it wrote any of it has to be looked up in the topic."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A record to be published."""

    position: int
    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]]
    timestamp_ms: int


class Publisher:
    """One producer of one topic. After a `PublishError` it is of no more use: `dispose` it and make another.

    aiokafka retries a timed out idempotent batch for ever, and an error in between can burn a sequence number; neither
    is waited for here.
    """

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._topic = topic
        self._producer = new_producer(
            bootstrap,
            f"cxq-relay-{topic}",
            acks="all",
            enable_idempotence=True,
            max_batch_size=_BATCH_BYTES_MAX,
            request_timeout_ms=_REQUEST_LIMIT_MS,
            metadata_max_age_ms=10_000,
        )

    async def start(self) -> None:
        """Connect and get a producer id; PublishError when no broker answers in time."""
        try:
            async with asyncio.timeout(_PUBLISH_LIMIT_S):
                await self._producer.start()
        except (KafkaError, OSError, TimeoutError) as error:
            raise PublishError(f"no broker answers: {_text(error)}") from error

    async def publish(self, messages: Mapping[int, Sequence[Message]]) -> dict[int, int]:
        """Publish each partition's messages in their order and give the offset after the last of each partition.

        All are confirmed by all in-sync replicas when this returns; PublishError when any is not confirmed in time.
        """
        if self._producer._closed:  # noqa: SLF001 (nothing would ever take the batch)
            raise PublishError("the producer was given up")
        try:
            async with asyncio.timeout(_PUBLISH_LIMIT_S), asyncio.TaskGroup() as group:
                sent = {p: group.create_task(self._one_partition(p, batch)) for p, batch in messages.items()}
        except* (PublishError, KafkaError, OSError, TimeoutError, AssertionError) as errors:
            raise PublishError(_text(errors)) from errors
        return {partition: task.result() for partition, task in sent.items()}

    async def _one_partition(self, partition: int, messages: Sequence[Message]) -> int:
        confirmations: list[tuple[asyncio.Future[object], int]] = []
        remaining = list(reversed(messages))
        while remaining:
            batch = self._producer.create_batch()
            while remaining and self._append(batch, remaining[-1]):
                remaining.pop()
            if not batch.record_count():
                raise PublishError(f"position {remaining[-1].position} is larger than a batch may be")
            batch.close()
            confirmed = await self._producer.send_batch(batch, self._topic, partition=partition)
            confirmed.add_done_callback(_look_at)
            confirmations.append((confirmed, batch.record_count()))
        end = -1
        for confirmed, count in confirmations:
            offset = getattr(await confirmed, "offset", -1)
            if offset is None or offset < 0:  # the broker knew the batch already, and no longer where it wrote it
                raise PublishError(f"partition {partition}: the broker does not say where it wrote")
            end = offset + count
        return end

    @staticmethod
    def _append(batch: Any, message: Message) -> bool:
        appended = batch.append(
            timestamp=message.timestamp_ms, key=message.key, value=message.value, headers=message.headers
        )
        return appended is not None

    async def dispose(self) -> None:
        """Close the producer; what it still holds is given up, not sent later. Takes ten seconds at most."""
        producer, self._producer._closed = self._producer, True  # noqa: SLF001 (stop() would flush, perhaps for ever)
        try:
            async with asyncio.timeout(_DISPOSE_LIMIT_S):
                await producer._sender.close()  # noqa: SLF001
        except Exception as error:  # noqa: BLE001 (it is thrown away in any case)
            _log.warning("producer.closed_hard", topic=self._topic, reason=_text(error))
        with suppress(Exception):
            await producer.client.close()


def _look_at(confirmed: asyncio.Future[object]) -> None:
    """Take note of a failure that nobody waits for any more."""
    if not confirmed.cancelled():
        confirmed.exception()


def _text(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return ", ".join(_text(inner) for inner in error.exceptions)
    return f"{type(error).__name__}: {error}"
