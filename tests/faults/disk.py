"""A small disk of its own, that can be filled: a file system in memory, mounted for one test."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Disk:
    """A mounted file system and the ballast on it."""

    folder: Path

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"

    def fill(self, *, leave: int) -> None:
        """Take all room but so many bytes."""
        room = os.statvfs(self.folder)
        with self._ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(room.f_bavail * room.f_frsize - leave, 1))

    def said(self) -> str:
        """Read what PostgreSQL has said."""
        return (self.folder / "postgres.log").read_text()

    def empty(self) -> None:
        """Give the room back."""
        self._ballast.unlink()


@contextmanager
def small_disk(folder: Path, *, megabytes: int) -> Iterator[Disk]:
    """Mount a file system of that size for the length of the block; needs root, or `sudo` without a password."""
    folder.mkdir(parents=True)
    _as_root("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755,uid={os.geteuid()}", "tmpfs", str(folder))
    try:
        yield Disk(folder)
    finally:
        _as_root("umount", str(folder))


def _as_root(*command: str) -> None:
    sudo = () if os.geteuid() == 0 else ("sudo", "-n")
    subprocess.run([*sudo, *command], check=True, timeout=20)  # noqa: S603 (ours)
