"""What must always hold of periods: who approved them, by which rules, and who may still claim in them."""

from collections.abc import AsyncIterator
from datetime import date

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.audit import Breach, Check, Count
from shared.measures.looking_back import rules_of
from shared.store.rules import announced

_PLANNING = (
    "('cxq.issuance.period-proposed.v1', 'cxq.issuance.period-proposed.v2', 'cxq.issuance.period-plan-changed.v1')"
)
"""The facts that carry a plan."""

APPROVED_PLANS = f"""
    approvals AS (
        SELECT stream, max(version) AS version FROM events WHERE type = 'cxq.issuance.period-approved.v1' GROUP BY 1
    ), plans AS (
        SELECT DISTINCT ON (e.stream) e.stream, e.data FROM approvals a
        JOIN events e ON e.stream = a.stream AND e.version < a.version AND e.type IN {_PLANNING}
        ORDER BY e.stream, e.version DESC
    )
"""
"""The plan of each period as it was approved last: what its claims are granted by. For use after WITH."""

_GATES = sa.text(
    """
    WITH facts AS (
        SELECT stream, split_part(type, '.', 3) AS fact, version FROM events WHERE type LIKE 'cxq.issuance.period-%'
    )
    SELECT a.stream, q.closed, q.paused,
        (SELECT fact FROM facts f WHERE f.stream = a.stream
            AND fact IN ('period-approved', 'period-plan-changed', 'period-withdrawn', 'period-closed')
            ORDER BY version DESC LIMIT 1) <> 'period-approved' AS told_closed,
        coalesce((SELECT fact FROM facts f WHERE f.stream = a.stream AND fact IN ('period-paused', 'period-resumed')
            ORDER BY version DESC LIMIT 1) = 'period-paused', false) AS told_paused
    FROM (SELECT DISTINCT stream FROM facts WHERE fact = 'period-approved') a
    LEFT JOIN quotas q ON 'period-' || q.period_id = a.stream
    ORDER BY 1
    """
)


async def gates_are_as_the_log_says(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Hold the row that claims take from against what was decided about its period."""
    for row in (await connection.execute(_GATES)).all():
        count.checked += 1
        told, kept = (row.told_closed, row.told_paused), (row.closed, row.paused)
        if told != kept:
            yield Breach(where=row.stream, found=f"closed, paused: the log says {told}, the row {kept}")


_APPROVALS = sa.text(
    f"""
    SELECT a.position, a.stream, a.data->>'approved_by' AS approved_by,
        (SELECT array_agg(coalesce(p.data->>'proposed_by', p.data->>'changed_by')) FROM events p
            WHERE p.stream = a.stream AND p.version < a.version AND p.type IN {_PLANNING}) AS authors
    FROM events a WHERE a.type = 'cxq.issuance.period-approved.v1' ORDER BY 1
    """
)


async def plans_had_four_eyes(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """See that nobody has approved a plan in which they had a hand."""
    for row in (await connection.execute(_APPROVALS)).all():
        count.checked += 1
        if row.approved_by is None or row.approved_by in (row.authors or [row.approved_by]):
            yield Breach(where=f"position {row.position}, {row.stream}", found=f"approved by {row.approved_by} alone")


_SETTINGS = sa.text(
    f"""
    SELECT position, stream, data->>'pack' AS pack, (data->>'on')::date AS day,
        (data->>'face_value_max')::bigint AS face_value_max, (data->>'registration_days')::integer AS registration_days,
        (data->>'validity_months')::integer AS validity_months
    FROM events WHERE type IN {_PLANNING} ORDER BY 1
    """
)


async def plans_are_within_the_measures(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Hold every plan against the rules of its day: it may be stricter, never looser."""
    changes = await announced(connection)
    for row in (await connection.execute(_SETTINGS)).all():
        count.checked += 1
        day: date = row.day
        measures = rules_of(row.pack, day, changes).on(day).voucher
        for setting in ("face_value_max", "registration_days", "validity_months"):
            asked, limit = getattr(row, setting), getattr(measures, setting)
            if not 0 < asked <= limit:
                found = f"{setting} is {asked}, the measures say {limit} at most"
                yield Breach(where=f"position {row.position}, {row.stream}", found=found)


PERIOD_CHECKS = (
    Check(id="G1", promise="a period takes claims exactly while its log says so", look=gates_are_as_the_log_says),
    Check(id="G2", promise="nobody approves a plan in which they had a hand", look=plans_had_four_eyes),
    Check(id="G3", promise="no plan is looser than the measures of its day", look=plans_are_within_the_measures),
)
