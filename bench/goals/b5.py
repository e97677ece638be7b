"""B5: how much slower the slowest reads are while a read model is rebuilt, and that none of them fails."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import quantiles

from pydantic import SecretStr

from bench.gates import caught_up, pass_gates
from bench.history import write_history
from bench.ratio import Goal, Ratio, interleaved
from bench.stage import Stage, stage

GOAL = Goal(id="B5", what="read-p99-rebuilding/idle", target=2.0, at_least=False)
_EVENTS = 60_000
_READERS = 4
_PAUSE_S = 0.02
_READING_S = 5.0
_LIST = "GET /v1/vouchers?limit=20"
_STATUS = slice(9, 12)


async def measure() -> Ratio:
    """Let reads beside rebuilds and reads of a service that has nothing else to do take turns."""
    async with stage() as here:
        await write_history(here, _EVENTS)
        await caught_up(here)
        rebuilds: list[float] = []
        async with _rebuilder(here) as rebuild_once:

            async def beside_rebuilds() -> float:
                """Read as long as it takes, and at least five seconds, with one rebuild after the other."""
                reading = asyncio.create_task(_p99(here))
                while not reading.done():
                    rebuilds.append(await rebuild_once())
                return await reading

            ratio = await interleaved(beside_rebuilds, lambda: _p99(here), rounds=5)
        await pass_gates(here)
    above, below = ratio.numerator, ratio.denominator
    print(f"p99 of reads in ms during {len(rebuilds)} rebuilds {1000 * above.median:.1f}"
          f" [{1000 * above.low:.1f}..{1000 * above.high:.1f}],"
          f" idle {1000 * below.median:.1f} [{1000 * below.low:.1f}..{1000 * below.high:.1f}]; no read failed,"
          " the digests were equal each time")  # fmt: skip
    return ratio


async def _p99(here: Stage) -> float:
    """Have a few claimants look at their vouchers, with pauses, and give the time that 99 of 100 answers take at most.

    RuntimeError when any of them is answered with anything but 200.
    """
    times: list[float] = []
    until = time.perf_counter() + _READING_S
    await asyncio.gather(*(_read(here, number, until, times) for number in range(_READERS)))
    return quantiles(times, n=100)[98]


async def _read(here: Stage, number: int, until: float, times: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", here.served.port)
    try:
        while time.perf_counter() < until:
            token = here.claimants[number].token
            began = time.perf_counter()
            writer.write(f"{_LIST} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            if head[_STATUS] != b"200":
                raise RuntimeError(f"a read was answered with {head[:200].decode()}")
            await reader.readexactly(int(head.partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0]))
            times.append(time.perf_counter() - began)
            number = (number + _READERS) % len(here.claimants)
            await asyncio.sleep(_PAUSE_S)
    finally:
        writer.close()


@asynccontextmanager
async def _rebuilder(here: Stage) -> AsyncIterator[Callable[[], Awaitable[float]]]:
    """Have a process for rebuilds, as `cxq rebuild` is one; each call makes one rebuild and says how long it took."""
    told = {
        f"CXQ_{name.upper()}": value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in here.settings.model_dump().items()
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.rebuilding", cwd=Path(__file__).parents[2], env=os.environ | told,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip

    async def once() -> float:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"again\n")
        different, _, seconds = (await process.stdout.readline()).decode().partition(" ")
        if different != "0":
            raise RuntimeError("a rebuild failed, or the rebuilt table differs from the live one")
        return float(seconds)

    try:
        await once()
        yield once
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
