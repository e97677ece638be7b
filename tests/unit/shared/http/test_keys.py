"""The issuer's keys, fetched from its address: what is believed, and what is not."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from shared.clock import SystemClock
from shared.http.keys import KeyAddress, KeyCache, key_source, local_keys
from shared.http.local_issuer import LocalIssuer
from shared.http.problems import ProblemError
from shared.http.seconds import monotonic_seconds
from shared.http.tokens import Verifier
from shared.settings import Settings


@dataclass
class Address:
    """A place on this machine that answers every request with the same bytes."""

    answer: bytes
    url: str = ""
    asked: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[Address]:
    """Serve an answer, written as it goes over the wire, on a free port."""
    here = Address(answer)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        here.asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(here.answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        here.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks"
        yield here


def ok(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" + body


def in_production(url: str) -> Settings:
    return Settings(env="production", app_password=SecretStr("a"), cursor_secret=SecretStr("b"), jwks_url=url)


async def test_a_token_is_checked_with_the_keys_at_the_issuers_address(tmp_path: Path) -> None:
    development = Settings(env="dev", state_dir=tmp_path)
    token = LocalIssuer(development, SystemClock()).issue("officer", "li.ming")
    async with answering(ok(local_keys(development).read_bytes())) as issuer:
        settings = in_production(issuer.url)
        verifier = Verifier(settings, SystemClock(), KeyCache(key_source(settings), monotonic_seconds))
        assert (await verifier.caller(f"Bearer {token}")).principal == "li.ming"
        assert (await verifier.caller(f"Bearer {token}")).principal == "li.ming"
    assert len(issuer.asked) == 1
    assert issuer.asked[0].startswith(b"GET /jwks HTTP/1.1")


async def test_an_issuer_that_points_elsewhere_is_not_followed() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    async with answering(moved) as issuer:
        with pytest.raises(httpx.HTTPStatusError, match="302"):
            await KeyAddress(issuer.url).read()
    assert len(issuer.asked) == 1


async def test_an_issuer_that_answers_without_end_is_not_listened_to() -> None:
    async with answering(ok(b" " * 300_000)) as issuer:
        with pytest.raises(OSError, match="answers with more than"):
            await KeyAddress(issuer.url).read()


@pytest.mark.parametrize(
    "answer",
    [ok(json.dumps({"keys": []}).encode()), ok(b"<html>"), b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"],
    ids=["no keys", "no JSON", "busy"],
)
async def test_without_a_key_from_the_issuer_nobody_is_judged(tmp_path: Path, answer: bytes) -> None:
    token = LocalIssuer(Settings(env="dev", state_dir=tmp_path), SystemClock()).issue("officer", "li.ming")
    async with answering(answer) as issuer:
        settings = in_production(issuer.url)
        verifier = Verifier(settings, SystemClock(), KeyCache(key_source(settings), monotonic_seconds))
        with pytest.raises(ProblemError) as problem:
            await verifier.caller(f"Bearer {token}")
    assert problem.value.code == "keys-unavailable"
