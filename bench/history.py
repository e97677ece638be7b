"""A long log of claims, brought to the intake without HTTP, which leaves them as claims over HTTP would be."""

import asyncio
import time

from bench.stage import AMOUNT, Stage
from services.issuance.api.awarded import awarded
from services.issuance.intake.intake import Intake
from services.issuance.intake.sequencer import Surroundings, connector
from shared.clock import Clock, SystemClock
from shared.kernel.refusal import Refused
from shared.measures.reader import Measures
from shared.store.execution import Answer, IdempotencyKey
from shared.store.transaction import Cause

_AT_ONCE = 1_000
_CAUSE = Cause(actor="bench", correlation_id="bench")


async def write_history(here: Stage, events: int, *, clock: Clock | None = None, period_id: str = "") -> float:
    """Have so many claims granted, and say how many a second were; RuntimeError when one is refused.

    Without a clock of its own it is written now, without a period it is the stage's.
    """
    clock, measures = clock or SystemClock(), Measures.load()

    async def rules() -> Measures:
        return measures

    intake = Intake(
        Surroundings(
            clock=clock,
            seconds=time.perf_counter,
            measures=rules,
            connect=connector(here.settings, "issuance"),
            granted=awarded,
            on_commit=lambda: None,
        )
    )
    run = f"history-{time.perf_counter_ns()}"

    def told(refused: Refused) -> Answer:
        raise RuntimeError(f"a claim of the history was refused: {refused}")

    async def claim(number: int) -> None:
        key = IdempotencyKey(principal="bench", operation="claimVoucher", key=f"{run}-{number}", payload=b"")
        await intake.claim(
            period_id=period_id or here.period_id, claimant_id=here.claimants[number % len(here.claimants)].id,
            amount=AMOUNT, at=clock.now(), key=key, cause=_CAUSE, told=told,
        )  # fmt: skip

    began = time.perf_counter()
    try:
        for start in range(0, events, _AT_ONCE):
            await asyncio.gather(*(claim(number) for number in range(start, min(start + _AT_ONCE, events))))
    finally:
        await intake.close()
    return events / (time.perf_counter() - began)
