"""D2: reading one's own vouchers ÷ the no-op GET."""

from bench.gates import caught_up, pass_gates
from bench.history import write_history
from bench.ratio import Goal, Ratio, interleaved
from bench.stage import stage

GOAL = Goal(id="D2", what="my-vouchers/noop", target=1.0)
_VOUCHERS = 3
_CALLERS = 16
"""With many more, the last in the queue for eight connections to the database are sent away."""


async def measure() -> Ratio:
    """Let reads of a claimant's vouchers, all of them, and no-ops take turns."""
    async with stage() as here:
        await write_history(here, _VOUCHERS * len(here.claimants))
        await caught_up(here)

        async def vouchers() -> float:
            return (await here.press_get("/v1/vouchers", token=here.claimants[0].token, connections=_CALLERS)).rate(200)

        async def noops() -> float:
            return (await here.press_get("/noop", connections=_CALLERS)).rate(200)

        ratio = await interleaved(vouchers, noops, rounds=5)
        await pass_gates(here)
    print(f"reads/s of {_VOUCHERS} vouchers {ratio.numerator}, no-ops/s {ratio.denominator}", end="")
    print(f", over {_CALLERS} connections each")
    return ratio
