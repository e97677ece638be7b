"""What must always hold of what the office recognises: partners' lists, channels, office users and experts."""

from collections.abc import AsyncIterator

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registry.domain.mutual_recognition import digest_of_list
from services.registry.domain.office_user import conflicts
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


_BY_CHANNELS = sa.text(
    """
    SELECT e.position, e.key AS claimant_id, c.channel_id, bool_or(a.authorisation_id IS NOT NULL) AS authorised
    FROM events e
    JOIN channels c ON c.principal = e.metadata->>'actor'
    LEFT JOIN channel_authorisations a ON a.channel_id = c.channel_id AND a.claimant_id = e.key
        AND (e.metadata->>'business_date')::date BETWEEN a.valid_from AND a.valid_until
        AND (a.revoked_on IS NULL OR a.revoked_on >= (e.metadata->>'business_date')::date)
    WHERE e.stream LIKE 'claimant-%'
    GROUP BY e.position, e.key, c.channel_id ORDER BY e.position
    """
)


async def channels_acted_with_authority(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Find an authorisation of its day behind every change of a claimant that a channel has made."""
    authorised: dict[tuple[int, str], list[str]] = {}
    for row in (await connection.execute(_BY_CHANNELS)).all():
        channels = authorised.setdefault((row.position, row.claimant_id), [])
        if row.authorised:
            channels.append(row.channel_id)
    for (position, claimant_id), channels in authorised.items():
        count.checked += 1
        if not channels:
            yield Breach(
                where=f"position {position}", found=f"a channel changed {claimant_id} without being authorised"
            )


_APPOINTMENTS = sa.text(
    """
    SELECT a.position, a.data->>'principal' AS principal, a.data->>'approved_by' AS approved_by,
        a.data->'duties' AS duties, p.data->>'proposed_by' AS proposed_by
    FROM events a
    LEFT JOIN events p ON p.stream = a.stream AND p.type = 'cxq.registry.office-user-proposed.v1'
    WHERE a.type = 'cxq.registry.office-user-appointed.v1' ORDER BY a.position
    """
)


async def duties_are_separated(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Find three different people behind every appointment, and no duties in one hand that exclude each other."""
    for row in (await connection.execute(_APPOINTMENTS)).all():
        count.checked += 1
        where = f"position {row.position}"
        if len({row.principal, row.proposed_by, row.approved_by} - {None}) < 3:  # noqa: PLR2004 (two and the appointed)
            yield Breach(where=where, found=f"{row.principal} was not appointed by two others")
        if excluded := conflicts(tuple(row.duties)):
            yield Breach(where=where, found=f"{row.principal} has {', '.join(excluded)}")


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
    Check(
        id="R42",
        promise="every office user was appointed by two others, with duties that do not exclude each other",
        look=duties_are_separated,
    ),
    Check(
        id="R41",
        promise="no channel changed a claimant without an authorisation in force that day",
        look=channels_acted_with_authority,
    ),
)
