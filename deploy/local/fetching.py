"""Programs that no package installs: fetched once into a cache that every checkout and every run shares."""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def user_cache() -> Path:
    """The folder of this user's caches that every checkout and every run shares."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cxq"


def fetched(folder: Path, fetch: Callable[[Path, Path], None]) -> Path:
    """The folder, made by `fetch` when it is not there yet; runs side by side share it, and none sees it half made.

    `fetch` gets the folder to fill and another one to work in.
    """
    if not folder.exists():
        cache = folder.parent
        cache.mkdir(parents=True, exist_ok=True)
        with (cache / "lock").open("a") as lock:
            # Waits while another run fetches it; the lock goes with the file.
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                with tempfile.TemporaryDirectory(dir=cache, prefix="fetching-") as name:
                    gathered = Path(name) / "gathered"
                    gathered.mkdir()
                    fetch(gathered, Path(name))
                    gathered.rename(folder)
    return folder


def digest(file: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
