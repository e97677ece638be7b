"""The demonstration, as who tries the project first meets it."""

import asyncio
import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local.processes import process_table
from services.commands.environment import ROOT
from shared.settings import CONTEXTS
from tests.house import free_ports

LIMIT_S = 240
_STAYS_UP = "Ctrl-C stops everything."
STEPS = (
    "a company of 501 people learns, without signing in, that it is too large",
    "two officers open a period of 200,000.00 元",
    "is refused for its face value",
    "is refused for its annual allowance",
    "the quota is gone; the next claim is refused",
    "gets the same answer and no second voucher",
    "is proposed, confirmed, signed, and registered with one voucher",
    "expire on",
    "issuance is killed with -9",
    "issuance is back and has caught up",
    "the 50 % cap leaves 40,000.00 元 of 50,000.00 元",
    "on public notice to",
    "two officers pay 40,000.00 元; 10,000.00 元",
    "expires after three months",
    "the appraisal round of",
    "rebuilt from the log: the same as before, to the last fen",
    "Kafka's log of issuance is deleted and published anew from the store: nothing is lost",
    "cxq audit:",
)


_FIRST_STEPS = ROOT / "docs" / "first-steps.md"
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Run:
    """A run of everything that stays up: where it keeps what it knows, its first port, and what it has said."""

    state_dir: Path
    first_port: int
    said: str


@pytest.fixture(scope="module")
async def run(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Run]:
    """Run everything as `make run` does, until the demonstration is over; at the end stop it as Ctrl-C does."""
    folder = tmp_path_factory.mktemp("run") / "state"
    settings = {
        "CXQ_STATE_DIR": str(folder),
        "CXQ_DATABASE_PREFIX": f"d_{secrets.token_hex(4)}",
        "CXQ_TOPIC_PREFIX": f"d-{secrets.token_hex(4)}",
    }
    port = free_ports(len(CONTEXTS))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.cli", "up", "--first-port", str(port),
        cwd=ROOT, env=os.environ | settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    said: list[str] = []
    try:
        async with asyncio.timeout(LIMIT_S):
            while not (said and said[-1].startswith(_STAYS_UP)):
                line = await process.stdout.readline()
                assert line, "".join(said)
                said.append(line.decode())
        yield Run(folder, port, "".join(said))
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        rest, _ = await process.communicate()
    assert process.returncode == 0, rest.decode()
    left = [pid for pid in process_table() if _concerns(pid, str(folder))]
    assert not left, f"processes of {folder} were left running: {left}"


def _concerns(pid: int, folder: str) -> bool:
    try:
        told = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    return folder.encode() in told


async def test_the_demonstration_plays_one_vouchers_whole_life(run: Run) -> None:
    assert "✗" not in run.said
    ticked = [line for line in run.said.splitlines() if line.startswith("✓")]
    places = [next((n for n, line in enumerate(ticked) if step in line), None) for step in STEPS]
    assert None not in places, f"{STEPS[places.index(None)]!r} is missing in\n{run.said}"
    assert any(line.startswith("✓ cxq audit:") and line.rstrip(".").endswith(" 0 breaches") for line in ticked), (
        run.said
    )


async def test_a_visitor_is_left_a_token_for_each_role_which_nobody_else_can_read(run: Run) -> None:
    tokens = run.state_dir / "tokens"
    assert f". {tokens}" in run.said
    assert tokens.stat().st_mode & 0o077 == 0
    shell = await asyncio.create_subprocess_exec(
        "bash", "-euc", f'. {tokens}; curl -sS -o /dev/null -w "%{{http_code}}" -H "Authorization: Bearer $OFFICER" '
        f"http://127.0.0.1:{run.first_port + 1}/v1/vouchers", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await shell.communicate()
    assert said.decode() == "200"


async def test_the_first_steps_work_as_they_are_written(run: Run, tmp_path: Path) -> None:
    steps = "\n".join(_BLOCK.findall(_FIRST_STEPS.read_text(encoding="utf-8")))
    for tool in (".venv/bin/cxq", ".venv/bin/python"):  # the reader stands in the project's folder, this test does not
        steps = steps.replace(tool, str(Path(sys.executable).with_name(tool.rpartition("/")[2])))
    given = {
        "CXQ_ENV": "dev",
        "CXQ_STATE_DIR": str(run.state_dir),
        "PYTHONPATH": str(ROOT),
        "REGISTRY": f"http://127.0.0.1:{run.first_port}",
        "ISSUANCE": f"http://127.0.0.1:{run.first_port + 1}",
    }
    shell = await asyncio.create_subprocess_exec(
        "bash", "-euo", "pipefail", "-c", steps,
        cwd=tmp_path, env=os.environ | given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(LIMIT_S):
        output, _ = await shell.communicate()
    said = output.decode()
    assert shell.returncode == 0, said
    dense = re.sub(r"\s+", "", said)  # JSON is shown with line breaks
    for sign in ('"may_register":true', '"may_register":false', '"act":"claim","allowed":true',
                 '"code":"staff-over-limit"', '"code":"face-value-out-of-range"', '"place":1,', "genuine: vch_",
                 '"stage":"on_notice"', '"notice_id"', '"listed":true', '"created":1000', "1,000 unchanged",
                 "扫描电子显微镜 700 号"):  # fmt: skip
        assert sign in said or sign in dense, f"{sign} is missing in\n{said}"
