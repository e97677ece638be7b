"""A rebuild in a process of its own that says when it has come to a point, and waits there to be killed."""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

from shared.projections import rebuild as rebuilding
from shared.projections.shadow import Shadow
from shared.settings import Settings
from tests.integration.shared.projections.balances import BALANCES_PROJECTION
from tests.integration.shared.projections.office import CONTEXT

POINTS: dict[str, tuple[Any, str]] = {
    "created": (Shadow, "create"),
    "copied": (Shadow, "copy"),
    "indexed": (Shadow, "index_rest"),
    "compared": (rebuilding._Rebuild, "_fill"),
    "swapping": (Shadow, "replace_live"),
}
REACHED = "reached\n"


def _wait_after(owner: Any, name: str) -> None:
    step: Callable[..., Any] = getattr(owner, name)

    async def and_wait(*args: Any) -> Any:
        await step(*args)
        sys.stdout.write(REACHED)
        sys.stdout.flush()
        await asyncio.Event().wait()

    setattr(owner, name, and_wait)


if __name__ == "__main__":
    _wait_after(*POINTS[sys.argv[1]])
    asyncio.run(rebuilding.rebuild(Settings(), CONTEXT, BALANCES_PROJECTION, lambda *_: None))
