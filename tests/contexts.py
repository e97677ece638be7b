"""Databases of contexts for tests: migrated, with their role, and gone afterwards."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
from pydantic import SecretStr

from shared.settings import Settings
from shared.store.migrate import migrate


@asynccontextmanager
async def fresh_contexts(
    postgres_url: str, *contexts: str, location: Path | None = None, kafka_bootstrap: str = "127.0.0.1:9092"
) -> AsyncIterator[Settings]:
    """Migrate the databases of some contexts under a prefix of their own, and drop them and their roles afterwards."""
    settings = Settings(
        env="dev",
        postgres_url=SecretStr(postgres_url),
        database_prefix=f"t_{secrets.token_hex(6)}",
        topic_prefix=f"t-{secrets.token_hex(6)}",
        kafka_bootstrap=kafka_bootstrap,
    )
    try:
        for context in contexts:
            await migrate(settings, context, location)
        yield settings
    finally:
        await drop_contexts(settings, *contexts)


async def drop_contexts(settings: Settings, *contexts: str) -> None:
    """Drop databases and roles, whoever is connected to them."""
    admin = await asyncpg.connect(f"{settings.postgres_url.get_secret_value()}/postgres", timeout=10)
    try:
        for context in contexts:
            name = settings.database_name(context)
            await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            await admin.execute(f'DROP ROLE IF EXISTS "{name}"')
    finally:
        await admin.close()
