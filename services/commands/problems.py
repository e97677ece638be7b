"""What can go wrong with a command, as one sentence, what to do about it, and an exit code that says which kind it was.

Errors are recognised by where their class is defined, so that nothing is imported that the command did not need.
"""

import errno
from collections.abc import Iterator
from enum import IntEnum
from typing import Any


class Exit(IntEnum):
    """What the exit codes mean."""

    FAILED = 1
    """The answer is no: a breach, a step that failed, a file that is not up to date."""
    USAGE = 2
    """The command was written wrongly."""
    UNAVAILABLE = 3
    """Something that it needs does not answer or is taken."""
    MISCONFIGURED = 4
    """A setting is missing, wrong, or forbids it."""
    UNEXPECTED = 70
    """A fault of ours."""
    INTERRUPTED = 130
    """Ended by Ctrl-C."""


class CommandProblem(Exception):  # noqa: N818 (it is shown to people, who have a problem rather than an error)
    """A command cannot go on; `message` says why in one sentence, `remedy` what to do about it."""

    def __init__(self, message: str, remedy: str, exit_code: Exit = Exit.FAILED) -> None:
        super().__init__(f"{message} {remedy}")
        self.message, self.remedy, self.exit_code = message, remedy, exit_code


_NOT_MIGRATED = {"InvalidCatalogNameError", "UndefinedTableError", "InvalidAuthorizationSpecificationError"}
_START = "Start the servers with `make run`, or say where they are in {name}."


def explain(error: BaseException) -> CommandProblem | None:
    """Turn an error that a user can do something about into a problem; None for one that is our own fault."""
    for each in _chain(error):
        if isinstance(each, CommandProblem):
            return each
        found = _explain_system(each) if isinstance(each, OSError) else _explain_foreign(each)
        if found is not None:
            return found
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Walk from an error to what caused it; SQLAlchemy keeps the driver's error in `orig`."""
    current: BaseException | None = error
    for _ in range(10):
        if current is None:
            return
        yield current
        inner = current.exceptions[0] if isinstance(current, BaseExceptionGroup) else None
        current = inner or getattr(current, "orig", None) or current.__cause__ or current.__context__


def _explain_foreign(error: BaseException) -> CommandProblem | None:
    home, name = type(error).__module__.partition(".")[0], type(error).__name__
    match home, name:
        case "asyncpg" | "httpx", _:
            return _explain_postgres(error, name) if home == "asyncpg" else _explain_service(error, name)
        case "aiokafka", "KafkaConnectionError" | "NodeNotReadyError" | "KafkaTimeoutError":
            return _unavailable("Kafka does not answer", "CXQ_KAFKA_BOOTSTRAP")
        case "alembic", _ if "locate revision" in str(error):
            return CommandProblem(
                "The kept data was made by a newer version of this project.",
                "Use that version, or forget the data with `make clean`.",
                Exit.UNAVAILABLE,
            )
        case ("deploy", "ServerProblem") | ("shared", "RuleFileError" | "UnknownPackError"):
            return _explain_ours(error, name)
        case _, "ValidationError" if getattr(error, "title", "") == "Settings":
            return _misconfigured(error)
        case _:
            return None


def _explain_service(error: BaseException, name: str) -> CommandProblem | None:
    """Explain an error of httpx, which only commands meet that ask a service."""
    if name in {"UnsupportedProtocol", "InvalidURL"}:
        return CommandProblem("That is no address of a service.", "Write it as http://127.0.0.1:8101.", Exit.USAGE)
    try:
        address = error.request.url  # type: ignore[attr-defined]
    except (AttributeError, RuntimeError):  # it is about no request
        return None
    return CommandProblem(
        f"Nothing answers at {address.scheme}://{address.netloc.decode()}.",
        "Start it with `make run`, or say where it is with --url.",
        Exit.UNAVAILABLE,
    )


def _explain_system(error: OSError) -> CommandProblem | None:
    if isinstance(error, PermissionError) and error.errno is None:
        # Raised by what refuses to exist outside development.
        return CommandProblem(f"Not here: {error}.", "Use a development machine.", Exit.MISCONFIGURED)
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return CommandProblem("The disk is full.", "Free some space, then try again.", Exit.UNAVAILABLE)
    if isinstance(error, ConnectionError | TimeoutError) or "Multiple exceptions" in str(error):
        return _unavailable("PostgreSQL does not answer", "CXQ_POSTGRES_URL")
    return None


def _explain_ours(error: BaseException, name: str) -> CommandProblem:
    if name == "ServerProblem":
        return CommandProblem(getattr(error, "message", ""), getattr(error, "remedy", ""), Exit.UNAVAILABLE)
    if name == "RuleFileError":
        return CommandProblem(f"A rule file is wrong: {error}.", "Correct the line it names.", Exit.MISCONFIGURED)
    return CommandProblem(
        f"The rules are not there: {error}.",
        "Check the name (CXQ_MEASURES_PACK) and where the packs are (CXQ_MEASURES_DIR).",
        Exit.MISCONFIGURED,
    )


def _unavailable(what: str, variable: str) -> CommandProblem:
    return CommandProblem(f"{what}.", _START.format(name=variable), Exit.UNAVAILABLE)


def _explain_postgres(error: BaseException, name: str) -> CommandProblem | None:
    if name in _NOT_MIGRATED:
        return CommandProblem(
            f"The databases are not there yet ({error}).", "Make them with `cxq migrate`.", Exit.UNAVAILABLE
        )
    if name == "InvalidPasswordError":
        return CommandProblem(
            f"PostgreSQL does not let us in ({error}).",
            "Check CXQ_POSTGRES_URL and CXQ_APP_PASSWORD.",
            Exit.MISCONFIGURED,
        )
    if name in {"CannotConnectNowError", "TooManyConnectionsError", "ConnectionDoesNotExistError"}:
        return _unavailable(f"PostgreSQL does not answer ({error})", "CXQ_POSTGRES_URL")
    return None


def _misconfigured(error: Any) -> CommandProblem:
    complaints = []
    for each in error.errors(include_url=False, include_input=False):
        setting = "".join(f"CXQ_{part}".upper() for part in each["loc"][:1])
        said = str(each["msg"]).removeprefix("Value error, ")
        complaints.append(f"{setting}: {said}" if setting else said)
    return CommandProblem(
        f"The settings are not right: {'; '.join(complaints)}.",
        "On a development machine, `make run` makes them.",
        Exit.MISCONFIGURED,
    )
