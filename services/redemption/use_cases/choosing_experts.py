"""Who could judge a redemption today: who is there, not barred, and has not enough cases already (art. 15(4), 17)."""

from collections.abc import Collection, Sequence
from datetime import date

import sqlalchemy as sa

from services.redemption.tables import experts, sanctions, seats
from shared.procedures.panels import Candidate
from shared.store.transaction import Transaction

_ONE_AT_A_TIME = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('seats', 0))")


async def candidates_for(tx: Transaction, redemption_id: str) -> tuple[Candidate, ...]:
    """Give every expert with what keeps the expert from judging; other draws wait until this transaction ends.

    The seats of an earlier panel of the same redemption do not count.
    """
    await tx.connection.execute(_ONE_AT_A_TIME)
    taken = (
        sa.select(seats.c.expert_id, sa.func.count().label("cases"))
        .where(seats.c.redemption_id != redemption_id)
        .group_by(seats.c.expert_id)
        .subquery()
    )
    cases = sa.func.coalesce(taken.c.cases, 0).label("cases")
    rows = (
        await tx.connection.execute(
            sa.select(experts, cases).outerjoin(taken, taken.c.expert_id == experts.c.expert_id)
        )
    ).all()
    barred = await barred_among(tx, [row.expert_id for row in rows])
    return tuple(
        Candidate(
            expert_id=row.expert_id,
            employer_id=row.employer_id,
            employers=tuple(row.employers),
            unavailable=row.expert_id in barred
            or _is_away(row.absences, tx.today)
            or (row.load_max is not None and row.cases >= row.load_max),
        )
        for row in rows
    )


async def barred_among(tx: Transaction, expert_ids: Collection[str]) -> frozenset[str]:
    """Give those of some experts who are disqualified today (art. 17)."""
    found = await tx.connection.execute(
        sa.select(sanctions.c.party_id).where(
            sanctions.c.party_id.in_(expert_ids),
            sanctions.c.measure == "disqualify",
            sanctions.c.until.is_(None) | (sanctions.c.until >= tx.today),
        )
    )
    return frozenset(found.scalars())


def _is_away(absences: Sequence[Sequence[str]], day: date) -> bool:
    """Tell whether a day is in one of some absences, both of whose days are included."""
    return any(date.fromisoformat(first) <= day <= date.fromisoformat(last) for first, last in absences)
