"""The door to the writers: who may stand in line, and who is answered at the door."""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime

from services.issuance.domain.arrivals import Arrival
from services.issuance.domain.claiming import only_money_lacks, quota_exhausted
from services.issuance.domain.waiting_room import Shown, Unfit
from services.issuance.intake.asking import Asked
from services.issuance.intake.sequencer import Sequencer, Surroundings
from shared.kernel.calendar import business_date
from shared.kernel.ids import new_id
from shared.kernel.refusal import Refused
from shared.store.execution import Answer, IdempotencyKey, KeyInProgressError, StoreBusyError
from shared.store.transaction import Cause

LINE_MAX = 20_000
"""How many may stand in one period's line; who comes then is sent away, and nothing has happened."""
OWN_LINE_MAX = 16
"""How many claims of one company, or of one channel for it, may wait behind the first."""

_OPENING_MAX = 8
"""How many lines may open their connections at a time: for periods that are none, somebody may ask without end."""


class TooManyClaimsError(Exception):
    """The company has too many claims waiting already; nothing has happened to this one."""


class Intake:
    """Every line of this process.

    Of one company one claim at a time stands in line; its others wait behind it and join the end of the line when it is
    answered, so that five hundred parallel requests gain nothing over one. A channel that names a company waits behind
    itself: whether it may act for it is decided in line, and nobody takes the place of a company by naming it.
    """

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._sequencers: dict[str, Sequencer] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._entrance = asyncio.Semaphore(_OPENING_MAX)
        self._under_way: dict[tuple[str, str], Asked] = {}
        self._behind: dict[tuple[str, str], deque[Asked]] = {}

    async def claim(
        self,
        *,
        period_id: str,
        claimant_id: str,
        amount: int,
        at: datetime,
        key: IdempotencyKey,
        cause: Cause,
        told: Callable[[Refused], Answer],
        by_channel: bool = False,
        shown: Shown = Unfit.MISSING,
    ) -> Answer:
        """Have a claim of `amount` fen decided in its turn, durably, and give its answer; a key has one answer.

        Raises `KeyInProgressError`, `KeyReusedError`, `KeyFencedError`, `TooManyClaimsError`, `UnknownSubjectError`,
        `HeldElsewhereError` (another instance is to be asked), `StoreBusyError` (nothing has happened) or
        `OutcomeUnknownError` (the same request tells).
        """
        if (key.principal, key.key) in self._under_way:
            raise KeyInProgressError(key.key)
        sequencer = self._sequencers.get(period_id) or self._open(period_id)
        sold_out = sequencer.shuts_out((key.principal, key.key))
        if sold_out is not None and only_money_lacks(sold_out.period, amount, at):
            return told(Refused(quota_exhausted(amount, 0)))
        if len(sequencer.line) >= LINE_MAX:
            raise StoreBusyError("the line is full")
        arrival = Arrival(
            voucher_id=new_id("vch", at),
            claimant_id=claimant_id,
            amount=amount,
            at=at,
            on=business_date(at),
            principal=key.principal,
            by_channel=by_channel,
            shown=shown,
        )
        asked = Asked(
            period_id=period_id,
            arrival=arrival,
            key=key,
            cause=cause,
            told=told,
            answer=asyncio.get_running_loop().create_future(),
            since=self._around.seconds(),
        )
        reason = sequencer.turns_away(asked)
        if reason is not None:
            return told(Refused(reason))
        own_line = _own_line(arrival)
        behind = self._behind.get(own_line)
        if behind is None:
            self._behind[own_line] = deque()
            sequencer.enter(asked)
        elif len(behind) < OWN_LINE_MAX:
            behind.append(asked)
        else:
            raise TooManyClaimsError(claimant_id)
        self._under_way[asked.name] = asked
        return await asked.answer

    def is_sold_out(self, period_id: str) -> bool:
        """Tell whether a period has nothing left, as far as is known without a look."""
        sequencer = self._sequencers.get(period_id)
        return sequencer is not None and sequencer.latch.is_shut

    def comes_too_late(self, period_id: str, principal: str, key: str, amount: int, at: datetime) -> bool:
        """Tell whether `claim` would say from memory that nothing is left, and nothing else."""
        sequencer, name = self._sequencers.get(period_id), (principal, key)
        if sequencer is None or name in self._under_way:
            return False
        sold_out = sequencer.shuts_out(name)
        return sold_out is not None and only_money_lacks(sold_out.period, amount, at)

    def is_under_way(self, principal: str, key: str) -> bool:
        """Tell whether a claim under this key waits for its answer."""
        return (principal, key) in self._under_way

    async def take_over(self, period_id: str) -> None:
        """Become the writer of a period whose writer does not answer any more; StoreBusyError."""
        sequencer = self._sequencers.get(period_id) or self._open(period_id)
        await sequencer.take_over()

    async def close(self) -> None:
        """Stop every writer; who still waits is told that nothing has happened."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for asked in self._under_way.values():
            asked.fail(StoreBusyError("the service is stopping"))
        self._under_way.clear()
        self._behind.clear()
        self._tasks.clear()
        self._sequencers.clear()

    def _open(self, period_id: str) -> Sequencer:
        sequencer = Sequencer(period_id, self._around, self._out_of_line, self._entrance, self._close_line)
        self._sequencers[period_id] = sequencer
        self._tasks[period_id] = asyncio.create_task(sequencer.run(), name=f"intake-{period_id}")
        return sequencer

    def _close_line(self, period_id: str) -> None:
        """Forget the line of a period that is none."""
        self._sequencers.pop(period_id, None)
        self._tasks.pop(period_id, None)

    def _out_of_line(self, asked: Asked) -> None:
        """Let the next claim of the same company join the end of its line."""
        self._under_way.pop(asked.name, None)
        own_line = _own_line(asked.arrival)
        behind = self._behind.get(own_line)
        while behind:
            following = behind.popleft()
            if not following.answer.done():
                (self._sequencers.get(following.period_id) or self._open(following.period_id)).enter(following)
                return
            self._under_way.pop(following.name, None)
        self._behind.pop(own_line, None)


def _own_line(arrival: Arrival) -> tuple[str, str]:
    """Name whose claims wait for each other: a company's own, and those of each channel that names it."""
    return arrival.claimant_id, arrival.principal if arrival.by_channel else ""
