"""Connections to PostgreSQL, with a limit on every wait."""

from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

LIMITS = {
    "timezone": "UTC",
    "statement_timeout": "2000",
    "lock_timeout": "800",
    "idle_in_transaction_session_timeout": "1000",
    "tcp_user_timeout": "5000",
}
"""Session settings of every service connection, in milliseconds (see docs/architecture.md, time limits)."""

NAMES = {
    "pk": "%(table_name)s_pkey",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
}


def metadata() -> MetaData:
    """Start the description of a database whose constraints have predictable names."""
    return MetaData(naming_convention=NAMES)


def create_engine(url: str, *, pool_size: int = 8, application_name: str = "cxq") -> AsyncEngine:
    """Open a pool on `postgresql://…`; waiting for a connection takes one second at most."""
    return create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://", 1),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=1,
        pool_pre_ping=False,
        hide_parameters=True,  # an error says which statement failed; whose data it held is not for the log
        connect_args={"timeout": 4, "server_settings": LIMITS | {"application_name": application_name}},
    )


def create_owner_engine(url: str, *, application_name: str = "cxq-owner") -> AsyncEngine:
    """Open a small pool without statement limits, for migrations, rebuilds and audits."""
    return create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://", 1),
        pool_size=4,
        hide_parameters=True,
        connect_args={
            "timeout": 4,
            "server_settings": {"timezone": "UTC", "application_name": application_name, "lock_timeout": "10000"},
        },
    )
