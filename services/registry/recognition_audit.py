"""What must always hold of what the office recognises: partners' lists, channels, office users and experts."""

from collections.abc import AsyncIterator

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registry.domain.mutual_recognition import digest_of_list
from services.registry.recognition_tables import mutual_entries
from shared.audit import Breach, Check, Count
from shared.events.registry.recognition import AcceptingInstitution

_EDITIONS = sa.text(
    """
    SELECT a.data->>'edition_id' AS edition_id, a.position, a.data->>'list_digest' AS told,
        (a.data->>'first_day')::date AS first_day, (a.data->>'on')::date AS approved_on,
        a.data->>'approved_by' AS approved_by, p.data->>'proposed_by' AS proposed_by, p.data->>'list_digest' AS proposed
    FROM events a
    LEFT JOIN events p ON p.stream = a.stream AND p.type = 'cxq.registry.mutual-list-proposed.v1'
        AND p.data->>'edition_id' = a.data->>'edition_id'
    WHERE a.type = 'cxq.registry.mutual-list-approved.v1' ORDER BY a.position
    """
)


async def partners_lists_had_four_eyes(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Find two people behind every edition, its first day still to come, and the list just as it was proposed."""
    for row in (await connection.execute(_EDITIONS)).all():
        count.checked += 1
        where, entries = f"position {row.position}", mutual_entries.c
        kept = await connection.execute(
            sa.select(entries.credit_code, entries.name, entries.services).where(entries.edition_id == row.edition_id)
        )
        institutions = [AcceptingInstitution(credit_code=code, name=name, services=text) for code, name, text in kept]
        if row.proposed_by is None or row.proposed_by == row.approved_by:
            yield Breach(where=where, found=f"{row.edition_id} was approved by one person alone")
        if row.first_day <= row.approved_on:
            yield Breach(where=where, found=f"{row.edition_id} was approved when its first day had begun")
        if not row.proposed == row.told == digest_of_list(institutions):
            yield Breach(where=where, found=f"{row.edition_id} is not the list that was proposed")


RECOGNITION_CHECKS = (
    Check(
        id="R40",
        promise="every partner's list was approved by two people, ahead of its first day, as it was proposed",
        look=partners_lists_had_four_eyes,
    ),
)
