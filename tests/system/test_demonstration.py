"""The demonstration, as who tries the project first meets it."""

import asyncio
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.processes import process_table
from services.commands.environment import ROOT
from shared.settings import CONTEXTS
from tests.house import free_ports

LIMIT_S = 240
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


@pytest.fixture
def state_dir(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "state"
    yield folder
    left = [pid for pid in process_table() if _concerns(pid, str(folder))]
    assert not left, f"processes of {folder} were left running: {left}"


def _concerns(pid: int, folder: str) -> bool:
    try:
        told = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    return folder.encode() in told


async def test_the_demonstration_plays_one_vouchers_whole_life_and_leaves_nothing_running(state_dir: Path) -> None:
    settings = {
        "CXQ_STATE_DIR": str(state_dir),
        "CXQ_DATABASE_PREFIX": f"d_{secrets.token_hex(4)}",
        "CXQ_TOPIC_PREFIX": f"d-{secrets.token_hex(4)}",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.cli", "demo", "--first-port", str(free_ports(len(CONTEXTS))),
        cwd=ROOT, env=os.environ | settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(LIMIT_S):
            output, _ = await process.communicate()
    except TimeoutError:
        process.terminate()
        output, _ = await process.communicate()
    said = output.decode()
    assert process.returncode == 0, said
    assert "✗" not in said
    ticked = [line for line in said.splitlines() if line.startswith("✓")]
    places = [next((n for n, line in enumerate(ticked) if step in line), None) for step in STEPS]
    assert None not in places, f"{STEPS[places.index(None)]!r} is missing in\n{said}"
    assert ticked[-1].startswith("✓ cxq audit:"), said
    assert ticked[-1].endswith(" 0 breaches."), said
