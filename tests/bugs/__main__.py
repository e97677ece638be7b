"""Plant every mistake of the bank, or those named, in a copy of the tree, and insist that its test turns red."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from shutil import copytree, ignore_patterns
from tempfile import TemporaryDirectory

from tests.bugs.bank import BUGS, Bug

ROOT = Path(__file__).parents[2]
_LIMIT_S = 300


def main(names: Sequence[str]) -> int:
    """Try the bugs; 1 when a test does not notice its bug, or is red without it."""
    chosen = [bug for bug in BUGS if not names or bug.name in names]
    if not chosen:
        _say("no such bug; there are:", *(bug.name for bug in BUGS))
        return 2
    with TemporaryDirectory(prefix="bug-bank-") as directory:
        tree = Path(directory) / "tree"
        copytree(ROOT, tree, ignore=ignore_patterns(".git", ".venv", ".cxq", "__pycache__", ".*_cache", "docs"))
        missed = [bug.name for bug in chosen if not _is_noticed(bug, tree)]
    _say(f"{len(chosen) - len(missed)} of {len(chosen)} noticed", *missed)
    return 1 if missed else 0


def _is_noticed(bug: Bug, tree: Path) -> bool:
    """Plant a bug, run its test, and take the bug out again."""
    file = tree / bug.file
    sound = file.read_text()
    if sound.count(bug.right) != 1:
        _say(f"{bug.name}: its place in {bug.file} is not there any more")
        return False
    file.write_text(sound.replace(bug.right, bug.wrong))
    try:
        is_red = _fails(bug.test, tree)
    finally:
        file.write_text(sound)
    _say(f"{bug.name}: {'red' if is_red else 'NOT RED'}  {bug.test}")
    return is_red


def _fails(test: str, tree: Path) -> bool:
    """Run a test; True when it was run and failed, for what cannot be set up proves nothing."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", test]
    ran = subprocess.run(command, cwd=tree, capture_output=True, timeout=_LIMIT_S, check=False)  # noqa: S603 (ours)
    return b"\nFAILED " in ran.stdout


def _say(*words: object) -> None:
    print(*words, flush=True)  # noqa: T201 (a command for the terminal)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
