"""`make` finds a Python that is new enough wherever it stands, or says in one sentence what is needed."""

import subprocess
from pathlib import Path

import pytest

from services.commands.environment import ROOT

MAKE_VENV = ROOT / "deploy" / "local" / "make-venv"
_TOOLS = ("cat", "cksum", "dirname", "rm")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A fresh clone, as far as making .venv looks at it."""
    folder = tmp_path / "clone" / "deploy" / "local"
    folder.mkdir(parents=True)
    (folder / "make-venv").write_bytes(MAKE_VENV.read_bytes())
    for name in ("requirements.lock", "pyproject.toml"):
        (tmp_path / "clone" / name).touch()
    for tool in _TOOLS:
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / tool).symlink_to(
            next(path for path in (Path("/bin") / tool, Path("/usr/bin") / tool) if path.exists())
        )
    return tmp_path / "clone"


def interpreter(path: Path, *, fit: bool, installs: str = "exit 0") -> None:
    """Something that calls itself Python; `-c` asks whether it is fit, `-m venv` makes a copy of itself."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"""#!/bin/sh
case "$1 $2" in
    "-c "*) exit {0 if fit else 1} ;;
    "--version "*) echo "Python {path.name}" ;;
    "-m venv") /bin/mkdir -p "$3/bin"; /bin/cp "$0" "$3/bin/python" ;;
    "-m pip") {installs} ;;
esac
""")
    path.chmod(0o755)


def make_venv(checkout: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 (ours)
        ["/bin/sh", str(checkout / "deploy" / "local" / "make-venv")],
        env={"PATH": str(checkout.parent / "bin"), "HOME": str(checkout.parent / "home")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_any_python_one_sentence_says_what_is_needed(checkout: Path) -> None:
    outcome = make_venv(checkout)
    assert outcome.returncode == 1
    assert outcome.stderr.startswith("cxq needs Python 3.12 or later")
    assert outcome.stderr.count("\n") == 1
    assert not (checkout / ".venv").exists()


def test_a_python_that_is_too_old_is_named_and_not_used(checkout: Path) -> None:
    interpreter(checkout.parent / "bin" / "python3", fit=False)
    outcome = make_venv(checkout)
    assert outcome.returncode == 1
    assert "this machine has Python python3" in outcome.stderr


def test_a_newer_python_beside_an_old_one_is_found(checkout: Path) -> None:
    interpreter(checkout.parent / "bin" / "python3", fit=False)
    interpreter(checkout.parent / "bin" / "python3.13", fit=False)  # a stand-in of pyenv without a version behind it
    interpreter(checkout.parent / "home" / ".pyenv" / "versions" / "3.12.1" / "bin" / "python3", fit=True)
    outcome = make_venv(checkout)
    assert outcome.returncode == 0, outcome.stderr
    assert (checkout / ".venv" / ".made-from").exists()


def test_an_environment_that_is_fresh_is_left_alone_and_a_stale_one_is_not(checkout: Path) -> None:
    interpreter(checkout.parent / "bin" / "python3", fit=True)
    assert "Installing" in make_venv(checkout).stdout
    (checkout / ".venv" / "bin" / "cxq").symlink_to(checkout / ".venv" / "bin" / "python")
    assert make_venv(checkout).stdout == ""
    (checkout / "requirements.lock").write_text("changed==1\n")
    assert "Installing" in make_venv(checkout).stdout


@pytest.mark.parametrize(
    ("complaint", "sentence"),
    [
        ("OSError: [Errno 28] No space left on device", "The disk is full"),
        ("ERROR: Could not find a version that satisfies", "could not be fetched"),
    ],
)
def test_what_keeps_packages_from_being_installed_is_one_sentence(
    checkout: Path, complaint: str, sentence: str
) -> None:
    interpreter(checkout.parent / "bin" / "python3", fit=True, installs=f'echo "{complaint}"; exit 1')
    for tool in ("grep", "tail"):
        (checkout.parent / "bin" / tool).symlink_to(f"/usr/bin/{tool}")
    outcome = make_venv(checkout)
    assert outcome.returncode == 1
    assert sentence in outcome.stderr
    assert outcome.stderr.count("\n") == 1
    assert not (checkout / ".venv" / ".made-from").exists()
