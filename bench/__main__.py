"""`python -m bench GOAL`: measure one goal and print its line; without a goal, list them."""

import asyncio
import importlib
import pkgutil
import sys

from bench import goals


def main() -> int:
    """Run the goal that is named."""
    known = sorted(module.name.upper() for module in pkgutil.iter_modules(goals.__path__))
    wanted = [name.upper() for name in sys.argv[1:]]
    unknown = [name for name in wanted if name not in known]
    if not wanted or unknown:
        print(f"Say which goal to measure: {', '.join(known)} (make bench GOAL=A1)", file=sys.stderr)
        return 2
    for name in wanted:
        module = importlib.import_module(f"bench.goals.{name.lower()}")
        try:
            ratio = asyncio.run(module.measure())
        except RuntimeError as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 1
        print(module.GOAL.line(ratio.value, ratio.low, ratio.high))
    return 0


if __name__ == "__main__":
    sys.exit(main())
