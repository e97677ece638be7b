"""A4: the opening minute of a city, played from a seed; its figures are written to docs/opening-minute.md."""

import asyncio
import json
import time
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from bench.crowd import Coming, Kind, displaced, opening_minute
from bench.door import Call, Door
from bench.drawing import picture
from bench.gates import caught_up, pass_audit, pass_gates
from bench.load import post
from bench.machine import facts
from bench.minute import Minute, by_second, report, table
from bench.ratio import Goal, Ratio
from bench.stage import AMOUNT, Claimant, Stage, open_period, stage
from shared.clock import SystemClock
from shared.database import create_owner_engine
from shared.http.local_issuer import LocalIssuer
from shared.kernel.ids import new_id

GOAL = Goal(id="A4", what="failed/requests", target=0.0, at_least=False)
_SEED = 20260301
_CLIENTS = 15_000
_WINNERS = 12_000
_SOON = timedelta(seconds=2)
_LAG_S = 120.0
_LIMIT_S = 540.0
"""How long all of it may take: the crowd, the minute, and every look at what is left of it."""
_DOCS = Path(__file__).parents[2] / "docs"
_FOUND = sa.text(
    "SELECT data->>'voucher_id' AS voucher_id, data->>'claimant_id' AS claimant_id FROM events"
    " WHERE type LIKE 'cxq.issuance.voucher-claimed.%' ORDER BY (data->>'place')::int"
)
_LEFT = sa.text("SELECT remaining FROM quotas WHERE period_id = :period")
_KEYS = sa.text("SELECT count(*) FROM kept_claims WHERE position IS NOT NULL")


async def measure() -> Ratio:
    """Play the minute, look at what is left of it, and write docs/opening-minute.md with its picture."""
    machine = facts()
    try:
        async with asyncio.timeout(_LIMIT_S), stage(claimants=_CLIENTS + 1, limited=True) as here:
            minute = await _played(here)
    except TimeoutError as error:
        raise RuntimeError(f"the minute was not played and looked through within {_LIMIT_S:.0f} s") from error
    (_DOCS / "opening-minute.svg").write_text(picture(by_second(minute), "The opening minute of a city"))
    (_DOCS / "opening-minute.md").write_text(report(minute, machine))
    print(*table(minute), sep="\n")
    wrong = minute.oversold + len(minute.overtaken) + minute.duplicates
    print(f"oversold {minute.oversold}, displaced {len(minute.overtaken)}", end="")
    print(f" (by {max(minute.overtaken, default=0)} ms at most), duplicates {minute.duplicates}", end="")
    print(f"; all {minute.checks} checks of the audit hold; the latest request went out {minute.late:.3f} s late")
    if wrong:
        raise RuntimeError("the order, the money or the keys are wrong: this run's figure does not count")
    return Ratio.of([(minute.failed, len(minute.played))])


async def _played(here: Stage) -> Minute:
    """Let the crowd gather, open the period, and play what comes."""
    period_id = new_id("prd", SystemClock().now())
    coming = opening_minute(_SEED, _CLIENTS)
    calls = _written(here, period_id, coming)
    door = Door(here.served.port)
    await door.gather(_CLIENTS)
    opens_at = SystemClock().now() + _SOON
    await open_period(here.settings, quota=_WINNERS * AMOUNT, opens_at=opens_at, period_id=period_id)
    opening = time.perf_counter() + (opens_at - SystemClock().now()).total_seconds()
    if opening < time.perf_counter():
        raise RuntimeError("the period was open before the crowd was let in")
    await door.open(calls, opening)
    played = list(zip(coming, calls, strict=True))
    granted = _granted(played)
    here.acknowledged |= {key: min(places) for key, places in granted.items()}
    await caught_up(here, _LAG_S)
    await pass_gates(here)
    checks = await pass_audit(here)
    own = here.claimants[_CLIENTS].id
    engine = create_owner_engine(here.settings.owner_url("issuance"))
    try:
        async with engine.connect() as connection:
            found = (await connection.execute(_FOUND)).all()
            left = (await connection.execute(_LEFT, {"period": period_id})).scalar_one()
            keys = (await connection.execute(_KEYS)).scalar_one()
    finally:
        await engine.dispose()
    overtaken = displaced([_stamp(row.voucher_id) for row in found if row.claimant_id != own])
    return Minute(
        seed=_SEED,
        clients=_CLIENTS,
        winners=_WINNERS,
        played=played,
        oversold=max(0, len(found) - _WINNERS, -left // AMOUNT),
        overtaken=overtaken,
        behind_own=sum(row.claimant_id == own for row in found),
        duplicates=sum(len(places) > 1 for places in granted.values()) + abs(len(found) - keys),
        checks=checks,
        late=door.late,
        resent=door.resent,
    )


def _written(here: Stage, period_id: str, coming: list[Coming]) -> list[Call]:
    """Write every request beforehand: the clients', and the bots'."""
    stranger = LocalIssuer(here.settings).issue("claimant", "nobody", new_id("clm", SystemClock().now()))
    body = json.dumps({"period_id": period_id, "amount": {"amount": AMOUNT}}).encode()
    calls = []
    for one in coming:
        token = _token(one, here.claimants, stranger)
        request = post("/v1/claims", body, token=token, key=f"minute-{one.claim}-of-a-city")
        calls.append(Call(due=one.due, client=one.client, wire=request.wire))
    return calls


def _token(one: Coming, claimants: list[Claimant], stranger: str) -> str:
    match one.kind:
        case Kind.BAD_TOKEN:
            return f"{stranger[:-6]}AAAAAA"
        case Kind.UNREGISTERED:
            return stranger
        case Kind.TOO_MANY:
            return claimants[_CLIENTS].token
        case _:
            return claimants[one.client].token


def _granted(played: list[tuple[Coming, Call]]) -> dict[str, set[str]]:
    """Name the vouchers that each key was told of; there must not be two."""
    granted: dict[str, set[str]] = {}
    for one, call in played:
        if call.status == 201:
            granted.setdefault(f"minute-{one.claim}-of-a-city", set()).add(call.location)
    return granted


def _stamp(voucher_id: str) -> int:
    """Read the instant of arrival out of a voucher's id, in milliseconds: the first 48 bits of its UUIDv7."""
    number = 0
    for letter in voucher_id.partition("_")[2]:
        number = number << 5 | "0123456789abcdefghjkmnpqrstvwxyz".index(letter)
    return number >> 80
