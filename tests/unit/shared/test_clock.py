"""Development can move the clock forward for every process; nothing else can, and nothing moves it back."""

import asyncio
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from shared.clock import DevelopmentClock, SystemClock, clock_of, development_clock
from shared.settings import Settings

A_MOMENT = timedelta(seconds=5)
PRODUCTION = Settings(
    app_password=SecretStr("a"), cursor_secret=SecretStr("b"), jwks_url="https://keys.invalid/", env="production"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "clock.json"


def _off(clock: DevelopmentClock) -> timedelta:
    return clock.now() - SystemClock().now()


def test_time_is_told_in_utc(path: Path) -> None:
    assert SystemClock().now().tzinfo is UTC
    assert DevelopmentClock(path).now().tzinfo is UTC


def test_a_clock_that_nobody_moved_is_the_machines(path: Path) -> None:
    assert abs(_off(DevelopmentClock(path))) < A_MOMENT


def test_moving_the_clock_adds_up_and_tells_the_new_time(path: Path) -> None:
    clock = DevelopmentClock(path)
    told = clock.advance(timedelta(days=15))
    assert abs(told - SystemClock().now() - timedelta(days=15)) < A_MOMENT
    clock.advance(timedelta(hours=1))
    assert clock.offset() == timedelta(days=15, hours=1)


def test_a_clock_that_was_open_before_follows(path: Path) -> None:
    early = DevelopmentClock(path)
    assert early.offset() == timedelta()
    DevelopmentClock(path).advance(timedelta(days=1))
    assert early.offset() == timedelta(days=1)
    DevelopmentClock(path).advance(timedelta(days=2))
    assert early.offset() == timedelta(days=3)


def test_another_process_sees_the_moved_clock(path: Path) -> None:
    DevelopmentClock(path).advance(timedelta(days=365))
    program = (
        f"from pathlib import Path; from shared.clock import DevelopmentClock as C; print(C(Path({str(path)!r})).now())"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout  # noqa: S603
    assert abs(datetime.fromisoformat(told.strip()) - SystemClock().now() - timedelta(days=365)) < timedelta(minutes=1)


def test_the_clock_is_never_moved_back(path: Path) -> None:
    clock = DevelopmentClock(path)
    clock.advance(timedelta(days=1))
    with pytest.raises(ValueError, match="only moves forward"):
        clock.advance(timedelta(microseconds=-1))
    assert clock.offset() == timedelta(days=1)


def test_what_a_process_has_seen_it_does_not_take_back(path: Path) -> None:
    clock = DevelopmentClock(path)
    clock.advance(timedelta(days=15))
    path.write_text('{"offset_seconds": 0}')
    os.utime(path, ns=(1, 1))
    assert clock.offset() == timedelta(days=15)
    path.unlink()
    assert clock.offset() == timedelta(days=15)


async def test_all_who_move_the_clock_at_once_count(path: Path) -> None:
    def move(_number: int) -> None:
        DevelopmentClock(path).advance(timedelta(hours=1))

    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(8) as threads:
        await asyncio.gather(*(loop.run_in_executor(threads, move, number) for number in range(40)))
    assert DevelopmentClock(path).offset() == timedelta(hours=40)


def test_outside_development_there_is_no_clock_to_move() -> None:
    with pytest.raises(PermissionError, match="CXQ_ENV=dev"):
        development_clock(PRODUCTION)
    assert isinstance(clock_of(PRODUCTION), SystemClock)


def test_development_can_do_with_the_machines_clock(tmp_path: Path) -> None:
    assert isinstance(clock_of(Settings(env="dev", state_dir=tmp_path, movable_clock=False)), SystemClock)


def test_development_has_a_clock_to_move(tmp_path: Path) -> None:
    clock = clock_of(Settings(env="dev", state_dir=tmp_path))
    assert isinstance(clock, DevelopmentClock)
    clock.advance(timedelta(days=1))
    assert (tmp_path / "clock.json").exists()
