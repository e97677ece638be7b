"""A long log of claims, written straight into the store, as the relay and the projections would find it."""

import asyncio
import time

import sqlalchemy as sa

from bench.stage import AMOUNT, Stage
from shared.clock import SystemClock
from shared.database import create_engine, create_owner_engine
from shared.events.issuance import VoucherClaimed
from shared.kernel.ids import new_id
from shared.store.transaction import Cause, transaction

_BATCH = 500
_OWNERS = 500
_CAUGHT_UP_S = 300.0
_BEHIND = (
    "SELECT (SELECT coalesce(max(position), 0) FROM relay_positions WHERE partition >= 0) -"
    " coalesce((SELECT max(position) FROM consumer_positions WHERE consumer = :consumer), 0)"
)


async def write_history(here: Stage, events: int) -> float:
    """Append so many claims, one stream each, and say how many a second were appended."""
    engine = create_engine(here.settings.application_url("issuance"))
    clock = SystemClock()
    cause = Cause(actor="bench", correlation_id="bench")
    began = time.perf_counter()
    try:
        for first in range(0, events, _BATCH):
            async with transaction(engine, "issuance", clock, cause) as tx:
                for number in range(first, min(first + _BATCH, events)):
                    voucher_id = new_id("vch", tx.now)
                    claimed = VoucherClaimed(
                        voucher_id=voucher_id, period_id=here.period_id, claimant_id=f"clm_{number % _OWNERS:026}",
                        year=tx.today.year, amount=AMOUNT, place=number + 1, on=tx.today, register_by=tx.today,
                        provisional=False, pack="beijing-2023", pack_digest="0" * 64,
                    )  # fmt: skip
                    tx.append(f"voucher-{voucher_id}", 0, [claimed])
    finally:
        await engine.dispose()
    return events / (time.perf_counter() - began)


async def caught_up(here: Stage, consumer: str) -> None:
    """Wait until a projection has applied the last event that was published."""
    engine = create_owner_engine(here.settings.owner_url("issuance"))
    loop = asyncio.get_running_loop()
    until = loop.time() + _CAUGHT_UP_S
    try:
        while loop.time() < until:
            async with engine.connect() as connection:
                if (await connection.execute(sa.text(_BEHIND), {"consumer": consumer})).scalar_one() <= 0:
                    return
            await asyncio.sleep(0.2)
    finally:
        await engine.dispose()
    raise RuntimeError(f"{consumer} has not caught up within {_CAUGHT_UP_S:.0f} s")
