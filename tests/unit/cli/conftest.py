"""A command line in a machine of its own: no settings, and an empty state folder."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.cli import main


@dataclass(frozen=True)
class Outcome:
    code: int
    answer: str
    told: str


type Cxq = Callable[..., Outcome]


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [each for each in os.environ if each.startswith("CXQ_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "state"
    folder.mkdir()
    monkeypatch.setenv("CXQ_STATE_DIR", str(folder))
    return folder


@pytest.fixture
def cxq(state: Path, capsys: pytest.CaptureFixture[str]) -> Cxq:
    assert state.is_dir()

    def run(*arguments: str) -> Outcome:
        before = dict(os.environ)
        try:
            with pytest.raises(SystemExit) as ended:
                main(arguments)
        finally:
            os.environ.clear()
            os.environ.update(before)
        said = capsys.readouterr()
        return Outcome(int(ended.value.code or 0), said.out, said.err)

    return run
