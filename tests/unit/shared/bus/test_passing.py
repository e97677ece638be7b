"""Trouble that passes is told from an event that cannot be applied, also where the driver speaks for itself."""

import asyncpg
import pytest
from asyncpg.exceptions import _base

from shared.bus.subscription import is_passing


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.LockNotAvailableError("busy"),
        asyncpg.QueryCanceledError("too slow"),
        asyncpg.DeadlockDetectedError("crossed"),
        asyncpg.ConnectionDoesNotExistError("gone"),
        asyncpg.InterfaceError("the connection is closed"),
        TimeoutError(),
    ],
)
def test_a_database_that_is_away_or_busy_is_not_the_events_fault(error: Exception) -> None:
    assert is_passing(error)


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.CheckViolationError("less than nothing"),
        asyncpg.UniqueViolationError("twice"),
        asyncpg.NumericValueOutOfRangeError("too much"),
        _base.DataError("not a date"),
        ValueError("no good"),
    ],
)
def test_a_value_that_the_database_does_not_take_is(error: Exception) -> None:
    assert not is_passing(error)
