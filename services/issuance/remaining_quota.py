"""What periods have left, told live: one look at the deciding rows a tick, however many ask and however many listen."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
import structlog
from fastapi.sse import format_sse_event
from sqlalchemy.ext.asyncio import AsyncConnection

from services.issuance.domain.classes import UNDIVIDED, Parts, as_of
from services.issuance.ledger import parts_of
from services.issuance.tables import quotas
from shared.events.issuance.periods import QuotaClass
from shared.store.tables import log_head

TICK_S = 0.1
"""How old an answer may be, and how often listeners hear of changes while they are few."""
LISTENERS_MAX = 10_000
STREAM_S = 300.0
"""How long a stream lasts at most; a listener that wants to hear more comes again by itself."""
HEARTBEAT_S = 15.0
_LISTENER_S = 0.0002
"""What a tick is longer for each listener: telling ten thousand takes the process a while, and claims come first."""
_HEARTBEAT = format_sse_event(comment="")
_log = structlog.get_logger(__name__)


class TooManyListenersError(Exception):
    """The process has as many listeners as it may have; come again later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remaining:
    """What a period has left, in fen, how much of it is its classes' own, and whether anything may be taken of it.

    What is `owed` of it is for the `waiting` on the reserve list.
    """

    period_id: str
    quota: int
    remaining: int
    claims: int
    paused: bool
    closed: bool
    owed: int = 0
    waiting: int = 0
    classes: tuple[QuotaClass, ...] = ()
    parts: Parts = UNDIVIDED


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at every period that has ever had money: at an instant, as of a position of the log."""

    as_of: int
    at: datetime
    periods: Mapping[str, Remaining]
    written: dict[str, bytes] = field(default_factory=dict)
    """What was written of a period in this look: once, however many ask."""


type Write = Callable[[Look, Remaining], bytes]
"""Writes a period's state as it is answered."""


@dataclass(slots=True, eq=False)
class _Told:
    """A state of a period as listeners are told it."""

    state: Remaining
    message: bytes
    at: float


@dataclass(slots=True, eq=False)
class Listener:
    """One who listens to a period: sleeps on `woken`, then takes the newest `message`, if any, and goes when `over`."""

    period_id: str
    until: float
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    told: _Told | None = None
    message: bytes | None = None
    over: bool = False

    def tell(self, message: bytes) -> None:
        """Leave a message; one that was not taken yet is out of date and forgotten."""
        self.message = message
        self.woken.set()

    def end(self) -> None:
        """Say that it is over."""
        self.over = True
        self.woken.set()


async def look_at(connection: AsyncConnection, at: datetime) -> Look:
    """Read the rows that decide and the position they stand at, in one statement."""
    position = sa.select(log_head.c.position).scalar_subquery().label("position")
    rows = (await connection.execute(sa.select(quotas, position))).all()
    return Look(
        as_of=rows[0].position if rows else 0,
        at=at,
        periods={row.period_id: _remaining(row, at) for row in rows},
    )


def _remaining(row: sa.Row[Any], at: datetime) -> Remaining:
    """Read a period's row; what classes have left whose time is over is everybody's at once."""
    classes = msgspec.convert(row.classes or (), type=tuple[QuotaClass, ...])
    return Remaining(
        period_id=row.period_id,
        quota=row.quota,
        remaining=row.remaining,
        claims=row.claims,
        owed=row.owed,
        waiting=row.waiting,
        paused=row.paused,
        closed=row.closed,
        classes=classes,
        parts=as_of(parts_of(row.class_rests, row.class_released), classes, at) if classes else UNDIVIDED,
    )


class LiveQuota:
    """Knows what every period has left, a tick ago at most, and tells those who listen when it changes.

    Bounded in everything: one statement a tick at most, one message kept for a listener, `listeners_max` of them. What
    `read` raises is raised to whoever asks; those who listen only hear nothing new until it works again.
    """

    def __init__(
        self,
        read: Callable[[], Awaitable[Look]],
        write: Write,
        seconds: Callable[[], float],
        *,
        listeners_max: int = LISTENERS_MAX,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._read, self._write, self._seconds, self._pause = read, write, seconds, pause
        self._listeners_max = listeners_max
        self._latest: Look | None = None
        self._looked_at = 0.0
        self._looking: asyncio.Task[Look] | None = None
        self._listeners: dict[Listener, None] = {}
        self._of_period: dict[str, dict[Listener, None]] = {}
        self._told: dict[str, _Told] = {}
        self._changed: set[str] = set()
        self._teller: asyncio.Task[None] | None = None

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def latest(self) -> Look | None:
        """Give the look of this tick, if somebody has taken it."""
        return self._latest if self._latest is not None and self._seconds() - self._looked_at < TICK_S else None

    async def look(self) -> Look:
        """Give the look of this tick; the first who asks takes it for all."""
        latest = self.latest()
        if latest is not None:
            return latest
        if self._looking is None:
            self._looking = asyncio.create_task(self._take())
            self._looking.add_done_callback(_retrieved)
        return await asyncio.shield(self._looking)

    def written(self, look: Look, period_id: str) -> bytes | None:
        """Give a period's state as it is answered; None when the period has never had any money."""
        body = look.written.get(period_id)
        if body is None and (state := look.periods.get(period_id)) is not None:
            body = look.written[period_id] = self._write(look, state)
        return body

    def listen(self, look: Look, period_id: str) -> Listener:
        """Join those who listen to a period of a look; `TooManyListenersError` when there is no room."""
        if len(self._listeners) >= self._listeners_max:
            raise TooManyListenersError
        listener = Listener(period_id=period_id, until=self._seconds() + STREAM_S)
        newest = self._latest or look
        listener.told = self._told_of(newest, newest.periods[period_id])
        listener.tell(listener.told.message)
        self._listeners[listener] = None
        self._of_period.setdefault(period_id, {})[listener] = None
        if self._teller is None:
            self._teller = asyncio.create_task(self._tell_all())
        return listener

    def close(self) -> None:
        """Tell every listener that it is over, and take no more of them."""
        self._listeners_max = 0
        for listener in self._listeners:
            listener.end()

    def leave(self, listener: Listener) -> None:
        """Forget a listener; it may be forgotten already."""
        self._listeners.pop(listener, None)
        listening = self._of_period.get(listener.period_id, {})
        listening.pop(listener, None)
        if not listening:
            self._of_period.pop(listener.period_id, None)
            self._told.pop(listener.period_id, None)

    async def _take(self) -> Look:
        began = self._seconds()
        try:
            look = await self._read()
        finally:
            self._looking = None
        self._latest, self._looked_at = look, began
        return look

    async def _tell_all(self) -> None:
        """Tell the listeners, tick by tick, as long as there are any."""
        try:
            while self._listeners:
                await self._pause(max(TICK_S, len(self._listeners) * _LISTENER_S))
                self._end_those_whose_time_is_over()
                try:
                    self._tell(await self.look())
                except Exception as error:  # noqa: BLE001 (whatever it is, the next look may do better)
                    _log.info("remaining_quota.unread", reason=type(error).__name__)
                    self._tell(None)
        finally:
            self._teller = None

    def _tell(self, look: Look | None) -> None:
        now = self._seconds()
        for period_id, listening in self._of_period.items():
            told = self._told[period_id] if look is None else self._told_of(look, look.periods[period_id])
            if period_id in self._changed:
                for listener in listening:
                    if listener.told is not told:
                        listener.told = told
                        listener.tell(told.message)
            elif now - told.at >= HEARTBEAT_S:
                told.at = now
                for listener in listening:
                    if listener.message is None:
                        listener.tell(_HEARTBEAT)
        self._changed.clear()

    def _told_of(self, look: Look, state: Remaining) -> _Told:
        """Give the message that tells a state: the one that told it last, if nothing has changed since."""
        told = self._told.get(state.period_id)
        if told is None or told.state != state:
            data = (self.written(look, state.period_id) or b"").decode()
            message = format_sse_event(data_str=data, event="remaining-quota", id=str(look.as_of))
            told = self._told[state.period_id] = _Told(state=state, message=message, at=self._seconds())
            self._changed.add(state.period_id)
        return told

    def _end_those_whose_time_is_over(self) -> None:
        now = self._seconds()
        for listener in self._listeners:  # in the order in which they came
            if listener.until > now:
                return
            listener.end()


def _retrieved(task: asyncio.Task[Look]) -> None:
    """Take note of a failure that nobody waits for any more."""
    if not task.cancelled():
        task.exception()
