"""Whether every key of a claim has the one answer it was given, and every claim the one key."""

from collections.abc import AsyncIterator

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.audit import Breach, Check, Count
from shared.store.audit import rights_beyond_adding

_ANSWERS = sa.text(
    """
    SELECT k.name, k.position, k.status,
        CASE WHEN k.position IS NOT NULL THEN convert_from(k.body, 'UTF8')::jsonb->>'voucher_id' END AS told,
        e.data->>'voucher_id' AS voucher_id, lag(k.position) OVER (ORDER BY k.position) AS before
    FROM kept_claims k
    LEFT JOIN events e ON e.position = k.position AND e.type = 'cxq.issuance.voucher-claimed.v1'
    WHERE k.position IS NOT NULL OR k.status >= 500 ORDER BY k.position, k.name
    """
)


async def answers_are_true(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """See that every key that stands for a granted claim has its fact in the log, and shares it with no other key."""
    for row in (await connection.execute(_ANSWERS)).all():
        count.checked += 1
        where = f"kept claim {row.name}"
        if row.position is None:
            yield Breach(where=where, found=f"has a failure for an answer: {row.status}")
            continue
        if row.voucher_id is None:
            yield Breach(where=where, found=f"stands for position {row.position}, where no voucher was claimed")
        elif row.told is not None and row.told != row.voucher_id:
            yield Breach(where=where, found=f"was told {row.told}, and stands for {row.voucher_id}")
        if row.position == row.before:
            yield Breach(where=where, found=f"stands for position {row.position}, as another key does")
    async for breach in rights_beyond_adding(connection, "kept_claims"):
        yield breach


# Counted together rather than joined: no plan of this can compare every voucher with every answer.
_UNANSWERED = sa.text(
    """
    SELECT max(position) AS position, stream, sum(answers) AS answers
    FROM (
        SELECT position, stream, 0 AS answers FROM events WHERE type = 'cxq.issuance.voucher-claimed.v1'
        UNION ALL
        SELECT NULL, e.stream, 1 FROM kept_claims k JOIN events e ON e.position = k.position
        UNION ALL
        SELECT NULL, 'voucher-' || (data->>'voucher_id'), 1 FROM events WHERE type = 'cxq.issuance.entry-served.v1'
    ) AS told
    GROUP BY stream HAVING max(position) IS NOT NULL ORDER BY 1
    """
)


async def claims_have_one_answer(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """See that every voucher in the log was answered under one key, or is one entry's: a retry has found it."""
    for row in (await connection.execute(_UNANSWERED)).all():
        count.checked += 1
        if row.answers != 1:
            yield Breach(where=f"position {row.position}, {row.stream}", found=f"answered under {row.answers} keys")


ANSWER_CHECKS = (
    Check(id="K2", promise="one key, one effect, one answer", look=answers_are_true),
    Check(id="K3", promise="an unknown outcome plus a retry never issues twice", look=claims_have_one_answer),
)
"""Spliced into the checks of issuance."""
