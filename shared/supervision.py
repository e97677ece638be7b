"""Background tasks under care: restarted with growing pauses, stopped in good order, their state visible."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

import structlog

_PAUSE_S_MIN = 0.1
_PAUSE_S_MAX = 5.0
_STOP_LIMIT_S = 10.0

_log = structlog.get_logger(__name__)


class HaltedError(Exception):
    """A background task must not go on by itself: what it found needs a person; the message says what and where."""


class State(StrEnum):
    """What a background task is doing."""

    STARTING = "starting"
    RUNNING = "running"
    STANDBY = "standby"
    """Another process does the work; this one takes over when that one ends."""
    RETRYING = "retrying"
    HALTED = "halted"
    STOPPED = "stopped"


@dataclass(slots=True)
class Progress:
    """Where a task says how it is; the supervisor owns the other states."""

    state: State = State.STARTING
    detail: str = ""
    has_run: bool = False
    """Whether it ever got as far as its work; a process that never did is not ready."""

    def at_work(self, state: State = State.RUNNING) -> None:
        """Say that the task is doing its work, or stands by for it."""
        self.state, self.detail, self.has_run = state, "", True


type Work = Callable[[Progress], Awaitable[None]]
"""Runs until it is cancelled; raises `HaltedError` to stay down and anything else to be tried again."""


class Supervised:
    """One background task: `start` it, look at `progress`, `stop` it."""

    def __init__(
        self,
        name: str,
        work: Work,
        *,
        essential: bool = False,
        look_again_s: float | None = None,
        is_mended: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        self.name = name
        self.essential = essential
        """Whether the process is of no use without it."""
        self._look_again_s = look_again_s
        """How long a halted task waits before it looks whether somebody has mended what it found; None: for ever."""
        self._is_mended = is_mended
        """Tells whether a halted task has reason to begin again; None: it finds out by beginning."""
        self.progress = Progress()
        self._work = work
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; a task that runs already goes on, a halted one begins again."""
        if self._task is None or self._task.done():
            self.progress = Progress(has_run=self.progress.has_run)
            self._task = asyncio.create_task(self._care(), name=self.name)

    async def stop(self) -> None:
        """End the task and wait until it has cleaned up, ten seconds at most."""
        if self._task is None:
            return
        self._task.cancel()
        _, unfinished = await asyncio.wait([self._task], timeout=_STOP_LIMIT_S)
        if unfinished:
            _log.error("task.did_not_stop", task=self.name)
        if self.progress.state is not State.HALTED:
            self.progress.state = State.STOPPED

    async def _care(self) -> None:
        pause = _PAUSE_S_MIN
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await self._work(self.progress)
                self.progress.detail = "it ended by itself"
            except HaltedError as halt:
                self.progress.state, self.progress.detail = State.HALTED, str(halt)
                _log.critical("task.halted", task=self.name, reason=str(halt))
                if self._look_again_s is None:
                    return
                await self._until_mended(self._look_again_s)
                continue
            except Exception as error:  # noqa: BLE001 (whatever it is, the next attempt may do better)
                self.progress.detail = f"{type(error).__name__}: {error}"
                _log.warning("task.failed", task=self.name, reason=self.progress.detail)
            self.progress.state = State.RETRYING
            if asyncio.get_running_loop().time() - began > _PAUSE_S_MAX:
                pause = _PAUSE_S_MIN
            await asyncio.sleep(pause)
            pause = min(pause * 2, _PAUSE_S_MAX)

    async def _until_mended(self, pause: float) -> None:
        while True:
            await asyncio.sleep(pause)
            try:
                if self._is_mended is None or await self._is_mended():
                    return
            except Exception as error:  # noqa: BLE001 (whoever cannot look now looks later)
                _log.warning("task.cannot_look", task=self.name, reason=f"{type(error).__name__}: {error}")


async def stop_all(tasks: list[Supervised]) -> None:
    """Stop tasks side by side."""
    with suppress(asyncio.CancelledError):
        await asyncio.gather(*(task.stop() for task in tasks))
