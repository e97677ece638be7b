"""A long log of claims, written in batches straight into the store, which they leave as claims over HTTP would."""

import dataclasses
import secrets
import time
from collections import Counter

import msgspec
import sqlalchemy as sa

from bench.stage import AMOUNT, Stage
from services.issuance.use_cases.claiming import claim
from shared.clock import SystemClock
from shared.database import create_engine
from shared.events.issuance import VoucherClaimed
from shared.kernel.ids import new_id
from shared.measures.reader import Measures
from shared.store.transaction import Cause, Transaction, transaction

_BATCH = 500
_RESERVE = sa.text(
    "INSERT INTO allowances (claimant_id, year, ceiling, reserved)"
    " SELECT claimant_id, :year, (SELECT ceiling FROM allowances WHERE claimant_id = :like AND year = :year), amount"
    " FROM unnest(CAST(:claimants AS text[]), CAST(:amounts AS bigint[])) AS u (claimant_id, amount)"
    " ORDER BY claimant_id"
    " ON CONFLICT (claimant_id, year) DO UPDATE SET reserved = allowances.reserved + excluded.reserved"
)
_TAKE = sa.text(
    "UPDATE quotas SET remaining = remaining - :amount, issued = issued + :amount, claims = claims + :number"
    " WHERE period_id = :period RETURNING claims"
)
_ANSWER = sa.text(
    "INSERT INTO idempotency (principal, operation, key, request_hash, status, headers, body, recorded_at)"
    " SELECT 'bench', 'claimVoucher', key, '\\x00', 201, '{}', convert_to(body, 'UTF8'), :at"
    " FROM unnest(CAST(:keys AS text[]), CAST(:bodies AS text[])) AS u (key, body)"
)


async def write_history(here: Stage, events: int) -> float:
    """Append so many claims, one stream each, and say how many a second were appended.

    The first is a claim by the rules; the others are the same fact about other claimants, with the next places.
    """
    engine = create_engine(here.settings.application_url("issuance"))
    clock, measures = SystemClock(), Measures.load()
    cause = Cause(actor="bench", correlation_id="bench")
    began = time.perf_counter()
    try:
        async with transaction(engine, "issuance", clock, cause, measures) as tx:
            first = await claim(
                tx, voucher_id=new_id("vch", tx.now), period_id=here.period_id, claimant_id=here.claimants[0].id,
                amount=AMOUNT,
            )  # fmt: skip
            (model,) = (fact for fact in first.events if isinstance(fact, VoucherClaimed))
            await _answer(tx, [model.voucher_id])
        for start in range(1, events, _BATCH):
            async with transaction(engine, "issuance", clock, cause, measures) as tx:
                await _repeat(tx, here, model, start, min(_BATCH, events - start))
    finally:
        await engine.dispose()
    return events / (time.perf_counter() - began)


async def _repeat(tx: Transaction, here: Stage, model: VoucherClaimed, start: int, number: int) -> None:
    owners = [here.claimants[(start + n) % len(here.claimants)].id for n in range(number)]
    sums = Counter(owners)
    reserved = {
        "year": model.year,
        "like": model.claimant_id,
        "claimants": list(sums),
        "amounts": [AMOUNT * claims for claims in sums.values()],
    }
    await tx.connection.execute(_RESERVE, reserved)
    taken = await tx.connection.execute(_TAKE, {"amount": AMOUNT * number, "number": number, "period": model.period_id})
    before = taken.scalar_one() - number
    vouchers = [new_id("vch", tx.now) for _ in owners]
    for place, (voucher_id, owner) in enumerate(zip(vouchers, owners, strict=True), start=before + 1):
        fact = dataclasses.replace(model, voucher_id=voucher_id, claimant_id=owner, place=place)
        tx.append(f"voucher-{voucher_id}", 0, [fact])
    await _answer(tx, vouchers)


async def _answer(tx: Transaction, vouchers: list[str]) -> None:
    run = secrets.token_hex(8)
    keys = [f"history-{run}-{number}" for number in range(len(vouchers))]
    bodies = [msgspec.json.encode({"voucher_id": voucher_id}).decode() for voucher_id in vouchers]
    await tx.connection.execute(_ANSWER, {"keys": keys, "bodies": bodies, "at": tx.now})
