"""The relay: one process at a time publishes a context's log to its topic, completely and in order."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import asyncpg
import structlog

from shared.bus.envelope import seal, to_wire
from shared.bus.image import Found, Published, TopicReader, assert_same_story
from shared.bus.publisher import Message, Publisher
from shared.bus.readable import READABLE
from shared.bus.topics import FOR_EVER, Topics, partition_of
from shared.database import LIMITS
from shared.settings import Settings
from shared.supervision import HaltedError, Progress, State

_RELAY_LOCK: Final = 0x637871_7265
"""The advisory lock of the one active relay of a database."""
_CHECKPOINT: Final = -1
_BATCH_MAX: Final = 1_000
"""Some milliseconds of work, during which the process answers nobody."""
_STREAM_MIN: Final = 50
_GATHER_S: Final = 0.05
"""Where so many came at once, more are coming: batches follow each other no faster than that, as each has its price,

here and with everybody who reads the topic. Whoever comes alone is published at once, and a backlog without a pause."""
_SWEEP_S: Final = 1.0
_SESSION: Final = LIMITS | {
    # Losing the checkpoint costs a look at the topic; the log itself was flushed by those who wrote it.
    "synchronous_commit": "off",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
}
_LOG: Final = (
    "SELECT position, stream, version, type, data::text AS data, metadata::text AS metadata, key, recorded_at, hash"
    " FROM events WHERE position > $1 ORDER BY position LIMIT $2"
)
_SAVE: Final = (
    "WITH moved AS (UPDATE relay_positions SET position = $1 WHERE partition = -1 AND position = $2 RETURNING 1),"
    " stored AS (INSERT INTO relay_positions (partition, position, next_offset)"
    "  SELECT * FROM unnest($3::integer[], $4::bigint[], $5::bigint[]) WHERE EXISTS (SELECT FROM moved)"
    "  ON CONFLICT (partition) DO UPDATE SET position = excluded.position, next_offset = excluded.next_offset)"
    f" SELECT pg_notify('{READABLE}', '') FROM moved"
)
"""Moves the checkpoint, if it is still where we left it, and stores how far each partition is, in one round trip."""

_log = structlog.get_logger(__name__)


class FencedError(Exception):
    """Somebody else moved the checkpoint; this relay looks at everything again before it goes on."""


class Relay:
    """Publishes one context's log; `run` it under care, and `wake` it after a commit.

    The lock, the log and the checkpoint are used over one connection: without the lock nothing more is read or stored.
    A record may be published twice, after a crash or by a relay that lost its lock a moment ago; none is lost, and per
    partition the first of each position comes in order, with the position before it as `prevposition`.
    """

    def __init__(self, settings: Settings, context: str) -> None:
        self._settings, self._context = settings, context
        self._topic = settings.topic(context)
        self._woken = asyncio.Event()
        self._disposing: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Say that the log has grown."""
        self._woken.set()

    async def run(self, progress: Progress) -> None:
        """Stand by for the lock, then publish until cancelled; raises HaltedError on a fork."""
        try:
            async with self._session() as connection:
                while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _RELAY_LOCK):
                    progress.at_work(State.STANDBY)
                    await asyncio.sleep(_SWEEP_S)
                async with self._image(connection) as image:
                    progress.at_work()
                    await self._publish_for_ever(image)
        finally:
            if self._disposing:
                await asyncio.wait(self._disposing)

    async def catch_up(self, until: int, report: Callable[[int], None]) -> bool:
        """Publish up to a position unless another relay is active, which is said; `report` hears of each step."""
        try:
            async with self._session() as connection:
                if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _RELAY_LOCK):
                    return False
                async with self._image(connection) as image:
                    while image.checkpoint < until:
                        await image.step()
                        report(image.checkpoint)
        finally:
            if self._disposing:
                await asyncio.wait(self._disposing)
        return True

    async def _publish_for_ever(self, image: "_Image") -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._woken.clear()
            began = loop.time()
            if taken := await image.step():
                if _STREAM_MIN <= taken < _BATCH_MAX:
                    await asyncio.sleep(_GATHER_S - (loop.time() - began))
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(_SWEEP_S):
                    await self._woken.wait()
                continue
            await image.sweep()

    @asynccontextmanager
    async def _session(self) -> AsyncIterator["asyncpg.Connection[Any]"]:
        connection = await asyncpg.connect(
            self._settings.application_url(self._context),
            timeout=4,
            command_timeout=4,
            server_settings=_SESSION | {"application_name": f"cxq-relay-{self._context}"},
        )
        try:
            await connection.add_listener("cxq_events", lambda *_: self.wake())
            yield connection
        finally:
            with suppress(Exception):
                await connection.close(timeout=2)
            connection.terminate()

    @asynccontextmanager
    async def _image(self, connection: "asyncpg.Connection[Any]") -> AsyncIterator["_Image"]:
        """Open what is needed to publish, and throw all of it away at the end, which is also how trouble ends."""
        publisher = Publisher(self._settings.kafka_bootstrap, self._topic)
        reader = TopicReader(self._settings.kafka_bootstrap, self._topic)
        try:
            image = _Image(self._settings, self._context, connection, publisher, reader)
            await image.open()
            yield image
        finally:
            for closing in (publisher.dispose(), reader.stop()):
                task = asyncio.create_task(_quietly(closing))
                self._disposing.add(task)
                task.add_done_callback(self._disposing.discard)


class _Image:
    """The topic being written by the one relay that holds the lock."""

    def __init__(
        self,
        settings: Settings,
        context: str,
        connection: "asyncpg.Connection[Any]",
        publisher: Publisher,
        reader: TopicReader,
    ) -> None:
        self._settings, self._context, self._connection = settings, context, connection
        self._topic = settings.topic(context)
        self._publisher, self._reader = publisher, reader
        self._partitions = 0
        self._published: dict[int, Published] = {}
        self._complete_to: dict[int, int] = {}
        self._ahead: list[Any] = []
        self.checkpoint = 0
        """Every event up to this position of the log is in the topic."""

    async def open(self) -> None:
        """Connect, and compare the topic with the store before anything is published."""
        known = await self._known()
        await self._find_topic(known)
        await self._reader.start()
        await self._compare(known)
        await self._publisher.start()

    async def _known(self) -> dict[int, Published]:
        await self._connection.execute(
            "INSERT INTO relay_positions (partition, position, next_offset) VALUES (-1, 0, 0) ON CONFLICT DO NOTHING"
        )
        rows = await self._connection.fetch("SELECT partition, position, next_offset FROM relay_positions")
        known = {row["partition"]: Published(row["position"], row["next_offset"]) for row in rows}
        self.checkpoint = known.pop(_CHECKPOINT).position
        return known

    async def _find_topic(self, known: dict[int, Published]) -> None:
        async with Topics(self._settings) as topics:
            self._partitions = await topics.partitions(self._topic)
            if not self._partitions:
                if any(part.position for part in known.values()):
                    _log.error("relay.topic_lost", topic=self._topic, published_until=self.checkpoint)
                await topics.create(self._topic, len(known) or self._settings.topic_partitions)
                self._partitions = await topics.partitions(self._topic)
            configuration = await topics.configuration(self._topic)
        if not configuration.items() >= FOR_EVER.items():
            _log.error("relay.topic_is_not_kept_for_ever", topic=self._topic, wanted=FOR_EVER)
        if known and len(known) != self._partitions:
            raise HaltedError(
                f"{self._topic} has {self._partitions} partitions, but was made with {len(known)}: the owners' events"
                " would change places. Make the topic anew with `cxq republish --fresh`"
            )

    async def _compare(self, known: dict[int, Published]) -> None:
        """Find out what is in the topic, and from where on it has to be published.

        A partition that still holds the last confirmed event in its place has everything up to the checkpoint, and what
        lies beyond it (a crash between publishing and storing) is known from the last records. Any other has lost its
        tail, or everything: it is read from its start, what is left counts, the rest is published again.
        """
        parts = {p: known.get(p, Published()) for p in range(self._partitions)}
        found = {p: await self._reader.found(p, part.next_offset) for p, part in parts.items()}
        await self._assert_same_story(found)
        self._complete_to, lost = {}, {}
        for p, part in parts.items():
            if not part.is_in(found[p]):
                self._complete_to[p] = await self._reader.unbroken_until(p, found[p])
                lost[p] = part.position
                last = self._complete_to[p]
            else:
                last = max(part.position, found[p].position)
                self._complete_to[p] = max(self.checkpoint, last)
            self._published[p] = Published(last, found[p].end)
        if lost:
            _log.error(
                "relay.topic_shortened",
                topic=self._topic,
                partitions={p: f"{self._complete_to[p]} of {position}" for p, position in lost.items()},
                republished_from=min(self._complete_to.values()),
            )
        await self._save(self._published, min(self._complete_to.values()) if lost else self.checkpoint)

    async def _assert_same_story(self, found: dict[int, Found]) -> None:
        positions = sorted({envelope.position for part in found.values() for envelope in part.tail})
        head = await self._connection.fetchval("SELECT position FROM log_head")
        rows = await self._connection.fetch("SELECT position, hash FROM events WHERE position = ANY($1)", positions)
        assert_same_story(self._topic, found, {row["position"]: row["hash"].hex() for row in rows}, head)

    async def step(self) -> int:
        """Publish the next batch of the log and store how far it went; gives the number of events taken."""
        rows, self._ahead = self._ahead or await self._after(self.checkpoint), []
        if not rows:
            return 0
        messages, last = self._messages(rows)
        publishing = asyncio.ensure_future(self._publisher.publish(messages))
        try:
            if len(rows) == _BATCH_MAX:
                # There is more: PostgreSQL reads it while the broker writes.
                self._ahead = await self._after(rows[-1]["position"])
            ends = await publishing
        except BaseException:
            publishing.cancel()
            raise
        published = {p: Published(last[p], end) for p, end in ends.items()}
        moved = {p: end for p, end in ends.items() if end != self._published[p].next_offset + len(messages[p])}
        if moved:
            raise FencedError(f"{self._topic}: somebody else wrote to, or made anew, partitions {sorted(moved)}")
        await self._save(published, rows[-1]["position"])
        self._published |= published
        return len(rows)

    async def _after(self, position: int) -> list[Any]:
        return list(await self._connection.fetch(_LOG, position, _BATCH_MAX))

    def _messages(self, rows: Sequence[Any]) -> tuple[dict[int, list[Message]], dict[int, int]]:
        """Seal rows of the log for their partitions; give also the last position of each partition after them."""
        messages: dict[int, list[Message]] = defaultdict(list)
        last = {p: part.position for p, part in self._published.items()}
        recorded_at, instant_ms = None, 0
        for row in rows:
            key, position = row["key"], row["position"]
            partition = partition_of(key, self._partitions)
            if position <= self._complete_to[partition]:
                continue
            if row["recorded_at"] != recorded_at:  # all events of a commit have the same
                recorded_at = row["recorded_at"]
                instant_ms = int(recorded_at.timestamp() * 1000)
            value, headers = to_wire(seal(self._context, row, last[partition]))
            messages[partition].append(
                Message(
                    position=position,
                    key=key.encode(),
                    value=value,
                    headers=headers,
                    timestamp_ms=instant_ms,
                )
            )
            last[partition] = position
        return messages, last

    async def _save(self, published: dict[int, Published], checkpoint: int) -> None:
        parts = list(published.values())
        ends = [part.position for part in parts], [part.next_offset for part in parts]
        if not await self._connection.fetch(_SAVE, checkpoint, self.checkpoint, list(published), *ends):
            raise FencedError(f"{self._topic}: the checkpoint is no longer {self.checkpoint}")
        self.checkpoint = checkpoint

    async def sweep(self) -> None:
        """Make sure that nobody moved the checkpoint and that the topic still ends where it should."""
        if (
            await self._connection.fetchval("SELECT position FROM relay_positions WHERE partition = -1")
            != self.checkpoint
        ):
            raise FencedError(f"{self._topic}: the checkpoint is no longer {self.checkpoint}")
        ends = await self._reader.ends(self._partitions)
        if moved := {p: end for p, end in ends.items() if end != self._published[p].next_offset}:
            raise FencedError(f"{self._topic}: the topic ends elsewhere than it should: {moved}")


async def _quietly(closing: Any) -> None:
    with suppress(Exception):
        await closing
