"""D2: reading one's own vouchers ÷ the no-op GET."""

from itertools import cycle

from bench.gates import caught_up, pass_gates
from bench.history import write_history
from bench.load import get, press
from bench.ratio import Goal, Ratio, interleaved
from bench.stage import CONNECTIONS, stage

GOAL = Goal(id="D2", what="my-vouchers/noop", target=1.0)
_VOUCHERS = 3
_SECONDS = 2.0


async def measure() -> Ratio:
    """Let claimants, one after the other, look at all of their vouchers, in turn with no-ops."""
    async with stage() as here:
        await write_history(here, _VOUCHERS * len(here.claimants))
        await caught_up(here)
        looks = cycle([get("/v1/vouchers", token=claimant.token) for claimant in here.claimants])

        async def vouchers() -> float:
            tally = await press(here.served.port, looks, connections=CONNECTIONS, seconds=_SECONDS)
            if set(tally.statuses) != {200} or tally.broke:
                raise RuntimeError(f"looks were answered with {dict(tally.statuses)}, {tally.broke} not at all")
            return tally.rate(200)

        async def noops() -> float:
            return (await here.press_get("/noop")).rate(200)

        ratio = await interleaved(vouchers, noops, rounds=5)
        await pass_gates(here)
    print(f"reads/s of {_VOUCHERS} vouchers {ratio.numerator}, no-ops/s {ratio.denominator}", end="")
    print(f", over {CONNECTIONS} connections each")
    return ratio
