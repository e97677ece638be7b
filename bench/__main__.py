"""`python -m bench GOAL`: measure one goal and print its line; without a goal, list them."""

import asyncio
import importlib
import pkgutil
import signal
import sys
from typing import Any

import uvloop

from bench import goals
from bench.machine import facts
from bench.ratio import Ratio
from deploy.local.problems import ServerProblem


def main() -> int:
    """Run the goals that are named, one after the other; 1 when a gate is shut, and then there is no line."""
    known = sorted(module.name.upper() for module in pkgutil.iter_modules(goals.__path__))
    wanted = [name.upper() for name in sys.argv[1:]]
    unknown = [name for name in wanted if name not in known]
    if not wanted or unknown:
        print(f"Say which goal to measure: {', '.join(known)} (make bench GOAL=A1)", file=sys.stderr)
        return 2
    for name in wanted:
        module = importlib.import_module(f"bench.goals.{name.lower()}")
        print(*facts(), sep="\n", flush=True)
        try:
            ratio = asyncio.run(_measured(module), loop_factory=uvloop.new_event_loop)
        except (RuntimeError, ValueError, ServerProblem) as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 1
        except (KeyboardInterrupt, asyncio.CancelledError):
            return 130
        print(f"{ratio.rounds} rounds; the goal is {'met' if module.GOAL.is_met(ratio.value) else 'not met'}")
        print(module.GOAL.line(ratio.value), flush=True)
    return 0


async def _measured(module: Any) -> Ratio:
    """Measure; asked to end by either signal, it takes everything down on its way out, the service first."""
    task = asyncio.ensure_future(module.measure())
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, task.cancel)
    ratio: Ratio = await task
    return ratio


if __name__ == "__main__":
    sys.exit(main())
