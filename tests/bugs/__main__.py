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
        if red := _red(sorted({bug.test for bug in chosen}), tree):
            _say("red without any bug, so that they prove nothing:", red)
            return 1
        missed = [bug.name for bug in chosen if not _is_noticed(bug, tree)]
    _say(f"{len(chosen) - len(missed)} of {len(chosen)} noticed", *missed)
    return 1 if missed else 0


def _is_noticed(bug: Bug, tree: Path) -> bool:
    """Plant a bug, run its test, and take the bug out again."""
    sound = {edit.file: (tree / edit.file).read_text() for edit in bug.edits}
    try:
        for edit in bug.edits:
            planted = edit.planted((tree / edit.file).read_text())
            if planted is None:
                _say(f"{bug.name}: its place in {edit.file} is not there any more")
                return False
            (tree / edit.file).write_text(planted)
        is_red = bool(_red([bug.test], tree))
    finally:
        for file, text in sound.items():
            (tree / file).write_text(text)
    _say(f"{bug.name}: {'red' if is_red else 'NOT RED'}  {bug.test}")
    return is_red


def _red(tests: Sequence[str], tree: Path) -> str:
    """Run tests and name one that was run and failed, for what cannot be set up proves nothing; empty if none."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    ran = subprocess.run(command, cwd=tree, capture_output=True, timeout=_LIMIT_S * len(tests), check=False)  # noqa: S603 (ours)
    failed = [line for line in ran.stdout.decode().splitlines() if line.startswith("FAILED ")]
    return failed[0].removeprefix("FAILED ") if failed else ""


def _say(*words: object) -> None:
    print(*words, flush=True)  # noqa: T201 (a command for the terminal)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
