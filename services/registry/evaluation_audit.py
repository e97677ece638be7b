"""What must always hold of the evaluations of service agencies (faq 5)."""

from collections.abc import AsyncIterator

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registry.domain.profile import digest_of
from shared.audit import Breach, Check, Count

_EVALUATED = sa.text(
    """
    WITH done AS (
        SELECT e.position, e.stream, e.data->>'agency_id' AS agency_id, (e.data->>'year')::int AS year,
            e.data->'figures' AS figures, e.data->>'assessment_digest' AS digest, e.data->>'proposed_by' AS proposed_by,
            e.data->>'approved_by' AS approved_by
        FROM events e WHERE e.type = 'cxq.registry.agency-evaluated.v1'
    ), stays AS (
        SELECT n.data->>'through' AS agency_id, n.stream, (n.data->>'on')::date AS entered_on,
            (SELECT min((l.data->>'on')::date) FROM events l WHERE l.stream = n.stream AND l.version > n.version
                AND l.type = 'cxq.registry.laboratory-left.v1') AS left_on
        FROM events n WHERE n.type = 'cxq.registry.laboratory-entered.v1'
    ), held AS (
        SELECT a.data->>'agency_id' AS agency_id, a.stream, p.data->>'provider_id' AS provider_id,
            greatest((a.data->>'on')::date, (p.data->>'valid_from')::date) AS first_day,
            least((p.data->>'valid_until')::date, (x.data->>'on')::date - 1) AS last_day
        FROM events a
        JOIN events p ON p.stream = a.stream AND p.type = 'cxq.registry.delegation-proposed.v1'
        LEFT JOIN events x ON x.stream = a.stream AND x.type = 'cxq.registry.delegation-ended.v1'
        WHERE a.type = 'cxq.registry.delegation-accepted.v1'
    )
    SELECT d.*, w.assessment, w.salt,
        (SELECT count(DISTINCT r.stream) FROM events r WHERE r.type = 'cxq.registry.laboratory-reported.v1'
            AND r.data->>'through' = d.agency_id AND extract(year FROM (r.data->>'on')::date) = d.year)
            AS laboratories_reported,
        (SELECT count(DISTINCT s.stream) FROM stays s WHERE s.agency_id = d.agency_id
            AND extract(year FROM s.entered_on) = d.year) AS laboratories_entered,
        (SELECT count(DISTINCT s.stream) FROM stays s WHERE s.agency_id = d.agency_id
            AND s.entered_on <= make_date(d.year, 12, 31)
            AND (s.left_on IS NULL OR s.left_on > make_date(d.year, 12, 31))) AS laboratories_catalogued,
        (SELECT count(*) FROM held h WHERE h.agency_id = d.agency_id AND h.first_day <= h.last_day
            AND h.first_day <= make_date(d.year, 12, 31) AND h.last_day >= make_date(d.year, 1, 1)) AS delegations,
        (SELECT count(DISTINCT h.provider_id) FROM held h WHERE h.agency_id = d.agency_id AND h.first_day <= h.last_day
            AND h.first_day <= make_date(d.year, 12, 31) AND h.last_day >= make_date(d.year, 1, 1)) AS providers,
        count(*) OVER (PARTITION BY d.stream) AS of_the_year
    FROM done d LEFT JOIN evaluation_words w ON w.agency_id = d.agency_id AND w.year = d.year
    ORDER BY d.position
    """
)
_FIGURES = ("laboratories_reported", "laboratories_entered", "laboratories_catalogued", "delegations", "providers")


async def evaluations_rest_on_the_records(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Count every figure anew from the log, and find two people and the words behind each evaluation."""
    for row in (await connection.execute(_EVALUATED)).all():
        count.checked += 1
        where, whose = f"position {row.position}", f"the evaluation of {row.agency_id} for {row.year}"
        for name in _FIGURES:
            if row.figures[name] != getattr(row, name):
                found = f"{whose} says {name} {row.figures[name]}, the log {getattr(row, name)}"
                yield Breach(where=where, found=found)
        if row.proposed_by == row.approved_by or row.of_the_year > 1:
            yield Breach(where=where, found=f"{whose} was made by one person alone, or twice")
        if row.salt is None or digest_of(row.salt, {"assessment": row.assessment}) != row.digest:
            yield Breach(where=where, found=f"{whose} has other words than those whose digest is in the log")


EVALUATION_CHECKS = (
    Check(
        id="R25",
        promise="every evaluation of a service agency rests on the records, its own words and two people",
        look=evaluations_rest_on_the_records,
    ),
)
