"""What can go wrong with a server, as one sentence and what to do about it."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FREE_SPACE_BYTES_MIN = 512 * 1024 * 1024
_LOG_READ_BYTES_MAX = 64 * 1024

# What a server writes before it gives up, and what that means to the person who started it.
_KNOWN_ENDINGS: tuple[tuple[str, str, str], ...] = (
    ("No space left on device", "The disk is full.", "Free some space, then start again."),
    ("Disk quota exceeded", "The disk quota is used up.", "Free some space, then start again."),
    ("Address already in use", "Its port is used by another program.", "Stop that program, or choose another port."),
    (
        "Cannot allocate memory",
        "The machine has not enough free memory.",
        "Stop other programs, then start again.",
    ),
    (
        "database files are incompatible with server",
        "Its data folder belongs to another version.",
        "Forget the kept data with `make clean`, or start the version that made it.",
    ),
    (
        "Invalid cluster.id",
        "Its data folder belongs to another cluster.",
        "Forget the kept data with `make clean`.",
    ),
)


class ServerProblem(Exception):  # noqa: N818 - it is shown to people, who have a problem rather than an error
    """A server cannot be had; `message` says why in one sentence, `remedy` what to do about it."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(f"{message} {remedy}")
        self.message = message
        self.remedy = remedy


def explain_ending(name: str, log: Path, offset: int = 0) -> ServerProblem:
    """Turn what the server called `name` wrote to `log` after byte `offset` into a problem."""
    text = written_since(log, offset)
    for trace, message, remedy in _KNOWN_ENDINGS:
        if trace in text:
            return ServerProblem(f"{name} could not start: {message}", remedy)
    complaint = next(
        (line.strip() for line in reversed(text.splitlines()) if "FATAL" in line or "ERROR" in line),
        next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "it ended without saying why"),
    )
    return ServerProblem(f"{name} could not start: {complaint[:300].rstrip('.')}.", f"Its whole log is {log}.")


@contextmanager
def explained_disk_errors(folder: Path) -> Iterator[None]:
    """Turn the operating system's refusals to write under `folder` into problems."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ServerProblem(
                f"The disk that holds {folder} is full.", "Free some space, then start again."
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise ServerProblem(
                f"{error.filename or folder} may not be written by this user.",
                "Choose another folder, or give it back to this user.",
            ) from error
        raise


def written_since(log: Path, offset: int) -> str:
    """Read what was added to `log` after byte `offset`, at most its last 64 KiB."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(offset, size - _LOG_READ_BYTES_MAX))
            return file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
