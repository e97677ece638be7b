"""Every wait of a service connection has an end."""

import asyncio

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.store.execution import StoreBusyError, classified, sqlstate


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("statement_timeout", "2s"),
        ("lock_timeout", "800ms"),
        ("idle_in_transaction_session_timeout", "1s"),
        ("tcp_user_timeout", "5000"),
        ("timezone", "UTC"),
        ("transaction_isolation", "read committed"),
        ("synchronous_commit", "on"),
    ],
)
async def test_a_service_connection_has_this_setting(engine: AsyncEngine, setting: str, value: str) -> None:
    async with engine.connect() as connection:
        found = (await connection.execute(sa.text("SELECT current_setting(:name)"), {"name": setting})).scalar_one()
    assert found == value


async def test_an_endless_statement_ends_and_counts_as_busy(engine: AsyncEngine) -> None:
    with pytest.raises(DBAPIError) as ended:
        async with engine.begin() as connection:
            await connection.execute(sa.text("SELECT pg_sleep(30)"))
    assert sqlstate(ended.value) == "57014"
    assert isinstance(classified(ended.value), StoreBusyError)


async def test_a_service_that_forgets_its_transaction_loses_it_and_its_locks(
    engine: AsyncEngine, owner: AsyncEngine
) -> None:
    async with engine.connect() as forgetful:
        await forgetful.execute(sa.text("SELECT 1 FROM log_head FOR UPDATE"))
        async with asyncio.timeout(5), owner.begin() as other:
            await other.execute(sa.text("SELECT 1 FROM log_head FOR UPDATE"))
        with pytest.raises(DBAPIError) as ended:
            await forgetful.execute(sa.text("SELECT 1"))
        assert isinstance(classified(ended.value), StoreBusyError)


async def test_a_mistake_in_a_statement_is_a_mistake_not_a_busy_database(engine: AsyncEngine) -> None:
    with pytest.raises(DBAPIError) as mistake:
        async with engine.begin() as connection:
            await connection.execute(sa.text("SELECT nonsense"))
    assert classified(mistake.value) is mistake.value
