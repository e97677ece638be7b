"""What must always hold of the use and the bookings of facilities, and of delegated duties (art. 9(1), 11)."""

from collections.abc import AsyncIterator

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.audit import Breach, Check, Count

_USAGE = sa.text(
    """
    SELECT coalesce(l.usage_id, u.usage_id) AS usage_id, l.minutes AS said, l.external AS said_external,
        u.minutes, u.external_minutes, u.first_day, u.last_day
    FROM (
        SELECT data->>'usage_id' AS usage_id,
            sum((data->>'minutes')::bigint - coalesce((data->>'minutes_before')::bigint, 0)) AS minutes,
            sum((data->>'external_minutes')::bigint - coalesce((data->>'external_minutes_before')::bigint, 0))
                AS external
        FROM events WHERE type IN ('cxq.registry.usage-recorded.v1', 'cxq.registry.usage-corrected.v1')
        GROUP BY data->>'usage_id'
    ) l FULL JOIN usage_records u ON u.usage_id = l.usage_id
    ORDER BY 1
    """
)
_USAGE_TWICE = sa.text(
    """
    SELECT a.usage_id, b.usage_id AS other FROM usage_records a JOIN usage_records b
        ON a.facility_id = b.facility_id AND a.source = b.source AND a.usage_id < b.usage_id
        AND a.first_day <= b.last_day AND b.first_day <= a.last_day
    ORDER BY 1, 2
    """
)
_BOOKINGS = sa.text(
    """
    SELECT r.data->>'booking_id' AS booking_id, b.stage,
        (r.data->>'starts_at')::timestamptz = b.starts_at AND (r.data->>'ends_at')::timestamptz = b.ends_at AS same,
        b.takes_slot,
        (SELECT CASE e.type WHEN 'cxq.registry.booking-concluded.v1' THEN e.data->>'outcome'
            ELSE substring(e.type FROM 'cxq.registry.booking-(.*).v1') END
            FROM events e WHERE e.stream = r.stream ORDER BY e.version DESC LIMIT 1) AS said
    FROM events r LEFT JOIN bookings b ON b.booking_id = r.data->>'booking_id'
    WHERE r.type = 'cxq.registry.booking-requested.v1' ORDER BY r.position
    """
)
_BOOKED_TWICE = sa.text(
    """
    SELECT a.booking_id, b.booking_id AS other FROM bookings a JOIN bookings b
        ON a.facility_id = b.facility_id AND a.booking_id < b.booking_id AND a.takes_slot AND b.takes_slot
        AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at
    ORDER BY 1, 2
    """
)
_DUTIES = sa.text(
    """
    WITH held AS (
        SELECT p.data->>'delegation_id' AS delegation_id, p.data->>'provider_id' AS provider_id, duty,
            greatest((p.data->>'valid_from')::date, (a.data->>'on')::date) AS first_day,
            least((p.data->>'valid_until')::date, (e.data->>'on')::date - 1) AS last_day
        FROM events p
        JOIN events a ON a.stream = p.stream AND a.type = 'cxq.registry.delegation-accepted.v1'
        LEFT JOIN events e ON e.stream = p.stream AND e.type = 'cxq.registry.delegation-ended.v1'
        CROSS JOIN LATERAL jsonb_array_elements_text(p.data->'duties') AS duty
        WHERE p.type = 'cxq.registry.delegation-proposed.v1'
    )
    SELECT a.delegation_id, a.duty,
        (SELECT min(b.delegation_id) FROM held b WHERE b.provider_id = a.provider_id AND b.duty = a.duty
            AND b.delegation_id > a.delegation_id AND a.first_day <= b.last_day AND b.first_day <= a.last_day) AS other
    FROM held a ORDER BY 1, 2
    """
)
_FREED = {"declined", "lapsed", "cancelled"}


async def usage_is_the_fold_of_the_log(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Add up what was recorded and corrected, and hold it against the figures that are shown."""
    for row in (await connection.execute(_USAGE)).all():
        count.checked += 1
        if (row.said, row.said_external) != (row.minutes, row.external_minutes):
            found = f"it shows {row.minutes} and {row.external_minutes} minutes, the log adds up to"
            yield Breach(where=row.usage_id, found=f"{found} {row.said} and {row.said_external}")
        elif not 0 <= row.external_minutes <= row.minutes <= ((row.last_day - row.first_day).days + 1) * 1_440:
            yield Breach(where=row.usage_id, found="its figures do not fit into its period")
    for row in (await connection.execute(_USAGE_TWICE)).all():
        yield Breach(where=row.usage_id, found=f"its period overlaps that of {row.other}")


async def bookings_stand_as_the_log_says(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Hold each booking against its facts, and look for a slot that two have."""
    for row in (await connection.execute(_BOOKINGS)).all():
        count.checked += 1
        if row.stage != row.said or not row.same:
            yield Breach(where=row.booking_id, found=f"it stands as {row.stage}, the log says {row.said}")
        elif row.takes_slot != (row.said not in _FREED):
            yield Breach(where=row.booking_id, found=f"it is {row.said}, but its slot is not as that asks")
    for row in (await connection.execute(_BOOKED_TWICE)).all():
        yield Breach(where=row.booking_id, found=f"its slot is also that of {row.other}")


async def duties_are_in_one_hand(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Look for a duty of a provider that two agencies held on one day."""
    for row in (await connection.execute(_DUTIES)).all():
        count.checked += 1
        if row.other is not None:
            yield Breach(where=row.delegation_id, found=f"{row.duty} is also in the hands of {row.other}")


PROVIDER_CHECKS = (
    Check(
        id="R30",
        promise="the use of facilities that is shown is the sum of what was recorded and corrected, each day once",
        look=usage_is_the_fold_of_the_log,
    ),
    Check(
        id="R31",
        promise="every booking stands as the log says, and no slot is two bookings'",
        look=bookings_stand_as_the_log_says,
    ),
    Check(
        id="R32",
        promise="a duty of a provider is in one agency's hands on any day",
        look=duties_are_in_one_hand,
    ),
)
