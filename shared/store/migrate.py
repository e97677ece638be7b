"""Create a context's database, its role and its tables; safe to run twice and by two at once."""

from pathlib import Path

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database import create_owner_engine
from shared.settings import Settings

_MIGRATING = 0x637871  # "cxq": the advisory lock that lets one process migrate at a time
_KERNEL = Path(__file__).parent / "migrations"


async def migrate(settings: Settings, context: str, location: Path | None = None) -> list[str]:
    """Bring a context's database to the newest schema and say which revisions ran.

    `location` is the context's own migrations folder; the kernel's come first.
    """
    await _create_database(settings, context)
    role = settings.database_name(context)
    engine = create_owner_engine(settings.owner_url(context), application_name="cxq-migrate")
    try:
        async with engine.begin() as connection:
            await connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATING})
            await _default_grants(connection, role)
            done = await connection.run_sync(_upgrade, _KERNEL, "kernel_revision")
            if location is not None:
                done += await connection.run_sync(_upgrade, location, "revision")
            await _log_grants(connection, role)
    finally:
        await engine.dispose()
    return done


async def _create_database(settings: Settings, context: str) -> None:
    name = settings.database_name(context)
    admin = create_owner_engine(f"{settings.postgres_url.get_secret_value().rstrip('/')}/postgres")
    try:
        async with admin.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            await connection.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": _MIGRATING})
            roles = sa.text("SELECT 1 FROM pg_roles WHERE rolname = :name")
            if (await connection.execute(roles, {"name": name})).first() is None:
                await connection.execute(sa.text(f'CREATE ROLE "{name}" LOGIN'))
            quoted = (
                await connection.execute(sa.text("SELECT quote_literal(:p)"), {"p": settings.role_password()})
            ).scalar_one()
            await connection.execute(sa.text(f'ALTER ROLE "{name}" PASSWORD {quoted}'.replace(":", "\\:")))
            databases = sa.text("SELECT 1 FROM pg_database WHERE datname = :name")
            if (await connection.execute(databases, {"name": name})).first() is None:
                await connection.execute(sa.text(f'CREATE DATABASE "{name}"'))
            await connection.execute(sa.text(f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC'))
            await connection.execute(sa.text(f'GRANT CONNECT ON DATABASE "{name}" TO "{name}"'))
    finally:
        await admin.dispose()


async def _default_grants(connection: AsyncConnection, role: str) -> None:
    await connection.execute(
        sa.text(f'ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "{role}"')
    )
    await connection.execute(sa.text(f'ALTER DEFAULT PRIVILEGES GRANT USAGE ON SEQUENCES TO "{role}"'))


async def _log_grants(connection: AsyncConnection, role: str) -> None:
    await connection.execute(sa.text(f'REVOKE UPDATE, DELETE, TRUNCATE ON events FROM "{role}"'))
    await connection.execute(sa.text(f'REVOKE INSERT, DELETE, TRUNCATE ON log_head FROM "{role}"'))
    await connection.execute(sa.text(f'REVOKE UPDATE, DELETE, TRUNCATE ON idempotency FROM "{role}"'))
    for table in ("kernel_revision", "revision"):
        if (await connection.execute(sa.text("SELECT to_regclass(:name)"), {"name": table})).scalar_one() is not None:
            await connection.execute(sa.text(f'REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {table} FROM "{role}"'))


def _upgrade(connection: sa.Connection, location: Path, version_table: str) -> list[str]:
    script = ScriptDirectory(str(location))
    done: list[str] = []

    def steps(current: object, _context: MigrationContext) -> list[object]:
        found = script._upgrade_revs("heads", current)  # type: ignore[arg-type]  # noqa: SLF001 (alembic's own commands do the same)
        done.extend(f"{location.parent.name}:{step.revision.revision}" for step in found)
        return list(found)

    migration = MigrationContext.configure(
        connection, opts={"fn": steps, "version_table": version_table, "transactional_ddl": True}
    )
    with Operations.context(migration):
        migration.run_migrations()
    return done
