"""A5: three thousand winners among thirty thousand requests: the span of the sell-out ÷ N's time for three thousand."""

from itertools import islice

from bench.gates import caught_up, pass_gates
from bench.load import Tally, press
from bench.ratio import Goal, Ratio, Spread, interleaved
from bench.stage import AMOUNT, CONNECTIONS, open_period, stage

GOAL = Goal(id="A5", what="sell-out/noop-time", target=0.6, at_least=False)
_WINNERS = 3_000
_REQUESTS = 30_000
_LIMIT_S = 120.0


async def measure() -> Ratio:
    """Let sell-outs, each of a period of its own, and no-ops take turns."""
    waited: list[float] = []
    answered: list[float] = []
    async with stage() as here:

        async def sell_out() -> float:
            period_id = await open_period(here.settings, quota=_WINNERS * AMOUNT)
            requests = list(islice(here.claims(period_id), _REQUESTS))
            tally = await press(here.served.port, iter(requests), connections=CONNECTIONS, seconds=_LIMIT_S)
            _assert_fair(tally)
            here.acknowledged |= tally.acknowledged
            waited.append(tally.created_at[-1] - tally.began)
            answered.append(sum(tally.statuses.values()) / tally.seconds)
            await caught_up(here)  # or the no-ops would pay for what the claims have left to do
            return tally.created_at[-1] - tally.created_at[0]

        async def noops() -> float:
            return _WINNERS / (await here.press_get("/noop")).rate(200)

        ratio = await interleaved(sell_out, noops, rounds=3)
        await pass_gates(here)
    print(f"s from the first 201 to the last {ratio.numerator}, s for {_WINNERS} no-ops {ratio.denominator}", end="")
    print(
        f", over {CONNECTIONS} connections each; s from the first request to the last 201 {Spread.of(waited)}", end=""
    )
    print(f"; answers/s to all {_REQUESTS} {Spread.of(answered)}")
    return ratio


def _assert_fair(tally: Tally) -> None:
    """Have exactly the winners there is money for, and everybody else told why; RuntimeError else."""
    refused = _REQUESTS - _WINNERS
    told = {201: _WINNERS, 409: refused}
    if dict(tally.statuses) != told or tally.refusals["quota-exhausted"] != refused or tally.broke:
        raise RuntimeError(
            f"answered with {dict(tally.statuses)}, {dict(tally.refusals)}, {tally.broke} not at all, and not {told}"
        )
