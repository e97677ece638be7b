"""Deadlines of projects, a clock by hand, and handlers that keep a book of what they did."""

import secrets
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.events.contracts import ProjectConfirmed
from shared.procedures.due import DueHandlers, set_deadline
from shared.procedures.due_list import DueList
from shared.store.transaction import Cause, Transaction, read_log, transaction

NAME = "contracts"
NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@dataclass(slots=True)
class HandClock:
    """A clock that stands still until it is moved."""

    at: datetime = NOON

    def now(self) -> datetime:
        return self.at

    def advance(self, by: timedelta) -> None:
        self.at += by


@dataclass(slots=True)
class Desk:
    """Sets deadlines and works them off."""

    engine: AsyncEngine
    clock: HandClock = field(default_factory=HandClock)
    run: str = field(default_factory=lambda: secrets.token_hex(4))
    """Keeps the streams of tests that share a log apart."""
    commits: int = 0

    def due_list(self, handlers: DueHandlers) -> DueList:
        return DueList(self.engine, NAME, self.clock, None, handlers, self._committed)

    def _committed(self) -> None:
        self.commits += 1

    async def wait_for(self, kind: str, subject: str, due_at: datetime) -> None:
        async with self.transaction() as tx:
            await set_deadline(tx, kind, subject, due_at)

    async def wait_for_many(self, kind: str, number: int) -> None:
        async with self.engine.begin() as connection:
            await connection.execute(
                sa.text(
                    "INSERT INTO deadlines (kind, subject, due_at) SELECT :kind, to_char(n, 'FM000000'),"
                    " CAST(:at AS timestamptz) FROM generate_series(1, :number) n"
                ),
                {"kind": kind, "number": number, "at": NOON},
            )

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        return transaction(self.engine, NAME, self.clock, Cause(actor="test", correlation_id="test"))

    async def lapse(self, tx: Transaction, subject: str) -> None:
        """Write down that a subject came due."""
        tx.append(self.stream(subject), 0, [self.fact(subject)])

    def stream(self, subject: str) -> str:
        return f"project-{self.run}-{subject}"

    def fact(self, subject: str) -> ProjectConfirmed:
        return ProjectConfirmed(
            project_id=subject,
            claimant_id="clm_1",
            provider_id="prv_1",
            confirmed_by="clock",
            on=date(2026, 3, 2),
        )

    async def done(self) -> list[str]:
        """List the subjects in the order in which the log has them."""
        async with self.engine.connect() as connection:
            log = await read_log(connection, NAME, after=0, limit=1_000_000)
        return [event.data.project_id for event in log if event.stream.startswith(f"project-{self.run}-")]

    async def open(self) -> list[sa.Row[Any]]:
        async with self.engine.connect() as connection:
            return list(await connection.execute(sa.text("SELECT * FROM deadlines ORDER BY due_at, subject")))
