"""Whatever goes wrong is one sentence, a remedy and an exit code that says which kind it was."""

import asyncio
import errno

import asyncpg
import pytest
from aiokafka.errors import KafkaConnectionError
from alembic.script.revision import ResolutionError
from alembic.util import CommandError
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from deploy.local.problems import ServerProblem
from services.commands.problems import Exit, explain
from shared.settings import Settings


def wrapped(driver_error: BaseException) -> DBAPIError:
    """As SQLAlchemy hands a driver's error on."""
    return DBAPIError("SELECT 1", {}, driver_error)


@pytest.mark.parametrize(
    ("error", "code", "remedy"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), Exit.UNAVAILABLE, "CXQ_POSTGRES_URL"),
        (wrapped(asyncpg.InvalidCatalogNameError("no such database")), Exit.UNAVAILABLE, "cxq migrate"),
        (wrapped(asyncpg.UndefinedTableError("no log_head")), Exit.UNAVAILABLE, "cxq migrate"),
        (asyncpg.InvalidPasswordError("no"), Exit.MISCONFIGURED, "CXQ_APP_PASSWORD"),
        (asyncpg.CannotConnectNowError("starting up"), Exit.UNAVAILABLE, "make run"),
        (KafkaConnectionError("no broker"), Exit.UNAVAILABLE, "CXQ_KAFKA_BOOTSTRAP"),
        (OSError(errno.ENOSPC, "No space left on device"), Exit.UNAVAILABLE, "Free some space"),
        (PermissionError("the clock can be moved only where CXQ_ENV=dev"), Exit.MISCONFIGURED, "development"),
        (ServerProblem("No Java.", "Run `make venv`."), Exit.UNAVAILABLE, "make venv"),
        (ExceptionGroup("tasks", [KafkaConnectionError("no broker")]), Exit.UNAVAILABLE, "CXQ_KAFKA_BOOTSTRAP"),
    ],
)
def test_what_a_person_can_mend_comes_with_how(error: Exception, code: Exit, remedy: str) -> None:
    problem = explain(error)
    assert problem is not None
    assert problem.exit_code is code
    assert remedy in problem.remedy
    assert problem.message.endswith(".")


def test_data_of_a_newer_version_is_not_touched() -> None:
    error = CommandError("Can't locate revision identified by '0099'")
    error.__cause__ = ResolutionError("no such", "0099")
    problem = explain(error)
    assert problem is not None
    assert "newer version" in problem.message


def test_settings_that_are_missing_are_all_named() -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(env="production", topic_partitions="many")  # type: ignore[arg-type]
    problem = explain(refused.value)
    assert problem is not None
    assert "CXQ_TOPIC_PARTITIONS" in problem.message
    assert problem.exit_code is Exit.MISCONFIGURED


@pytest.mark.parametrize("error", [KeyError("x"), ValueError("y"), asyncpg.UniqueViolationError("z"), OSError("?")])
def test_a_fault_of_ours_is_not_blamed_on_the_machine(error: Exception) -> None:
    assert explain(error) is None


def test_a_wait_that_was_too_long_is_a_server_that_does_not_answer() -> None:
    async def wait_too_long() -> None:
        async with asyncio.timeout(0):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError) as late:
        asyncio.run(wait_too_long())
    problem = explain(late.value)
    assert problem is not None
    assert problem.exit_code is Exit.UNAVAILABLE
