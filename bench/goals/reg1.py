"""REG1: facilities imported from a file, rows a second, from the upload until the last row has its outcome."""

import asyncio
import csv
import io
import secrets
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from bench.ratio import Goal, Ratio
from deploy.local.probes import assert_durable
from deploy.local.sample.generate import credit_code
from deploy.local.servers import find_or_start_servers
from services.registry.app import CONTEXT, create_app
from services.registry.domain.facility_row import COLUMNS
from shared.bus.topics import Topics
from shared.http.local_issuer import LocalIssuer
from shared.http.policy import Role
from shared.settings import CONTEXTS, Settings
from shared.store.migrate import migrate
from shared.telemetry import configure_logs

GOAL = Goal(id="REG1", what="imported-rows/s", target=240)
"""43,000 facilities in three minutes."""
ROWS = 10_000
_ROUNDS = 3
_LIMIT_S = 240.0


@dataclass(frozen=True, slots=True)
class Register:
    """The registry at work, with its background, and a provider on its list."""

    settings: Settings
    client: httpx.AsyncClient
    officer: dict[str, str]
    provider_id: str

    async def import_rows(self, series: str, count: int) -> None:
        """Import so many new facilities and wait for the last one; RuntimeError when one is refused."""
        text = io.StringIO(newline="")
        csv.writer(text).writerows([list(COLUMNS), *(_row(series, number) for number in range(count))])
        sent = await self.client.post(
            "/v1/facility-imports",
            files={"file": ("facilities.csv", text.getvalue().encode())},
            data={"provider_id": self.provider_id},
            headers=self.officer | {"Idempotency-Key": f"bench-{secrets.token_hex(8)}", "Prefer": "wait=10"},
        )
        job = told(sent)
        async with asyncio.timeout(_LIMIT_S):
            while job["state"] == "running":
                await asyncio.sleep(0.05)
                job = told(await self.client.get(sent.headers["location"], headers=self.officer))
        if job["created"] != count:
            raise RuntimeError(f"{job['created']} of {count} rows were created: this run's figure does not count")


@asynccontextmanager
async def register() -> AsyncIterator[Register]:
    """Start servers and the registry's app with its relay, projections and due list, and list a provider."""
    with (
        tempfile.TemporaryDirectory(prefix="cxq-bench-") as name,
        find_or_start_servers(Path(name), keep=False) as servers,
    ):
        settings = Settings(
            env="dev", state_dir=Path(name), postgres_url=SecretStr(servers.postgres_url),
            kafka_bootstrap=servers.kafka_bootstrap, database_prefix=f"b{secrets.token_hex(4)}",
            topic_prefix=f"b{secrets.token_hex(4)}", rate_burst=10_000_000, rate_per_second=10_000_000,
            log_level="warning",
        )  # fmt: skip
        assert_durable(servers.postgres_url)
        await migrate(settings, "registry", CONTEXT.folder / "migrations")
        async with Topics(settings) as topics:
            for context in CONTEXTS:
                await topics.create(settings.topic(context), settings.topic_partitions)
        configure_logs(settings, context="registry")
        app = create_app(settings)

        @app.get("/noop")
        async def noop() -> dict[str, bool]:
            return {"ok": True}

        officer = {"Authorization": f"Bearer {LocalIssuer(settings).issue(Role.OFFICER, 'officer-1')}"}
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://registry", timeout=30) as client,
        ):
            listed = await client.post(
                "/v1/providers", json=_provider(), headers=officer | {"Idempotency-Key": "bench-provider"}
            )
            yield Register(settings, client, officer, told(listed)["provider_id"])


async def measure() -> Ratio:
    """Import files one after the other into a register that grows."""
    rates = []
    async with register() as here:
        for number in range(_ROUNDS):
            began = time.perf_counter()
            await here.import_rows(f"R{number}", ROWS)
            rates.append(ROWS / (time.perf_counter() - began))
    print(f"{_ROUNDS} files of {ROWS:,} rows, the registry's app in the bench's own process")
    return Ratio.of((rate, 1.0) for rate in rates)


def told(response: httpx.Response) -> dict[str, Any]:
    """Give what was answered; RuntimeError for a problem."""
    if not response.is_success:
        raise RuntimeError(f"the registry answered {response.status_code}: {response.text[:200]}")
    answer: dict[str, Any] = response.json()
    return answer


def _provider() -> dict[str, Any]:
    return {
        "name": "北京市泽衡材料科学研究院", "credit_code": credit_code("12", "110108", 1), "district": "海淀区",
        "capabilities": ["testing"], "third_party_testing": False, "principal": "bench-provider",
    }  # fmt: skip


def _row(series: str, number: int) -> list[str]:
    return [
        f"{series}-{number:06}", f"场发射扫描电子显微镜{series}{number}", "large_instrument", "4788000.00",
        "北京市海淀区泽衡路8号", "网上预约，收样后五个工作日内出具结果", "微观形貌分析 600 元/小时",
    ]  # fmt: skip
