"""The door of the waiting rooms: requests that come while a transaction runs share the next one."""

import asyncio
from collections import deque
from collections.abc import Sequence

import structlog

from services.issuance.use_cases.waiting import Asked, take_tickets
from shared.store.execution import Answer, Commands, KeyInProgressError, OutcomeUnknownError, StoreBusyError
from shared.store.transaction import Cause, UnknownSubjectError

TOGETHER_MAX = 256
"""How many one transaction serves: more gain nothing, and hold the line longer."""
LINE_MAX = 20_000
"""How many may ask at once; who comes then is sent away, and nothing has happened."""
_EVERYBODYS = (StoreBusyError, OutcomeUnknownError, UnknownSubjectError)
"""What is so for all who were served together."""

_log = structlog.get_logger(__name__)


class Door:
    """Gives places to whoever asks in this process; the line of a period is one for all processes."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands
        self._asking: deque[Asked] = deque()
        self._under_way: set[tuple[str, str]] = set()
        self._woken = asyncio.Event()

    async def take(self, asked: Asked) -> Answer:
        """Have somebody served, durably; a key has one answer.

        Raises `KeyInProgressError`, `KeyReusedError`, `UnknownSubjectError`, `StoreBusyError` (nothing has happened),
        `OutcomeUnknownError` (the same request tells), or what `Challenged` says.
        """
        if asked.name in self._under_way:
            raise KeyInProgressError(asked.key.key)
        if len(self._asking) >= LINE_MAX:
            raise StoreBusyError("too many ask for a place")
        self._under_way.add(asked.name)
        self._asking.append(asked)
        self._woken.set()
        try:
            return await asked.answer
        finally:
            self._under_way.discard(asked.name)

    async def run(self) -> None:
        """Serve whoever asks until cancelled."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            while self._asking:
                await self._serve(self._together())

    def _together(self) -> list[Asked]:
        """Take those who can be served together: in one period, one of each company, in the order they came."""
        period_id, companies = self._asking[0].period_id, set[str]()
        together: list[Asked] = []
        left: list[Asked] = []
        while self._asking and len(together) < TOGETHER_MAX:
            one = self._asking.popleft()
            if one.period_id == period_id and one.claimant_id not in companies:
                companies.add(one.claimant_id)
                together.append(one)
            else:
                left.append(one)
        self._asking.extendleft(reversed(left))
        return together

    async def _serve(self, together: Sequence[Asked]) -> None:
        """Answer everybody, whatever happens; one who cannot be served takes no other along."""
        period_id = together[0].period_id
        cause = Cause(actor="waiting-room", correlation_id=together[0].ticket_id)
        try:
            served = await self._commands.perform(cause, lambda tx: take_tickets(tx, period_id, together))
        except asyncio.CancelledError:
            _fail(together, OutcomeUnknownError("the service stopped while it was giving places"))
            raise
        except Exception as error:  # noqa: BLE001 (nobody above could answer them)
            if isinstance(error, _EVERYBODYS) or len(together) == 1:
                _fail(together, error)
                return
            _log.exception("places.failed", period_id=period_id, asked=len(together))
            for one in together:
                await self._serve([one])
            return
        for one, outcome in served:
            one.fail(outcome) if isinstance(outcome, Exception) else one.give(outcome)

    def close(self) -> None:
        """Send home who still asks."""
        _fail(self._asking, StoreBusyError("the service is stopping"))
        self._asking.clear()


def _fail(asked: Sequence[Asked] | deque[Asked], error: Exception) -> None:
    for one in asked:
        one.fail(error)
