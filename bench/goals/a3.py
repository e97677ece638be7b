"""A3: claims a second ÷ the same claims decided by a Lua script in Redis, its file synced before every answer."""

import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from bench import lua
from bench.gates import caught_up, pass_gates
from bench.load import Tally, press
from bench.machine import cpu_seconds
from bench.ratio import Goal, Ratio, Spread, interleaved
from bench.redis import Redis, assert_durable, redis_server
from bench.served import Neighbour, beside, told
from bench.stage import AMOUNT, CONNECTIONS, Stage, stage
from deploy.local.fetching import user_cache
from deploy.local.processes import ServerProcess, free_port
from shared.clock import SystemClock
from shared.kernel.calendar import business_date
from shared.kernel.money import yuan

GOAL = Goal(id="A3", what="claims/redis-lua", target=1.25)
_QUOTA = yuan(50_000_000)
_SECONDS = 2.0
_VOUCHERS = "/v1/vouchers/"


@dataclass(slots=True)
class _Rival:
    """Issuance with Redis behind its intake; `acknowledged` as in `Stage`."""

    server: ServerProcess
    app: Neighbour
    period_id: str
    year: int
    acknowledged: dict[str, str] = field(default_factory=dict)

    def cpu(self) -> dict[str, float]:
        """Say how many seconds of CPU each part has used so far."""
        return {"service": cpu_seconds([self.app.pid]), "Redis": cpu_seconds([self.server.pid])}


async def measure() -> Ratio:
    """Let claims of the one and of the other, over HTTP and with the same requests, take turns.

    Nobody reads the stream of the one while it is pressed, so nobody reads the log of the other: the worker stands
    still for that long. What the figure is when it does not is measured afterwards, and said.
    """
    async with stage() as here, _beside(here) as rival:
        ours, theirs = _Used(here.cpu), _Used(rival.cpu)

        async def alone() -> float:
            os.kill(here.served.worker_pid, signal.SIGSTOP)
            try:
                with ours:
                    tally = await here.press_claims(seconds=_SECONDS)
            finally:
                os.kill(here.served.worker_pid, signal.SIGCONT)
                await caught_up(here)  # or the other would pay for what the claims have left to do
            return ours.rate(tally)

        async def followed() -> float:
            tally = await here.press_claims(seconds=_SECONDS)
            await caught_up(here)
            return tally.rate(201)

        async def scripted() -> float:
            with theirs:
                tally = await press(rival.app.port, here.claims(), connections=CONNECTIONS, seconds=_SECONDS)
            if set(tally.statuses) != {201} or tally.broke:
                raise RuntimeError(
                    f"the design on Redis answered with {dict(tally.statuses)}, {tally.broke} not at all"
                )
            rival.acknowledged |= tally.acknowledged
            return theirs.rate(tally)

        ratio = await interleaved(alone, scripted, rounds=5)
        whole = await interleaved(followed, scripted, rounds=3, warm_up=False)
        rival.server.kill()
        rival.server.restart()
        await _pass_gates(rival)
        await pass_gates(here)
    print(f"claims/s {ratio.numerator}, by Redis {ratio.denominator}, over {CONNECTIONS} connections each", end="")
    print(f"; with relay and read models at work beside the one, the ratio is {whole.value} ({whole.rounds} rounds)")
    print(f"CPU for each claim until it is answered, in µs: {ours.said('service', 'PostgreSQL')}", end="")
    print(f"; by Redis: {theirs.said('service', 'Redis')}")
    return ratio


class _Used:
    """What the parts of a house use of the CPU while it is pressed, claim by claim."""

    def __init__(self, cpu: Callable[[], Mapping[str, float]]) -> None:
        self._cpu = cpu
        self._before: Mapping[str, float] = {}
        self._seconds: dict[str, float] = {}
        self._found: dict[str, list[float]] = {}

    def __enter__(self) -> None:
        self._before = self._cpu()

    def __exit__(self, *_: object) -> None:
        self._seconds = {part: seconds - self._before[part] for part, seconds in self._cpu().items()}

    def rate(self, tally: Tally) -> float:
        """Note what each claim of a burst has cost, and say how many a second were granted."""
        for part, seconds in self._seconds.items():
            self._found.setdefault(part, []).append(1e6 * seconds / tally.statuses[201])
        return tally.rate(201)

    def said(self, *parts: str) -> str:
        """Write what each claim has cost these parts."""
        return ", ".join(f"{part} {Spread.of(self._found[part])}" for part in parts)


@asynccontextmanager
async def _beside(here: Stage) -> AsyncIterator[_Rival]:
    """Serve the design on Redis on the same disk, with as many claimants and as much money."""
    server = redis_server(here.settings.state_dir / "redis", free_port(), user_cache())
    server.start()
    try:
        server.wait_until_ready()
        today = business_date(SystemClock().now())
        redis = await Redis.connect(server.recipe.port)
        await assert_durable(redis)
        period = (lua.REGISTER_BY, str(today + timedelta(days=90)), "remaining", _QUOTA, "claims", 0, "open", 1)
        await redis.call("HSET", lua.period_key(here.period_id), *period)
        for claimant in here.claimants:
            await redis.call("HSET", lua.CEILINGS, claimant.id, _QUOTA)
        redis.close()
        environment = told(here.settings) | {"CXQ_BACKGROUND": "False", lua.PORT: str(server.recipe.port)}
        async with beside("bench.lua:create", here.settings.state_dir, environment) as app:
            yield _Rival(server, app, here.period_id, today.year)
    finally:
        server.stop()


async def _pass_gates(rival: _Rival) -> None:
    """Look whether Redis, killed and started again, has kept its books; RuntimeError when it has not."""
    redis = await Redis.connect(rival.server.recipe.port)
    try:
        await assert_durable(redis)
        remaining, claims = map(int, await redis.call("HMGET", lua.period_key(rival.period_id), "remaining", "claims"))
        events = await redis.call("XRANGE", lua.EVENTS, "-", "+")
        reserved = sum(map(int, await redis.call("HVALS", lua.reserved_key(rival.year))))
        names = await redis.call("KEYS", f"{lua.KEYS}*")
        answers = dict(zip(names, await redis.call("MGET", *names), strict=True))
    finally:
        redis.close()
    places = [int(fields[1]) for _, fields in events]
    if remaining < 0 or remaining != _QUOTA - claims * AMOUNT or reserved != claims * AMOUNT:
        raise RuntimeError("Redis has given more than there was: there is nothing to compare with")
    if places != list(range(1, claims + 1)):
        raise RuntimeError("the places of the claims in Redis are not 1…n: there is nothing to compare with")
    kept = {name.rpartition(b":")[2].decode(): answer.split(b" ", 3)[3] for name, answer in answers.items()}
    lost = sum(
        place.removeprefix(_VOUCHERS).encode() not in kept.get(key, b"") for key, place in rival.acknowledged.items()
    )
    if lost or not claims == len(kept) == len(rival.acknowledged):
        raise RuntimeError(f"Redis has {claims} claims, {len(rival.acknowledged)} were told of one, {lost} are lost")
    print(f"Redis, killed with -9 and started again: all {claims} acknowledged claims are there, none oversold", end="")
    print(", places 1…n; appendonly yes, appendfsync always")
