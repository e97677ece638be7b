"""A database is migrated once, however often and by however many it is asked for."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

from shared.settings import Settings
from shared.store import migrate as migrate_module
from shared.store.migrate import migrate
from tests.contexts import drop_contexts, fresh_contexts

_FOLDER = Path(migrate_module.__file__).parent / "migrations" / "versions"
REVISIONS = [f"store:{file.name[:4]}" for file in sorted(_FOLDER.glob("0*.py"))]


@pytest.fixture
async def unmigrated(postgres_url: str) -> AsyncIterator[Settings]:
    """A prefix under which nothing exists yet, and a password that needs care in SQL and in URLs."""
    async with fresh_contexts(postgres_url) as settings:
        careful = settings.model_copy(update={"app_password": SecretStr("it's:a/p@ss%20 \\word?#")})
        yield careful
        await drop_contexts(careful, "registry")


async def test_the_second_migration_finds_nothing_to_do(unmigrated: Settings) -> None:
    assert await migrate(unmigrated, "registry") == REVISIONS
    assert await migrate(unmigrated, "registry") == []


async def test_of_those_who_migrate_at_once_one_does_it(unmigrated: Settings) -> None:
    done = await asyncio.gather(*(migrate(unmigrated, "registry") for _ in range(6)))
    assert sorted(len(revisions) for revisions in done) == [0, 0, 0, 0, 0, len(REVISIONS)]


async def test_the_services_role_gets_in_with_its_password_and_only_to_its_own_database(
    unmigrated: Settings, settings: Settings
) -> None:
    await migrate(unmigrated, "registry")
    inside = await asyncpg.connect(unmigrated.application_url("registry"))
    assert await inside.fetchval("SELECT position FROM log_head") == 0
    await inside.close()
    elsewhere = unmigrated.application_url("registry").rpartition("/")[0] + "/" + settings.database_name("contracts")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(elsewhere)


async def test_a_changed_password_takes_effect_with_the_next_migration(unmigrated: Settings) -> None:
    await migrate(unmigrated, "registry")
    before = await _stored_password(unmigrated)
    await migrate(unmigrated.model_copy(update={"app_password": SecretStr("another")}), "registry")
    assert await _stored_password(unmigrated) != before


async def _stored_password(settings: Settings) -> str:
    """Read the password's hash, because a server that trusts its own machine lets everybody in."""
    admin = await asyncpg.connect(f"{settings.postgres_url.get_secret_value()}/postgres")
    try:
        return str(
            await admin.fetchval(
                "SELECT rolpassword FROM pg_authid WHERE rolname = $1", settings.database_name("registry")
            )
        )
    finally:
        await admin.close()
