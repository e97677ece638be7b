"""Whatever goes wrong is one sentence, a remedy and an exit code that says which kind it was."""

import asyncio
import errno

import asyncpg
import httpx
import pytest
from aiokafka.errors import KafkaConnectionError
from alembic.script.revision import ResolutionError
from alembic.util import CommandError
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from deploy.local.problems import ServerProblem
from services.commands.asking import told
from services.commands.problems import CommandProblem, Exit, explain
from shared.settings import Settings

ASKED = httpx.Request("POST", "http://127.0.0.1:8101/v1/new-product-imports")


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
        (httpx.ConnectError("refused", request=ASKED), Exit.UNAVAILABLE, "--url"),
        (httpx.ReadTimeout("late", request=ASKED), Exit.UNAVAILABLE, "--url"),
        (httpx.UnsupportedProtocol("no http"), Exit.USAGE, "http://"),
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


def test_a_service_that_is_away_is_named_and_not_mistaken_for_the_database() -> None:
    error = httpx.ConnectError("refused", request=ASKED)
    error.__cause__ = ConnectionRefusedError(errno.ECONNREFUSED, "refused")
    problem = explain(error)
    assert problem is not None
    assert problem.message == "Nothing answers at http://127.0.0.1:8101."


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        (
            {"code": "forbidden", "detail": "This is for: officer", "remedy": "Sign in with an identity that may"},
            "This is for: officer. Sign in with an identity that may.",
        ),
        (
            {
                "code": "invalid",
                "detail": "See each entry of errors",
                "errors": [
                    {"pointer": "#/year", "message": "Should be a whole number"},
                    {"pointer": "#/account", "message": "Should be 'paid' or 'lapsed'"},
                ],
                "remedy": "Correct what errors names and send it again",
            },
            "year: Should be a whole number; account: Should be 'paid' or 'lapsed'. Correct what is named.",
        ),
        ({}, "Issuance answered 403. "),
    ],
)
def test_what_a_service_says_is_told_in_sentences(said: dict[str, object], heard: str) -> None:
    with pytest.raises(CommandProblem) as problem:
        told(httpx.Response(403, json=said), "Issuance")
    assert str(problem.value) == heard
