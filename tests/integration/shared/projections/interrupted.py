"""A rebuild in a process of its own that says when it has come to a point, and waits there to be killed."""

import asyncio
import os
import signal
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
    "moved": (rebuilding._Rebuild, "_forget"),
    "swapping": (Shadow, "replace_live"),
}
"""Where it can be killed; `moved` is on the way only where what is lost is forgotten."""
REACHED = "reached\n"


async def killed_at(settings: Settings, point: str, *more: str) -> None:
    """Have a rebuild begun, and kill it when it has come to a point."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.integration.shared.projections.interrupted",
        point,
        *more,
        stdout=asyncio.subprocess.PIPE,
        env={
            "PATH": os.environ["PATH"],
            "CXQ_ENV": "dev",
            "CXQ_POSTGRES_URL": settings.postgres_url.get_secret_value(),
            "CXQ_DATABASE_PREFIX": settings.database_prefix,
            "CXQ_TOPIC_PREFIX": settings.topic_prefix,
            "CXQ_KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
        },
    )
    assert process.stdout is not None
    async with asyncio.timeout(30):
        assert (await process.stdout.readline()).decode() == REACHED
    process.kill()
    assert await process.wait() == -signal.SIGKILL


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
    forget_lost = sys.argv[2:] == ["forget_lost"]
    told = rebuilding.rebuild(Settings(), CONTEXT, BALANCES_PROJECTION, lambda *_: None, forget_lost=forget_lost)
    asyncio.run(told)
