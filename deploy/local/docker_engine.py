"""PostgreSQL and Kafka as containers, where a Docker engine of this machine answers."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from deploy.local.kafka import NODE_SETTINGS
from deploy.local.kafka_jars import KAFKA_VERSION
from deploy.local.postgres import INITDB, SETTINGS, SUPERUSER
from deploy.local.probes import kafka_answers, postgres_answers
from deploy.local.problems import ServerProblem

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

POSTGRES_IMAGE: Final = "postgres:18"
KAFKA_IMAGE: Final = f"apache/kafka:{KAFKA_VERSION}"

_POSTGRES_PORT: Final = 5432
_CONTROLLER_PORT: Final = 9093
_START_LIMIT_S: Final = 90.0
_POLL_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class ContainerServer:
    """A server in a container of its own, on a fixed port of 127.0.0.1."""

    name: str
    container: "DockerContainer"
    is_ready: Callable[[], bool]

    @property
    def pid(self) -> int:
        """The process id of the server as the engine's machine counts it."""
        engine = self._engine_container()
        if not engine.attrs["State"]["Running"]:
            raise ServerProblem(f"{self.name} does not run.", "Start it again.")
        return int(engine.attrs["State"]["Pid"])

    def kill(self) -> None:
        """End it with SIGKILL and return when it is gone."""
        engine = self._engine_container()
        if engine.attrs["State"]["Running"]:
            engine.kill()
            engine.wait()

    def pause(self) -> None:
        """Freeze every process of the container."""
        self._engine_container().pause()

    def resume(self) -> None:
        """Let a frozen container go on."""
        self._engine_container().unpause()

    def restart(self) -> None:
        """Start it again on the same port and data, in good order first when it still runs."""
        engine = self._engine_container()
        if engine.attrs["State"]["Paused"]:
            engine.unpause()
        engine.restart(timeout=20)
        self.wait_until_ready()

    def stop(self) -> None:
        """End it in good order, and remove the container and any volume that has no name."""
        engine = self._engine_container()
        if engine.attrs["State"]["Paused"]:
            engine.unpause()
        engine.stop(timeout=20)
        self.container.stop(force=True, delete_volume=True)

    def wait_until_ready(self) -> None:
        """Return when it answers; raises `ServerProblem` when it ends first or takes over a minute and a half."""
        deadline = time.monotonic() + _START_LIMIT_S
        while not self.is_ready():
            if time.monotonic() > deadline or not self._engine_container().attrs["State"]["Running"]:
                logs = self._engine_container().logs(tail=1).decode(errors="replace").strip()
                raise ServerProblem(
                    f"{self.name} did not start in its container: {logs[-300:] or 'it ended without saying why'}.",
                    "Set CXQ_SERVERS=local to run it without Docker.",
                )
            time.sleep(_POLL_S)

    def _engine_container(self) -> Any:
        engine = self.container.get_wrapped_container()
        engine.reload()
        return engine


def engine_answers() -> bool:
    """Whether a Docker engine of this machine answers and has, or can fetch, the images."""
    address = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if not address.startswith("unix://") or not Path(address.removeprefix("unix://")).exists():
        return False
    # Imported here, because it is slow and needed only where there is an engine.
    from testcontainers.core.config import testcontainers_config  # noqa: PLC0415
    from testcontainers.core.docker_client import DockerClient  # noqa: PLC0415

    try:
        engine = DockerClient().client
        engine.ping()
        for image in (POSTGRES_IMAGE, KAFKA_IMAGE, testcontainers_config.ryuk_image):
            if not engine.images.list(name=image):
                engine.images.pull(image)
    except Exception:  # noqa: BLE001 - whatever the engine lacks, the servers are to be had without it
        return False
    return True


def postgres_container(port: int, password: str, volume: str | None) -> ContainerServer:
    """Start PostgreSQL on `port`, its data in the named `volume` or in one that goes with it; returns at once."""
    container = _container(POSTGRES_IMAGE, port, _POSTGRES_PORT)
    container.with_command(["postgres", *(part for pair in SETTINGS.items() for part in ("-c", "=".join(pair)))])
    container.with_envs(POSTGRES_USER=SUPERUSER, POSTGRES_PASSWORD=password, POSTGRES_INITDB_ARGS=" ".join(INITDB))
    if volume:
        container.with_volume_mapping(volume, "/var/lib/postgresql", mode="rw")
    url = f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{port}"
    return ContainerServer("PostgreSQL", container.start(), lambda: postgres_answers(url))


def kafka_container(port: int, volume: str | None) -> ContainerServer:
    """Start a broker on `port`, its log in the named `volume` or in one that goes with it; returns at once."""
    settings = NODE_SETTINGS | {
        "listeners": f"PLAINTEXT://:{port},CONTROLLER://:{_CONTROLLER_PORT}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.quorum.voters": f"1@localhost:{_CONTROLLER_PORT}",
        "log.dirs": "/var/lib/kafka/data",
    }
    container = _container(KAFKA_IMAGE, port, port)
    container.with_envs(
        KAFKA_HEAP_OPTS="-Xms64m -Xmx320m",
        **{f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in settings.items()},
    )
    if volume:
        container.with_volume_mapping(volume, "/var/lib/kafka/data", mode="rw")
    return ContainerServer("Kafka", container.start(), lambda: kafka_answers(f"127.0.0.1:{port}"))


def forget_volumes(volumes: Sequence[str]) -> None:
    """Remove the named volumes with the data in them."""
    from testcontainers.core.docker_client import DockerClient  # noqa: PLC0415

    for volume in DockerClient().client.volumes.list(filters={"name": list(volumes)}):
        if volume.name in volumes:
            volume.remove(force=True)


def _container(image: str, port: int, port_inside: int) -> "DockerContainer":
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415

    container = DockerContainer(image)
    # A pair of address and port, which the engine takes and its client's types don't know: nobody outside this machine
    # reaches the servers.
    container.ports[str(port_inside)] = cast("int", ("127.0.0.1", port))
    return container
