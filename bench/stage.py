"""Where a goal is measured: real servers, issuance in a process of its own, claimants and a wide open period."""

import asyncio
import json
import os
import secrets
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
from pydantic import SecretStr

from bench.load import Tally, get, post, press
from deploy.local.servers import Servers, find_or_start_servers
from services.issuance.app import CONTEXT
from services.issuance.reactions import REACTIONS
from services.issuance.use_cases.planning_periods import approve_period, propose_period
from shared.bus.topics import Topics
from shared.clock import SystemClock
from shared.database import create_engine
from shared.events.definition import Recorded
from shared.events.registry import ClaimantRegistered
from shared.http.local_issuer import LocalIssuer
from shared.kernel.ids import new_id
from shared.kernel.money import yuan
from shared.measures.reader import Measures
from shared.settings import CONTEXTS, Settings
from shared.store.migrate import migrate
from shared.store.transaction import Cause, transaction

CLAIMANTS = 400
AMOUNT = yuan(1)
QUOTA = yuan(50_000_000)
PORT = 18102
_HOST = "127.0.0.1"
_READY_S = 60.0


@dataclass(slots=True)
class Stage:
    """What the arms act on."""

    settings: Settings
    servers: Servers
    period_id: str
    tokens: list[str]
    process: asyncio.subprocess.Process

    def claims(self) -> Iterator[bytes]:
        """Write claims without end, the claimants taking turns, each with a key of its own."""
        body = json.dumps({"period_id": self.period_id, "amount": {"amount": AMOUNT}}).encode()
        run = secrets.token_hex(4)
        number = 0
        while True:
            token = self.tokens[number % len(self.tokens)]
            yield post("/v1/claims", body, token=token, key=f"bench-{run}-{number}")
            number += 1

    async def press_claims(self, *, connections: int = 16, seconds: float = 2.0) -> Tally:
        """Claim as fast as answers come; only 201 counts, and nothing but 201 and 503 (busy, come again) may come."""
        tally = await press(_HOST, PORT, self.claims(), connections=connections, seconds=seconds)
        if not {201, 503} >= set(tally.statuses):
            raise RuntimeError(f"claims were answered with {dict(tally.statuses)}")
        return tally

    async def press_get(self, path: str, *, connections: int = 64, seconds: float = 2.0) -> Tally:
        """Read one path as fast as answers come."""
        request = get(path)
        tally = await press(_HOST, PORT, iter(lambda: request, None), connections=connections, seconds=seconds)
        if set(tally.statuses) != {200}:
            raise RuntimeError(f"{path} was answered with {dict(tally.statuses)}")
        return tally


@asynccontextmanager
async def stage(*, serve: bool = True) -> AsyncIterator[Stage]:
    """Set everything up under a temporary folder and take it down again."""
    with (
        tempfile.TemporaryDirectory(prefix="cxq-bench-") as folder,
        find_or_start_servers(Path(folder), keep=False) as servers,
    ):
        settings = Settings(
            env="dev",
            state_dir=Path(folder),
            postgres_url=SecretStr(servers.postgres_url),
            kafka_bootstrap=servers.kafka_bootstrap,
            database_prefix=f"b{secrets.token_hex(4)}",
            topic_prefix=f"b{secrets.token_hex(4)}",
            rate_burst=10_000_000,
            rate_per_second=10_000_000,
        )
        await migrate(settings, "issuance", CONTEXT.folder / "migrations")
        async with Topics(settings) as topics:
            for context in CONTEXTS:
                await topics.create(settings.topic(context), settings.topic_partitions)
        period_id, tokens = await _furnish(settings)
        process = await _serve(settings) if serve else await asyncio.create_subprocess_exec("sleep", "infinity")
        try:
            yield Stage(settings, servers, period_id, tokens, process)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGINT if serve else signal.SIGKILL)
                await process.wait()


async def _furnish(settings: Settings) -> tuple[str, list[str]]:
    """Let two officers open a period and the registry tell of the claimants."""
    clock, measures = SystemClock(), Measures.load()
    issuer = LocalIssuer(settings, clock)
    engine = create_engine(settings.application_url("issuance"))
    cause = Cause(actor="bench", correlation_id="bench")
    tokens = []
    try:
        now = clock.now()
        period_id = new_id("prd", now)
        async with transaction(engine, "issuance", clock, cause, measures) as tx:
            await propose_period(
                tx, period_id=period_id, name="bench", quota=QUOTA, opens_at=now, closes_at=now + timedelta(days=1),
                proposed_by="officer-1",
            )  # fmt: skip
            await approve_period(tx, period_id=period_id, approved_by="officer-2", if_match=None)
        async with transaction(engine, "issuance", clock, cause, measures) as tx:
            for number in range(CLAIMANTS):
                claimant_id = new_id("clm", now)
                registered = ClaimantRegistered(
                    claimant_id=claimant_id, kind="enterprise", principal=f"user-{number}", certificates=(),
                    profile_digest="", on=tx.today, pack=measures.pack, pack_digest=measures.digest,
                )  # fmt: skip
                event = Recorded(
                    context="registry", position=number + 1, stream=f"claimant-{claimant_id}", version=1,
                    type="cxq.registry.claimant-registered.v1", data=registered, key=claimant_id, metadata={},
                    recorded_at=now, hash="",
                )  # fmt: skip
                await REACTIONS[ClaimantRegistered](tx, event)
                tokens.append(issuer.issue("claimant", f"user-{number}", claimant_id))
    finally:
        await engine.dispose()
    return period_id, tokens


async def _serve(settings: Settings) -> asyncio.subprocess.Process:
    """Start issuance with its relay, reactions and projections, as one uvicorn process, and wait until it is ready."""
    told = {
        f"CXQ_{name.upper()}": value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in settings.model_dump().items()
    }
    command = [
        sys.executable, "-m", "uvicorn", "--factory", "bench.app:create", "--host", _HOST, "--port", str(PORT),
        "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning",
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(*command, env=os.environ | told | {"CXQ_LOG_LEVEL": "warning"})
    loop = asyncio.get_running_loop()
    until = loop.time() + _READY_S
    async with httpx.AsyncClient(base_url=f"http://{_HOST}:{PORT}") as client:
        while loop.time() < until:
            try:
                if (await client.get("/health/ready")).status_code == httpx.codes.OK:
                    return process
            except httpx.TransportError:
                if process.returncode is not None:
                    raise RuntimeError("issuance ended before it was ready; its messages stand above") from None
            await asyncio.sleep(0.1)
    process.kill()
    raise RuntimeError(f"issuance was not ready within {_READY_S:.0f} s")
