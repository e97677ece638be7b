"""Separated duties of the commission's and the voucher office's users: who is appointed to what (art. 18).

The registry tells who was appointed, by two others, to which duties between which days. A duty that somebody has today
is nobody else's. While nobody has it, the role in the token is enough: so the office can begin to appoint.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert

from shared.bus.reactions import Reactions
from shared.events.definition import Recorded
from shared.events.registry.office import Duty, OfficeUserAppointed, OfficeUserEnded
from shared.kernel.refusal import refuse
from shared.store.transaction import Transaction


def appointed_users(metadata: sa.MetaData) -> sa.Table:
    """Describe the copy in a context's own database: who is appointed to which duties between which days, inclusive."""
    return sa.Table(
        "appointed_users",
        metadata,
        sa.Column("office_user_id", sa.Text, primary_key=True),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("duties", ARRAY(sa.Text), nullable=False),
        sa.Column("valid_from", sa.Date, nullable=False),
        sa.Column("valid_until", sa.Date),
    )


def following_appointments(table: sa.Table) -> Reactions:
    """Give the reactions that keep a context's copy up to date, for its `REACTIONS`."""

    async def appoint(tx: Transaction, event: Recorded[OfficeUserAppointed]) -> None:
        fact = event.data
        statement = insert(table).values(
            office_user_id=fact.office_user_id,
            principal=fact.principal,
            duties=list(fact.duties),
            valid_from=fact.valid_from,
            valid_until=fact.valid_until,
        )
        await tx.connection.execute(statement.on_conflict_do_nothing())

    async def end(tx: Transaction, event: Recorded[OfficeUserEnded]) -> None:
        ended = table.c.office_user_id == event.data.office_user_id
        await tx.connection.execute(sa.delete(table).where(ended))

    return {OfficeUserAppointed: appoint, OfficeUserEnded: end}


@dataclass(frozen=True, slots=True, kw_only=True)
class SeparatedDuties:
    """Which duty each operation of the office needs, by operationId, and the copy that says who has it."""

    appointed: sa.Table
    of_operations: Mapping[str, Duty]

    async def check(self, tx: Transaction, operation: str, principal: str) -> None:
        """Refuse a principal who lacks the operation's duty where somebody has it today (`duty-missing`)."""
        duty = self.of_operations.get(operation)
        if duty is not None and await self._is_anothers(tx, duty, principal):
            raise refuse("duty-missing", article="18", value=principal, limit=duty)

    async def _is_anothers(self, tx: Transaction, duty: Duty, principal: str) -> bool:
        table = self.appointed
        found = await tx.connection.execute(
            sa.select(sa.func.bool_or(table.c.principal == principal)).where(
                table.c.duties.contains([duty]),
                table.c.valid_from <= tx.today,
                table.c.valid_until.is_(None) | (table.c.valid_until >= tx.today),
            )
        )
        return found.scalar_one() is False
