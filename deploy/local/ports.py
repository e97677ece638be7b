"""Who listens on a port of this machine."""

from contextlib import suppress
from pathlib import Path
from typing import Final

from deploy.local.problems import ServerProblem
from deploy.local.processes import is_port_free

_LISTENING: Final = "0A"


def listener(port: int) -> str:
    """Name the program that listens on `port`, with its process id; empty where the system does not tell."""
    sockets = _listening_sockets(port)
    for entry in Path("/proc").glob("[0-9]*") if sockets else ():
        with suppress(OSError):
            if any(str(handle.readlink()) in sockets for handle in (entry / "fd").iterdir()):
                return f"{(entry / 'comm').read_text().strip()} (process {entry.name})"
    return ""


def assert_ports_free(ports: dict[str, int]) -> None:
    """Raise `ServerProblem` when a port is taken; `ports` are the ports by the name of the service that needs it."""
    for name, port in ports.items():
        if not is_port_free(port):
            raise ServerProblem(
                f"Port {port}, which {name} needs, is used by {listener(port) or 'another program'}.",
                "Stop that program, or choose other ports with `make run FIRST_PORT=9101`.",
            )


def _listening_sockets(port: int) -> set[str]:
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                    found.add(f"socket:[{fields[9]}]")
    return found
