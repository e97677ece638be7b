"""What must always hold in issuance, looked up in the log and in the rows that decide, each counted anew."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.issuance.answers_audit import ANSWER_CHECKS
from services.issuance.books_audit import BOOKS_CHECKS
from services.issuance.channel_audit import CHANNEL_CHECKS
from services.issuance.class_audit import CLASS_CHECKS
from services.issuance.day_count import last_day_of_days, last_day_of_months
from services.issuance.deadline_audit import DEADLINE_CHECKS
from services.issuance.deadlines import EXPIRE_UNREGISTERED, FIND_UNREGISTERED, GRACE
from services.issuance.entries_audit import ENTRY_CHECKS
from services.issuance.order_list_audit import ORDER_LIST_CHECKS
from services.issuance.period_audit import APPROVED_PLANS, PERIOD_CHECKS
from services.issuance.receipts.audit import RECEIPT_CHECKS
from services.issuance.waiting_room.audit import WAITING_ROOM_CHECKS
from shared.audit import Breach, Check, Count
from shared.measures.looking_back import rules_of
from shared.procedures.daily import FIRST
from shared.store.rules import announced

_ENDS = (
    "('cxq.issuance.voucher-cancelled.v1', 'cxq.issuance.voucher-expired.v1', 'cxq.issuance.voucher-lapsed.v1',"
    " 'cxq.issuance.voucher-redeemed.v1', 'cxq.issuance.voucher-redeemed.v2')"
)
"""The facts that move money: `paid` is spent, `released` returns to the allowance, the rest stays reserved."""

_PERIODS = sa.text(
    f"""
    WITH {APPROVED_PLANS}, vouchers AS (
        SELECT stream, data->>'period_id' AS period_id, (data->>'amount')::bigint AS amount
        FROM events WHERE type = 'cxq.issuance.voucher-claimed.v1'
    ), moved AS (
        SELECT data->>'period_id' AS period_id,
            count(*) FILTER (WHERE type = 'cxq.issuance.voucher-claimed.v1') AS claims,
            coalesce(sum((data->>'amount')::bigint) FILTER (WHERE type = 'cxq.issuance.voucher-claimed.v1'), 0)
                AS issued,
            coalesce(sum((data->>'paid')::bigint), 0) AS spent,
            coalesce(sum((data->>'released')::bigint) FILTER (WHERE type IN {_ENDS}), 0) AS released,
            coalesce(sum((data->>'amount')::bigint - coalesce((data->>'paid')::bigint, 0))
                FILTER (WHERE type IN {_ENDS} AND (data->>'released')::bigint = 0), 0) AS withheld,
            coalesce(sum((data->>'amount')::bigint) FILTER (WHERE type = 'cxq.issuance.quota-returned.v1'), 0)
                AS returned
        FROM events WHERE data ? 'period_id' GROUP BY 1
    ), outstanding AS (
        SELECT period_id, sum(amount) AS amount FROM vouchers v
        WHERE NOT EXISTS (SELECT FROM events e WHERE e.stream = v.stream AND e.type IN {_ENDS}) GROUP BY 1
    )
    SELECT p.data->>'period_id' AS period_id, (p.data->>'quota')::bigint AS planned,
        q.quota, q.remaining, q.issued AS row_issued, q.returned AS row_returned, q.claims AS row_claims,
        m.claims, m.issued, m.spent, m.released, m.withheld, m.returned, coalesce(o.amount, 0) AS outstanding
    FROM plans p
    JOIN moved m ON m.period_id = p.data->>'period_id'
    LEFT JOIN outstanding o ON o.period_id = p.data->>'period_id'
    LEFT JOIN quotas q ON q.period_id = p.data->>'period_id'
    """
)


async def quota_is_conserved(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Hold each period's row against the log: nothing oversold, nothing lost.

    Withheld is what an end left reserved: the unused money of a voucher returns to the allowance whole or not at all.
    """
    for row in (await connection.execute(_PERIODS)).all():
        count.checked += 1
        where = f"period {row.period_id}"
        if row.quota is None:
            yield Breach(where=where, found="approved, but it has no quota row")
            continue
        told = (row.planned, row.issued, row.returned, row.claims)
        kept = (row.quota, row.row_issued, row.row_returned, row.row_claims)
        if told != kept:
            yield Breach(where=where, found=f"quota, issued, returned, claims: the log says {told}, the row {kept}")
        total = row.remaining + row.outstanding + row.spent + row.released + row.withheld - row.returned
        if row.remaining < 0 or total != row.planned:
            yield Breach(
                where=where,
                found=f"{row.remaining} remaining + {row.outstanding} outstanding + {row.spent} spent + {row.released}"
                f" released + {row.withheld} withheld - {row.returned} returned = {total}, not the quota {row.planned}",
            )


_FACE_VALUES = sa.text(
    f"""
    WITH {APPROVED_PLANS}
    SELECT c.position, (c.data->>'amount')::bigint AS amount, (p.data->>'face_value_max')::bigint AS cap,
        c.data->>'pack' AS pack, (c.data->>'on')::date AS day
    FROM events c LEFT JOIN plans p ON p.stream = 'period-' || (c.data->>'period_id')
    WHERE c.type = 'cxq.issuance.voucher-claimed.v1' ORDER BY c.position
    """
)


async def face_values_are_in_range(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Hold every voucher against the cap of its period, and against that of its day."""
    changes = await announced(connection)
    for row in (await connection.execute(_FACE_VALUES)).all():
        count.checked += 1
        cap = min(row.cap or 0, rules_of(row.pack, row.day, changes).on(row.day).voucher.face_value_max)
        if not 0 < row.amount <= cap:
            yield Breach(where=f"position {row.position}", found=f"face value {row.amount} fen, cap {cap}")


_YEARS = sa.text(
    f"""
    WITH log AS (
        SELECT data->>'claimant_id' AS claimant_id, (data->>'year')::smallint AS year,
            sum(CASE WHEN type = 'cxq.issuance.voucher-claimed.v1' THEN (data->>'amount')::bigint
                ELSE -(data->>'released')::bigint - coalesce((data->>'paid')::bigint, 0) END) AS reserved,
            coalesce(sum((data->>'paid')::bigint), 0) AS spent
        FROM events WHERE type IN {_ENDS} OR type = 'cxq.issuance.voucher-claimed.v1' GROUP BY 1, 2
    )
    SELECT claimant_id, year, log.reserved, log.spent, a.reserved AS row_reserved, a.spent AS row_spent, a.ceiling
    FROM log FULL JOIN allowances a USING (claimant_id, year)
    """
)
_RUNNING = sa.text(
    f"""
    SELECT * FROM (
        SELECT position, type, data->>'claimant_id' AS claimant_id, (data->>'on')::date AS day, data->>'pack' AS pack,
            (data->>'allowance')::bigint AS allowance,
            sum(CASE WHEN type = 'cxq.issuance.voucher-claimed.v1' THEN (data->>'amount')::bigint
                ELSE -(data->>'released')::bigint END)
                OVER (PARTITION BY data->>'claimant_id', data->>'year' ORDER BY position) AS counted
        FROM events WHERE type IN {_ENDS} OR type = 'cxq.issuance.voucher-claimed.v1'
    ) running WHERE type = 'cxq.issuance.voucher-claimed.v1' ORDER BY position
    """
)


async def allowances_hold(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Hold each claimant's year against the log, and every claim against the allowance that it was decided on."""
    for row in (await connection.execute(_YEARS)).all():
        count.checked += 1
        where = f"claimant {row.claimant_id}, year {row.year}"
        told, kept = (row.reserved, row.spent), (row.row_reserved, row.row_spent)
        if told != kept:
            yield Breach(where=where, found=f"reserved, spent: the log says {told}, the row {kept}")
        if row.ceiling is not None and row.row_reserved + row.row_spent > row.ceiling:
            yield Breach(where=where, found=f"{row.row_reserved} + {row.row_spent} exceeds {row.ceiling}")
    changes = await announced(connection)
    for row in (await connection.execute(_RUNNING)).all():
        where = f"position {row.position}"
        if row.counted > row.allowance:
            found = f"the year of {row.claimant_id} came to {row.counted}, allowance {row.allowance}"
            yield Breach(where=where, found=found)
        terms = rules_of(row.pack, row.day, changes).on(row.day).voucher
        known = (terms.annual_allowance_certified, terms.annual_allowance_other)
        if row.allowance not in known:
            found = f"decided on an allowance of {row.allowance}, the rules of {row.day} know {known}"
            yield Breach(where=where, found=found)


_USES = sa.text(
    """
    SELECT position, stream, type, data->>'contract_id' AS contract_id, (data->>'amount')::bigint AS amount,
        (data->>'paid')::bigint AS paid, (data->>'released')::bigint AS released
    FROM events
    WHERE type IN ('cxq.issuance.voucher-committed.v1', 'cxq.issuance.voucher-commitment-released.v1',
        'cxq.issuance.voucher-redeemed.v1', 'cxq.issuance.voucher-redeemed.v2')
    ORDER BY stream, version
    """
)


async def vouchers_pay_once(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Follow every voucher: one contract at a time, one payment, for that contract, of its face value at most."""
    stream, contract, is_paid = "", None, False
    for row in (await connection.execute(_USES)).all():
        if row.stream != stream:
            stream, contract, is_paid = row.stream, None, False
            count.checked += 1
        where = f"position {row.position}, {stream}"
        match row.type:
            case "cxq.issuance.voucher-committed.v1":
                if contract is not None:
                    yield Breach(where=where, found=f"committed to {row.contract_id} while it belongs to {contract}")
                contract = row.contract_id
            case "cxq.issuance.voucher-commitment-released.v1":
                contract = None
            case _:
                if is_paid:
                    yield Breach(where=where, found="paid a second time")
                if row.contract_id != contract:
                    yield Breach(where=where, found=f"paid for {row.contract_id}, committed to {contract}")
                if not 0 <= row.paid <= row.amount or row.released not in {0, row.amount - row.paid}:
                    found = f"paid {row.paid} and released {row.released} of {row.amount}"
                    yield Breach(where=where, found=found)
                is_paid = True


_FIRST = "v.version = 1 AND v.data ? 'register_by'"
"""Finds `v`, the claim that a voucher's stream begins with, by its place: of a type PostgreSQL may believe, from old
statistics, that there are few, and then looks through all of them for each voucher."""
_CLAIMS = sa.text(
    f"""
    WITH {APPROVED_PLANS}
    SELECT c.position, c.stream, (c.data->>'on')::date AS day, (c.data->>'register_by')::date AS last_day,
        (c.data->>'provisional')::boolean AS provisional, (p.data->>'registration_days')::integer AS length,
        least((p.data->>'registration_last_day')::date, (p.data->>'validity_last_day')::date) AS latest,
        c.data->>'pack' AS pack
    FROM events c JOIN plans p ON p.stream = 'period-' || (c.data->>'period_id')
    WHERE c.type = 'cxq.issuance.voucher-claimed.v1' ORDER BY c.position
    """
)
_COMMITMENTS = sa.text(
    f"""
    WITH {APPROVED_PLANS}
    SELECT c.position, c.stream, (c.data->>'on')::date AS day, (c.data->>'valid_until')::date AS last_day,
        (c.data->>'provisional')::boolean AS provisional, (p.data->>'validity_months')::integer AS length,
        (p.data->>'validity_last_day')::date AS latest, v.data->>'pack' AS pack
    FROM events c
    JOIN events v ON v.stream = c.stream AND {_FIRST}
    JOIN plans p ON p.stream = 'period-' || (c.data->>'period_id')
    WHERE c.type = 'cxq.issuance.voucher-committed.v1' ORDER BY c.position
    """
)
_EXPIRIES = sa.text(
    f"""
    SELECT x.position, (x.data->>'on')::date AS day, (v.data->>'register_by')::date AS last_day,
        (SELECT max((r.data->>'on')::date) FROM events r WHERE r.stream = x.stream
            AND r.type = 'cxq.issuance.voucher-commitment-released.v1') AS free_since
    FROM events x JOIN events v ON v.stream = x.stream AND {_FIRST}
    WHERE x.type = 'cxq.issuance.voucher-expired.v1' AND x.data->>'cause' = 'not_registered'
    """
)
_WAITING = sa.text(
    f"""
    SELECT v.stream, (v.data->>'register_by')::date AS last_day, d.due_at,
        (SELECT min(left(subject, 10)) FROM deadlines WHERE kind = :find) AS next_day
    FROM (SELECT DISTINCT ON (stream) stream, type FROM events
        WHERE type LIKE 'cxq.issuance.voucher-%' AND stream LIKE 'voucher-%' ORDER BY stream, version DESC) latest
    JOIN events v ON v.stream = latest.stream AND {_FIRST}
    LEFT JOIN deadlines d ON d.kind = :kind AND d.subject = substr(v.stream, 9)
    WHERE latest.type IN ('cxq.issuance.voucher-claimed.v1', 'cxq.issuance.voucher-commitment-released.v1')
    """
)


async def deadlines_are_counted_right(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Count every last day again, another way, and see that whoever waits is on the due list for the right instant."""
    changes = await announced(connection)
    counts = (
        (_CLAIMS, last_day_of_days, "registration_days"),
        (_COMMITMENTS, last_day_of_months, "validity_months"),
    )
    for statement, last_day_of, parameter in counts:
        for row in (await connection.execute(statement)).all():
            count.checked += 1
            measures = rules_of(row.pack, row.day, changes).on(row.day).voucher
            length, roll = min(row.length, getattr(measures, parameter)), measures.roll_to_working_day
            allowed = {last_day_of(row.day, length, roll=roll)}
            if row.provisional:  # decided before the year's notice was out: weekends only
                allowed.add(last_day_of(row.day, length, roll=roll, weekends_only=True))
            if row.latest is not None:  # the period's own last day
                allowed = {min(day, row.latest) for day in allowed}
            if row.last_day not in allowed:
                found = f"{row.day} and {length}: recorded {row.last_day}, counted {sorted(allowed)}"
                yield Breach(where=f"position {row.position}, {row.stream}", found=found)
    for row in (await connection.execute(_EXPIRIES)).all():
        count.checked += 1
        ended = row.last_day + timedelta(days=1)
        if row.day != (ended if row.free_since is None else max(ended, row.free_since)):
            found = f"expired on {row.day}, last day {row.last_day}, given back on {row.free_since}"
            yield Breach(where=f"position {row.position}", found=found)
    for row in (await connection.execute(_WAITING, {"kind": EXPIRE_UNREGISTERED, "find": FIND_UNREGISTERED})).all():
        count.checked += 1
        due_at = _end_of(row.last_day) + GRACE
        if row.due_at != due_at and not (row.due_at is None and _will_be_found(row.last_day, row.next_day)):
            yield Breach(where=row.stream, found=f"waits for {row.due_at} on the due list, not for {due_at}")


def _will_be_found(last_day: date, next_day: str | None) -> bool:
    """Tell whether the daily work has still to come to a last day; it looks at each on the day after."""
    return next_day == FIRST or (next_day is not None and next_day <= (last_day + timedelta(days=1)).isoformat())


_PLACES = sa.text(
    """
    SELECT position, place, expected, period_id FROM (
        SELECT position, data->>'period_id' AS period_id, (data->>'place')::integer AS place,
            row_number() OVER (PARTITION BY data->>'period_id' ORDER BY position) AS expected
        FROM events WHERE type = 'cxq.issuance.voucher-claimed.v1'
    ) numbered ORDER BY position
    """
)


async def places_follow_arrival(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Count the claims of each period along the log."""
    for row in (await connection.execute(_PLACES)).all():
        count.checked += 1
        if row.place != row.expected:
            found = f"place {row.place} in {row.period_id}, the log has it at {row.expected}"
            yield Breach(where=f"position {row.position}", found=found)


def _end_of(day: date) -> datetime:
    """Say when a day ends in Beijing: 16:00 of the same day in UTC."""
    return datetime(day.year, day.month, day.day, 16, tzinfo=UTC)


def _check(check_id: str, promise: str, look: Any) -> Check:
    return Check(id=check_id, promise=promise, look=look)


CHECKS = (
    _check(
        "M1",
        "quota = remaining + outstanding + spent + released + withheld - returned, remaining >= 0",
        quota_is_conserved,
    ),
    _check("M2", "0 < face value <= cap", face_values_are_in_range),
    _check("M3", "every claim stays within its allowance, and the row equals the fold of the log", allowances_hold),
    _check("M5", "a voucher is committed to one contract at most and paid once at most", vouchers_pay_once),
    _check("M9", "deadlines equal an independent day count", deadlines_are_counted_right),
    _check("K4", "places in a period are 1 to n without gaps and follow arrival", places_follow_arrival),
    *ANSWER_CHECKS,
    *RECEIPT_CHECKS,
    *ORDER_LIST_CHECKS,
    *DEADLINE_CHECKS,
    *PERIOD_CHECKS,
    *CLASS_CHECKS,
    *ENTRY_CHECKS,
    *BOOKS_CHECKS,
    *WAITING_ROOM_CHECKS,
    *CHANNEL_CHECKS,
)
