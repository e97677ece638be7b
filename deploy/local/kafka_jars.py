"""The jars of Apache Kafka: resolved once into a cache, and checked against the committed list before every use."""

import shutil
from pathlib import Path
from typing import Final

from deploy.local.fetching import digest, fetched
from deploy.local.problems import ServerProblem

KAFKA_VERSION: Final = "4.3.0"

# The second coordinate is Kafka's logger. With log4j's binding in its place an older kafka-clients is resolved, of
# which the broker dies; the committed list is what notices such a change.
COORDINATES: Final = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-simple:1.7.36"

JAR_LIST: Final = Path(__file__).with_name("kafka-jars.sha256")


def kafka_jars(cache: Path, jar_list: Path = JAR_LIST) -> Path:
    """The folder under `cache` with exactly the jars of `jar_list`, fetched on first use; runs side by side share it.

    Raises:
        ServerProblem: a jar is missing, unknown or changed, or the jars cannot be fetched.
    """
    expected = _read_list(jar_list)

    def fetch(gathered: Path, workplace: Path) -> None:
        for jar in _resolve(workplace):
            shutil.copyfile(jar, gathered / jar.name)
        _check(gathered, expected)

    folder = fetched(cache / f"kafka-{KAFKA_VERSION}-{digest(jar_list)[:12]}", fetch)
    _check(folder, expected)
    return folder


def _resolve(workplace: Path) -> list[Path]:
    # Imported here, because it is needed once in the life of a machine and is slow to import.
    from jgo.env import EnvironmentBuilder, LinkStrategy  # noqa: PLC0415
    from jgo.maven import MavenContext  # noqa: PLC0415

    context = MavenContext(repo_cache=workplace / "repository")
    builder = EnvironmentBuilder(context, cache_dir=workplace / "environments", link_strategy=LinkStrategy.COPY)
    try:
        return list(builder.from_endpoint(COORDINATES).all_jars)
    except Exception as error:
        # The resolver raises whatever it met on the way; all of it means that the jars are not here.
        raise ServerProblem(
            f"Apache Kafka {KAFKA_VERSION} could not be fetched from Maven Central ({type(error).__name__}).",
            "Connect to the network for the first start, or set CXQ_POSTGRES_URL and CXQ_KAFKA_BOOTSTRAP.",
        ) from error


def _check(folder: Path, expected: dict[str, str]) -> None:
    found = {jar.name: digest(jar) for jar in folder.iterdir()}
    for name in sorted(expected.keys() | found.keys()):
        complaint = None
        if name not in found:
            complaint = "is missing"
        elif name not in expected:
            complaint = "is not on the list of known jars"
        elif found[name] != expected[name]:
            complaint = "is not the file whose checksum is on the list of known jars"
        if complaint:
            raise ServerProblem(
                f"Kafka was not started, because {name} in {folder} {complaint}.",
                f"Remove {folder} to have it fetched again.",
            )


def _read_list(jar_list: Path) -> dict[str, str]:
    pairs = (line.split() for line in jar_list.read_text().splitlines() if line.strip())
    return {name: checksum for checksum, name in pairs}
