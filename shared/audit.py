"""The audit: every invariant checked on a live system, each breach named with its place."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

BREACHES_SHOWN_MAX = 20
"""How many breaches of one check are kept; all are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """One thing that is not as promised: where (a position, a stream, a row) and what was found."""

    where: str
    found: str


@dataclass(slots=True)
class Count:
    """How many things a check has looked at, and what it has to say besides (a lag, a number of parked events)."""

    checked: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """An invariant of a context's database: `id` as docs/audit.md lists it, `promise` in one line.

    `look` reads one consistent snapshot (repeatable read), counts what it looked at and yields every breach.
    """

    id: str
    promise: str
    look: Callable[[AsyncConnection, Count], AsyncIterator[Breach]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossCheck:
    """An invariant between contexts; `look` gets a snapshot of each, by name.

    The snapshots are taken one after the other in the order of `contexts`: name first those that answer the others, so
    that a fact which is on its way is missing nowhere it must already be.
    """

    id: str
    promise: str
    contexts: tuple[str, ...]
    look: Callable[[Mapping[str, AsyncConnection], Count], AsyncIterator[Breach]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What came of a check in a context (`contracts`, or `contracts+redemption`): how much it looked at, what it found.

    `breaches` are the first twenty of `breached`.
    """

    context: str
    id: str
    promise: str
    checked: int
    breached: int
    breaches: tuple[Breach, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What an audit found, a finding for each check of each context, in their order."""

    findings: tuple[Finding, ...]

    @property
    def clean(self) -> bool:
        """Whether everything is as promised; `cxq audit` exits 1 otherwise."""
        return not any(finding.breached for finding in self.findings)


@asynccontextmanager
async def snapshot(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Open a connection that sees the database as it is now, whatever happens meanwhile, and can change nothing."""
    async with engine.connect() as connection:
        await connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        await connection.execute(sa.text("SELECT 1 FROM log_head"))
        yield connection


async def examine(connection: AsyncConnection, context: str, checks: Sequence[Check]) -> list[Finding]:
    """Carry out a context's checks on its snapshot; one that breaks down is a breach, and the others go on."""
    findings = []
    for check in checks:
        count = Count()
        async with connection.begin_nested() as savepoint:
            findings.append(await _finding(context, check, check.look(connection, count), count))
            await savepoint.rollback()
    return findings


async def examine_across(connections: Mapping[str, AsyncConnection], checks: Sequence[CrossCheck]) -> list[Finding]:
    """Carry out the checks between contexts on their snapshots; where one is missing, the check is breached."""
    findings = []
    for check in checks:
        count = Count()
        chosen = {context: connections[context] for context in check.contexts if context in connections}
        missing = [context for context in check.contexts if context not in connections]
        breaches = _cannot_look(missing) if missing else check.look(chosen, count)
        findings.append(await _finding("+".join(check.contexts), check, breaches, count))
    return findings


async def _cannot_look(missing: Sequence[str]) -> AsyncIterator[Breach]:
    for context in missing:
        yield Breach(where=context, found="cannot be looked at")


async def _finding(context: str, check: Check | CrossCheck, breaches: AsyncIterator[Breach], count: Count) -> Finding:
    kept: list[Breach] = []
    breached = 0
    try:
        async for breach in breaches:
            breached += 1
            if len(kept) < BREACHES_SHOWN_MAX:
                kept.append(breach)
    except Exception as error:  # noqa: BLE001 (an audit that could not look has not found everything in order)
        breached += 1
        kept.append(Breach(where="the check itself", found=f"{type(error).__name__}: {error}"))
    return Finding(
        context=context,
        id=check.id,
        promise=check.promise,
        checked=count.checked,
        breached=breached,
        breaches=tuple(kept),
        notes=tuple(count.notes),
    )
