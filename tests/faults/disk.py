"""A small disk of its own, that can be filled: a file system in memory, mounted for some tests.

Mounting wants rights. Root has them; others have `sudo` without a password, as on the machines that check every change,
or else a namespace of their own, into which `/proc` leads.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_LIMIT_S = 20.0


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
    """Mount a file system of that size for the length of the block."""
    folder.mkdir(parents=True)
    size = f"size={megabytes}m,mode=0755"
    if os.geteuid() != 0 and not _may(["sudo", "-n", "true"]):
        with _namespace_with(folder, size) as disk:
            yield disk
        return
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    owner = f"uid={os.geteuid()},gid={os.getegid()}"
    _run([*sudo, "mount", "-t", "tmpfs", "-o", f"{size},{owner}", "tmpfs", str(folder)])
    try:
        yield Disk(folder)
    finally:
        _run([*sudo, "umount", str(folder)])


@contextmanager
def _namespace_with(folder: Path, size: str) -> Iterator[Disk]:
    """Mount it in a namespace that lives as long as a process of ours, and reach it through that process."""
    mount = f"mount -t tmpfs -o {size} tmpfs {folder} && echo mounted && exec sleep infinity"
    alone = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount]
    with subprocess.Popen(alone, stdout=subprocess.PIPE, text=True) as holder:  # noqa: S603 (ours)
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "mounted\n", "this machine lets nobody mount a small disk"
            yield Disk(Path(f"/proc/{holder.pid}/root{folder}"))
        finally:
            holder.kill()


def _may(command: list[str]) -> bool:
    try:
        _run(command)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, timeout=_LIMIT_S, capture_output=True)  # noqa: S603 (ours)
