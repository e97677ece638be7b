"""S1: vouchers that the daily sweep finds and expires a second, while claims go on ÷ claims a second without it."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.gates import caught_up, pass_audit
from bench.history import write_history
from bench.load import Tally
from bench.ratio import Goal, Ratio, Spread, interleaved
from bench.stage import Stage, open_period, stage
from services.issuance.deadlines import EXPIRE_UNREGISTERED, FIND_UNREGISTERED
from shared.clock import SystemClock
from shared.database import create_owner_engine
from shared.kernel.money import yuan

GOAL = Goal(id="S1", what="expired/claims", target=0.5)
"""A city's hundred thousand of a day are gone long before the office opens, and nobody who claims meanwhile waits."""
_DUE = 100_000
_AGO = timedelta(days=30)
_LIMIT_S = 600.0
_POLL_S = 0.05
_LEFT = sa.text(
    "SELECT (SELECT count(*) FROM deadlines WHERE kind = :expire AND due_at <= now())"
    " + (SELECT count(*) FROM deadlines WHERE kind = :find AND left(subject, 10) <= :day)"
)
_DISORDER = sa.text(
    "SELECT count(*) FROM (SELECT stream < lag(stream) OVER (ORDER BY position) AS back FROM events"
    " WHERE type = 'cxq.issuance.voucher-expired.v1' AND position > :after) e WHERE back"
)
_EXPIRED = sa.text("SELECT count(*) FROM events WHERE type = 'cxq.issuance.voucher-expired.v1' AND position > :after")


@dataclass(frozen=True, slots=True)
class LongAgo:
    """A clock that is behind by a month."""

    def now(self) -> datetime:
        """Give the instant of a month ago."""
        return SystemClock().now() - _AGO


async def measure() -> Ratio:
    """Let sweeps and claims without a sweep take turns; then every invariant must hold."""
    meanwhile: list[float] = []
    async with stage() as here:
        engine = create_owner_engine(here.settings.owner_url("issuance"))
        try:
            quota = yuan(50_000_000)
            period_id = await open_period(here.settings, quota=quota, clock=LongAgo(), lasts=_AGO + timedelta(days=1))

            async def sweep() -> float:
                await _write_due(here, engine, period_id)
                await caught_up(here, _LIMIT_S)
                return await _swept(here, engine, meanwhile)

            async def claims() -> float:
                return (await here.press_claims()).rate(201)

            ratio = await interleaved(sweep, claims, rounds=3, warm_up=False)
            await caught_up(here, _LIMIT_S)
            checks = await pass_audit(here)
        finally:
            await engine.dispose()
    print(f"gates passed: durable settings; each due voucher expired once and in order; {checks} checks of the audit")
    print(f"no claim was refused meanwhile; {here.sent_away} were asked to come again (503)")
    print(f"expired/s {ratio.numerator}, {_DUE:,} at a time; claims/s without {ratio.denominator}", end="")
    print(f", meanwhile {Spread.of(meanwhile)}")
    return ratio


async def _write_due(here: Stage, engine: AsyncEngine, period_id: str) -> None:
    """Have vouchers claimed a month ago, and leave it to the daily sweep to find them."""
    with _paused(here.served.worker_pid):
        await write_history(here, _DUE, clock=LongAgo(), period_id=period_id)
        async with engine.begin() as connection:
            forget = sa.text("DELETE FROM deadlines WHERE kind = :kind AND due_at <= now()")
            await connection.execute(forget, {"kind": EXPIRE_UNREGISTERED})


@contextmanager
def _paused(pid: int) -> Iterator[None]:
    """Let the worker rest meanwhile: it would begin too early."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def _swept(here: Stage, engine: AsyncEngine, meanwhile: list[float]) -> float:
    """Say that the day of those vouchers is to be swept, claim until they are all gone, and give their rate."""
    async with engine.begin() as connection:
        after = (await connection.execute(sa.text("SELECT position FROM log_head"))).scalar_one()
        last_day = (
            await connection.execute(
                sa.text("SELECT max(data->>'register_by') FROM events WHERE position > :behind"),
                {"behind": after - _DUE},
            )
        ).scalar_one()
        day = (date.fromisoformat(last_day) + timedelta(days=1)).isoformat()
        again = sa.text("UPDATE deadlines SET subject = :day, due_at = now() WHERE kind = :kind")
        await connection.execute(again, {"day": day, "kind": FIND_UNREGISTERED})
    began = time.perf_counter()
    tally = Tally()
    claiming = asyncio.create_task(_claim_on(here, tally))
    try:
        async with asyncio.timeout(_LIMIT_S), engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            asked = {"expire": EXPIRE_UNREGISTERED, "find": FIND_UNREGISTERED, "day": day}
            while (await connection.execute(_LEFT, asked)).scalar_one():  # noqa: ASYNC110 (nobody tells)
                await asyncio.sleep(_POLL_S)
            seconds = time.perf_counter() - began
            expired = (await connection.execute(_EXPIRED, {"after": after})).scalar_one()
            disorder = (await connection.execute(_DISORDER, {"after": after})).scalar_one()
    finally:
        claiming.cancel()
        with suppress(asyncio.CancelledError):
            await claiming  # a claim that was refused has ended it, and ends the measurement
    if expired != _DUE or disorder:
        raise RuntimeError(f"{expired} of {_DUE} vouchers expired, {disorder} of them out of their order")
    meanwhile.append(tally.statuses[201] / seconds)
    return float(expired) / seconds


async def _claim_on(here: Stage, tally: Tally) -> None:
    """Claim as fast as answers come, until told to stop."""
    while True:
        part = await here.press_claims(seconds=0.5)
        tally.statuses.update(part.statuses)
