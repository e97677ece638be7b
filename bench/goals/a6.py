"""A6: answers a second to claims of a sold-out period ÷ a raw ASGI constant answer."""

from collections.abc import Iterator

from bench.gates import caught_up, pass_gates
from bench.load import Request, Tally, press
from bench.ratio import Goal, Ratio, interleaved
from bench.served import beside
from bench.stage import AMOUNT, CONNECTIONS, open_period, stage

GOAL = Goal(id="A6", what="sold-out/constant", target=0.85)
_WINNERS = 300
_SECONDS = 2.0


async def measure() -> Ratio:
    """Let a period sell out; then claims of it, and the same requests to an app that reads none, take turns."""
    async with stage() as here:
        period_id = await open_period(here.settings, quota=_WINNERS * AMOUNT)
        tally = await _pressed(here.served.port, here.claims(period_id))
        if tally.statuses[201] != _WINNERS:
            raise RuntimeError(f"{tally.statuses[201]} claims were granted of {_WINNERS}")
        here.acknowledged |= tally.acknowledged
        await caught_up(here)

        async with beside("bench.constant:create", here.settings.state_dir, {}) as raw:

            async def sold_out() -> float:
                return _refused(await _pressed(here.served.port, here.claims(period_id)))

            async def constant() -> float:
                return _refused(await _pressed(raw.port, here.claims(period_id)))

            ratio = await interleaved(sold_out, constant, rounds=5)
        await pass_gates(here)
    print(f"sold-out answers/s {ratio.numerator}, constant answers/s {ratio.denominator}", end="")
    print(f", over {CONNECTIONS} connections each")
    return ratio


async def _pressed(port: int, requests: Iterator[Request]) -> Tally:
    tally = await press(port, requests, connections=CONNECTIONS, seconds=_SECONDS)
    if tally.broke or not {201, 409} >= set(tally.statuses) or set(tally.refusals) != {"quota-exhausted"}:
        raise RuntimeError(f"answered with {dict(tally.statuses)}, {dict(tally.refusals)}, {tally.broke} not at all")
    return tally


def _refused(tally: Tally) -> float:
    if tally.statuses[201]:
        raise RuntimeError(f"{tally.statuses[201]} claims were granted of a period that was sold out")
    return tally.rate(409)
