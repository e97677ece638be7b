"""What must always hold of classes with a part of the quota: the row is the log, and each pays for its own alone."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.issuance.deadlines import RELEASE_CLASSES
from services.issuance.period_audit import APPROVED_PLANS
from shared.audit import Breach, Check, Count
from shared.measures.looking_back import rules_of
from shared.store.rules import announced

_CLAIMED = "'cxq.issuance.voucher-claimed.v1'"
_DRAWS = f"""
    draws AS (
        SELECT e.position, e.data->>'period_id' AS period_id, e.data->>'claimant_id' AS claimant_id,
            e.data->>'pack' AS pack, (e.data->>'on')::date AS day, (e.data->>'allowance')::bigint AS allowance,
            (e.data->>'amount')::bigint AS face, part->>'name' AS name, (part->>'amount')::bigint AS amount
        FROM events e CROSS JOIN LATERAL jsonb_array_elements(e.data->'parts') part WHERE e.type = {_CLAIMED}
    )
"""
_CLASSES = """
    classes AS (
        SELECT p.data->>'period_id' AS period_id, c.number, c.class->>'name' AS name, c.class->>'who' AS who,
            (c.class->>'amount')::bigint AS amount, (c.class->>'until')::timestamptz AS until
        FROM plans p CROSS JOIN LATERAL jsonb_array_elements(p.data->'classes') WITH ORDINALITY AS c (class, number)
    )
"""
_PARTS = sa.text(
    f"""
    WITH {APPROVED_PLANS}, {_CLASSES}, {_DRAWS}, drawn AS (
        SELECT period_id, name, sum(amount) AS fen, max(position) AS last FROM draws GROUP BY 1, 2
    ), released AS (
        SELECT data->>'period_id' AS period_id, data->>'name' AS name, position, (data->>'amount')::bigint AS fen
        FROM events WHERE type = 'cxq.issuance.class-quota-released.v1'
    )
    SELECT period_id, name, c.amount, c.until, coalesce(d.fen, 0) AS drawn, d.last,
        r.fen AS told, r.position AS told_at,
        q.class_rests[c.number] AS rest, q.class_released[c.number] AS released,
        q.classes IS NULL AND q.closed AND d.fen IS NULL AS is_void, due.due_at
    FROM classes c
    FULL JOIN drawn d USING (period_id, name)
    LEFT JOIN released r USING (period_id, name)
    LEFT JOIN quotas q USING (period_id)
    LEFT JOIN deadlines due ON due.kind = :kind AND due.subject = period_id
    ORDER BY period_id, c.number
    """
)


async def parts_are_as_the_log_says(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Rebuild what each class has left from the log, and hold the row that claims take from against it.

    A plan that was changed or withdrawn after its approval has no parts, unless it is approved again.
    """
    for row in (await connection.execute(_PARTS, {"kind": RELEASE_CLASSES})).all():
        count.checked += 1
        if not row.is_void:
            for found in _against(row):
                yield Breach(where=f"period {row.period_id}, class {row.name}", found=found)


def _against(row: sa.Row[Any]) -> Iterator[str]:
    if row.amount is None:
        yield f"{row.drawn} fen were drawn on it; the plan knows no such class"
        return
    if row.rest is None or row.rest + row.released != row.amount - row.drawn:
        yield f"{row.amount} less {row.drawn} drawn; the row has {row.rest} left and {row.released} released"
    if row.told is not None and (row.told, 0) != (row.released, row.rest):
        yield f"the log says {row.told} fen were released; the row says {row.released}, and {row.rest} left"
    if row.told_at is not None and row.last is not None and row.last > row.told_at:
        yield f"drawn on at position {row.last}, though all of it was released at position {row.told_at}"
    if row.until is not None and row.told is None and (row.due_at is None or row.due_at > row.until):
        yield f"ends at {row.until}; the due list has {row.due_at}"


_MEMBERS = sa.text(
    f"""
    WITH {APPROVED_PLANS}, {_CLASSES}, {_DRAWS}
    SELECT d.*, c.who, k.kind, sum(d.amount) OVER (PARTITION BY d.position) AS paid FROM draws d
    JOIN classes c USING (period_id, name) LEFT JOIN claimants k ON k.claimant_id = d.claimant_id ORDER BY d.position
    """
)


async def classes_pay_their_own(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """See that no class has paid who does not belong to it, as far as the log tells who belonged, nor too much."""
    changes = await announced(connection)
    for row in (await connection.execute(_MEMBERS)).all():
        count.checked += 1
        where = f"position {row.position}"
        if row.amount <= 0 or row.paid > row.face:
            yield Breach(where=where, found=f"{row.paid} of {row.face} fen from classes, {row.amount} from {row.name}")
        if row.who == "team" and row.kind != "team":
            yield Breach(where=where, found=f"{row.name} is for teams; {row.claimant_id} is none")
        if row.who == "certified":
            raised = rules_of(row.pack, row.day, changes).on(row.day).voucher.annual_allowance_certified
            if row.allowance != raised:
                found = f"{row.name} is for holders of a certificate; the allowance was {row.allowance}, not {raised}"
                yield Breach(where=where, found=found)


CLASS_CHECKS = (
    Check(id="G4", promise="what each class has left of its own equals the log", look=parts_are_as_the_log_says),
    Check(id="G5", promise="no class pays for who does not belong to it", look=classes_pay_their_own),
)
