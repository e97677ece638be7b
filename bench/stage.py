"""Where a goal is measured: real servers, issuance in a process of its own, claimants and a wide open period."""

import json
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import cycle
from pathlib import Path

from pydantic import SecretStr

from bench.load import Form, Request, Tally, get, press
from bench.machine import cpu_seconds
from bench.served import Served
from deploy.local.processes import ServerHandle, tree
from deploy.local.servers import Servers, find_or_start_servers
from services.issuance.app import CONTEXT
from services.issuance.reactions import REACTIONS
from services.issuance.use_cases.planning_periods import approve_period, propose_period
from shared.bus.topics import Topics
from shared.clock import Clock, SystemClock
from shared.database import create_engine
from shared.events.definition import Recorded
from shared.events.registry.claimants import ClaimantRegistered
from shared.http.local_issuer import LocalIssuer
from shared.kernel.ids import new_id
from shared.kernel.money import yuan
from shared.measures.reader import Measures
from shared.settings import CONTEXTS, Settings
from shared.store.migrate import migrate
from shared.store.transaction import Cause, transaction

AMOUNT = yuan(1)
CONNECTIONS = 256
"""How many callers press at once, each waiting for its answer before it asks again."""
_CLAIMANTS = 2_000
_AT_ONCE = 1_000
_QUOTA = yuan(50_000_000)
_CAUSE = Cause(actor="bench", correlation_id="bench")


@dataclass(frozen=True, slots=True)
class Claimant:
    """Somebody who may claim."""

    id: str
    token: str


@dataclass(slots=True)
class Stage:
    """What the arms act on.

    `acknowledged` holds every claim that was answered with 201, by its key; `sent_away` counts the 503s besides, which
    are in no figure.
    """

    settings: Settings
    servers: Servers
    served: Served
    period_id: str
    claimants: list[Claimant]
    acknowledged: dict[str, str] = field(default_factory=dict)
    sent_away: int = 0

    def claims(self, period_id: str = "") -> Iterator[Request]:
        """Write claims without end, of the stage's period if no other is named, each with a key of its own.

        The claimants take turns.
        """
        body = json.dumps({"period_id": period_id or self.period_id, "amount": {"amount": AMOUNT}}).encode()
        forms = [Form("/v1/claims", body, token=claimant.token) for claimant in self.claimants]
        run = secrets.token_hex(4)
        return (form.under(f"bench-{run}-{number}") for number, form in enumerate(cycle(forms)))

    async def press_claims(self, *, seconds: float = 2.0) -> Tally:
        """Claim as fast as answers come; RuntimeError when one is answered with anything but 201 or 503 (busy)."""
        tally = await self.burst(Tally(), seconds=seconds)
        if not {201, 503} >= set(tally.statuses) or tally.broke:
            raise RuntimeError(f"claims were answered with {dict(tally.statuses)}, {tally.broke} not at all")
        self.sent_away += tally.statuses[503]
        return tally

    async def burst(self, tally: Tally, *, seconds: float) -> Tally:
        """Claim as fast as answers come, and remember what was acknowledged, whatever else happens."""
        await press(self.served.port, self.claims(), connections=CONNECTIONS, seconds=seconds, tally=tally)
        self.acknowledged |= tally.acknowledged
        return tally

    async def press_get(
        self, path: str, *, seconds: float = 2.0, token: str = "", connections: int = CONNECTIONS
    ) -> Tally:
        """Read one path as fast as answers come; RuntimeError unless every answer is 200."""
        request = get(path, token=token)
        tally = await press(
            self.served.port, iter(lambda: request, None), connections=connections, seconds=seconds
        )  # fmt: skip
        if set(tally.statuses) != {200} or tally.broke:
            raise RuntimeError(f"{path} was answered with {dict(tally.statuses)}, {tally.broke} times not at all")
        return tally

    def cpu(self) -> dict[str, float]:
        """Say how many seconds of CPU each part has used so far; servers that are not ours are left out."""

        def of(server: ServerHandle | None) -> float:
            return cpu_seconds(tree(server.pid)) if server is not None else 0.0

        return {
            "service": cpu_seconds([self.served.pid]),
            "worker": cpu_seconds([self.served.worker_pid]),
            "PostgreSQL": of(self.servers.postgres),
            "Kafka": of(self.servers.kafka),
        }


@asynccontextmanager
async def stage(*, claimants: int = _CLAIMANTS, limited: bool = False) -> AsyncIterator[Stage]:
    """Set everything up under a temporary folder and take it down again, the service before its servers.

    `limited` leaves it at the limits everybody has to keep to; else nobody ever sends too much.
    """
    with (
        tempfile.TemporaryDirectory(prefix="cxq-bench-") as name,
        find_or_start_servers(Path(name), keep=False) as servers,
    ):
        async with _house(servers, Path(name), claimants=claimants, limited=limited) as here:
            yield here


@asynccontextmanager
async def empty_twin(here: Stage) -> AsyncIterator[Stage]:
    """Set up a second house on the same servers, with a database and a topic of its own, which nobody has used."""
    folder = here.settings.state_dir / "twin"
    folder.mkdir()
    async with _house(here.servers, folder, claimants=len(here.claimants), limited=False) as twin:
        yield twin


@asynccontextmanager
async def _house(servers: Servers, folder: Path, *, claimants: int, limited: bool) -> AsyncIterator[Stage]:
    settings = Settings(
        env="dev",
        state_dir=folder,
        postgres_url=SecretStr(servers.postgres_url),
        kafka_bootstrap=servers.kafka_bootstrap,
        database_prefix=f"b{secrets.token_hex(4)}",
        topic_prefix=f"b{secrets.token_hex(4)}",
        movable_clock=False,  # as in production: the clock that can be moved looks into a file each time it is asked
    )
    if not limited:
        settings = settings.model_copy(update={"rate_burst": 10_000_000, "rate_per_second": 10_000_000.0})
    await migrate(settings, "issuance", CONTEXT.folder / "migrations")
    async with Topics(settings) as topics:
        for context in CONTEXTS:
            await topics.create(settings.topic(context), settings.topic_partitions)
    period_id = await open_period(settings, quota=_QUOTA)
    known = await _register(settings, claimants)
    served = Served(settings, folder)
    try:
        await served.start()
        yield Stage(settings, servers, served, period_id, known)
    finally:
        await served.stop()


async def open_period(
    settings: Settings, *, quota: int, clock: Clock | None = None, opens_at: datetime | None = None,
    lasts: timedelta = timedelta(days=1), period_id: str = "",
) -> str:  # fmt: skip
    """Let two officers plan a period with a quota in fen, which opens now if nothing else is said; its id."""
    clock = clock or SystemClock()
    now = clock.now()
    period_id, opens_at = period_id or new_id("prd", now), opens_at or now
    engine = create_engine(settings.application_url("issuance"))
    try:
        async with transaction(engine, "issuance", clock, _CAUSE, Measures.load()) as tx:
            await propose_period(
                tx, period_id=period_id, name="bench", quota=quota, opens_at=opens_at, closes_at=opens_at + lasts,
                proposed_by="officer-1",
            )  # fmt: skip
            await approve_period(tx, period_id=period_id, approved_by="officer-2", if_match=None)
    finally:
        await engine.dispose()
    return period_id


async def _register(settings: Settings, count: int) -> list[Claimant]:
    """Let the registry tell of so many claimants."""
    clock, measures = SystemClock(), Measures.load()
    issuer = LocalIssuer(settings, clock)
    engine = create_engine(settings.application_url("issuance"))
    claimants: list[Claimant] = []
    try:
        now = clock.now()
        while len(claimants) < count:
            async with transaction(engine, "issuance", clock, _CAUSE, measures) as tx:
                for number in range(len(claimants), min(len(claimants) + _AT_ONCE, count)):
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
                    token = issuer.issue("claimant", f"user-{number}", claimant_id)
                    claimants.append(Claimant(claimant_id, token))
    finally:
        await engine.dispose()
    return claimants
