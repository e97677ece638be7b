"""What must always hold in the registry, looked up in the log and held against the tables beside it."""

from collections import Counter
from collections.abc import AsyncIterator

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registry.claimant_audit import CLAIMANT_CHECKS
from services.registry.domain.credit_code import is_valid, normalised
from services.registry.evaluation_audit import EVALUATION_CHECKS
from services.registry.institution_audit import INSTITUTION_CHECKS
from services.registry.provider_audit import PROVIDER_CHECKS
from services.registry.recognition_audit import RECOGNITION_CHECKS
from services.registry.tables import claimants, providers
from shared.audit import Breach, Check, Count
from shared.kernel.calendar import months_after
from shared.measures.looking_back import rules_of
from shared.store.rules import announced

_BARRING = "('disqualify', 'delist')"
_NEW = """('cxq.registry.claimant-registered.v1', 'cxq.registry.claimant-certificates-changed.v1',
    'cxq.registry.provider-applied.v1', 'cxq.registry.provider-listed.v1', 'cxq.registry.facility-opened.v1',
    'cxq.registry.service-offered.v1', 'cxq.registry.affiliation-requested.v1',
    'cxq.registry.affiliation-granted.v1', 'cxq.registry.laboratory-entered.v1',
    'cxq.registry.referral-agency-described.v1', 'cxq.registry.promotion-event-planned.v1',
    'cxq.registry.delegation-proposed.v1', 'cxq.registry.delegation-accepted.v1',
    'cxq.registry.service-person-entered.v1', 'cxq.registry.booking-requested.v1',
    'cxq.registry.booking-confirmed.v1', 'cxq.registry.referral-offered.v1', 'cxq.registry.referral-accepted.v1')"""
_DURING_A_BAN = sa.text(
    f"""
    SELECT s.data->>'party_id' AS party_id, s.data->>'sanction_id' AS sanction_id, n.position, n.type
    FROM events s
    LEFT JOIN events l ON l.stream = s.stream AND l.type = 'cxq.registry.sanction-lifted.v1'
    LEFT JOIN events n ON n.key = s.key AND n.type IN {_NEW} AND n.position > s.position
        AND n.position < coalesce(l.position, 9223372036854775807)
        AND (s.data->>'until' IS NULL OR (n.data->>'on')::date <= (s.data->>'until')::date)
    WHERE s.type = 'cxq.registry.party-sanctioned.v1' AND s.data->>'measure' IN {_BARRING}
    ORDER BY s.position, n.position
    """
)
_LISTINGS = sa.text(
    """
    SELECT l.stream, l.position, (l.data->>'on')::date AS listed_on, n.data->>'notice_id' AS notice_id,
        (n.data->>'until')::date AS until,
        (SELECT count(*) FROM events r WHERE r.stream = l.stream AND r.position < l.position
            AND r.type = 'cxq.registry.provider-objection-raised.v1') AS raised,
        (SELECT count(*) FROM events a WHERE a.stream = l.stream AND a.position < l.position
            AND a.type = 'cxq.registry.provider-objection-answered.v1' AND NOT (a.data->>'upheld')::boolean)
            AS rejected
    FROM events l
    LEFT JOIN events n ON n.stream = l.stream AND n.type = 'cxq.registry.provider-notice-published.v1'
        AND n.position < l.position
    WHERE l.type = 'cxq.registry.provider-listed.v1' AND l.data->>'kind' = 'beijing_based'
    ORDER BY l.position
    """
)
_EXITS = sa.text(
    """
    SELECT r.stream, r.position, r.data->>'pack' AS pack, (r.data->>'on')::date AS requested_on,
        (r.data->>'until')::date AS until, (d.data->>'on')::date AS left_on
    FROM events r
    LEFT JOIN events d ON d.stream = r.stream AND d.type = 'cxq.registry.provider-delisted.v1'
        AND d.data->>'reason' = 'exit by art. 6'
    WHERE r.type = 'cxq.registry.provider-exit-requested.v1' ORDER BY r.position
    """
)
_CHANGES = sa.text(
    """
    SELECT a.data->>'change_id' AS change_id, a.position, (a.data->>'first_day')::date AS first_day,
        (a.data->>'on')::date AS announced_on, a.data->>'approved_by' AS approved_by,
        p.data->>'proposed_by' AS proposed_by, (w.data->>'on')::date AS withdrawn_on, k.change_id AS kept
    FROM events a
    LEFT JOIN events p ON p.stream = a.stream AND p.type = 'cxq.registry.measure-change-proposed.v1'
        AND p.data->>'change_id' = a.data->>'change_id'
    LEFT JOIN events w ON w.stream = a.stream AND w.type = 'cxq.registry.measure-change-withdrawn.v1'
        AND w.data->>'change_id' = a.data->>'change_id'
    LEFT JOIN announced_changes k ON k.change_id = a.data->>'change_id' AND k.value = a.data->'value'
        AND k.parameter = a.data->>'parameter' AND k.first_day = (a.data->>'first_day')::date
    WHERE a.type = 'cxq.registry.measure-change-approved.v1' ORDER BY a.position
    """
)
_SANCTIONS = sa.text(
    """
    SELECT s.data->>'sanction_id' AS sanction_id, s.position, s.data->>'approved_by' AS approved_by,
        p.data->>'proposed_by' AS proposed_by
    FROM events s LEFT JOIN events p ON p.stream = s.stream AND p.type = 'cxq.registry.sanction-proposed.v1'
    WHERE s.type = 'cxq.registry.party-sanctioned.v1' ORDER BY s.position
    """
)
_BODIES = sa.text(
    """
    WITH ids AS (
        SELECT claimant_id AS party_id, 'claimant' AS kind, credit_code FROM claimants WHERE credit_code IS NOT NULL
        UNION ALL SELECT provider_id, 'provider', credit_code FROM providers
        UNION ALL SELECT party_id, kind, credit_code FROM affiliations WHERE kind <> 'laboratory'
    ), imposed AS (
        SELECT s.position, s.data->>'party_id' AS party_id, s.data->>'measure' AS measure, s.data->>'until' AS until,
            EXISTS (SELECT 1 FROM events l WHERE l.stream = s.stream AND l.type = 'cxq.registry.sanction-lifted.v1')
                OR s.data->>'until' < (SELECT max(metadata->>'business_date') FROM events) AS over
        FROM events s WHERE s.type = 'cxq.registry.party-sanctioned.v1'
    )
    SELECT i.position, i.party_id, i.measure, other.party_id AS other,
        EXISTS (SELECT 1 FROM imposed x WHERE x.party_id = other.party_id AND x.measure = i.measure
            AND x.until IS NOT DISTINCT FROM i.until) AS borne
    FROM imposed i
    JOIN ids own ON own.party_id = i.party_id
    JOIN ids other ON other.credit_code = own.credit_code AND other.party_id <> own.party_id
    WHERE NOT coalesce(i.over, false) AND (i.measure = 'disqualify'
        OR (i.measure = 'suspend_disbursement' AND other.kind IN ('claimant', 'provider')))
    ORDER BY i.position, other.party_id
    """
)


async def credit_codes_are_valid_and_of_one_party(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Check each code's form and check digit anew, and that no other claimant or open provider has it."""
    as_claimant = sa.select(claimants.c.claimant_id, claimants.c.credit_code).where(
        claimants.c.credit_code.is_not(None)
    )
    as_provider = sa.select(providers.c.provider_id, providers.c.credit_code).where(~providers.c.closed)
    for statement in (as_claimant, as_provider):
        rows = (await connection.execute(statement)).all()
        often = Counter(normalised(code) for _, code in rows)
        for party_id, code in rows:
            count.checked += 1
            if not is_valid(code):
                yield Breach(where=party_id, found="its credit code is not valid, or not written as it is kept")
            if often[normalised(code)] > 1:
                yield Breach(where=party_id, found="its credit code belongs to another party too")


async def listings_had_their_notice(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Find the notice of every Beijing-based provider's listing: over, and without an open objection."""
    for row in (await connection.execute(_LISTINGS)).all():
        count.checked += 1
        where = f"position {row.position}"
        if row.notice_id is None:
            yield Breach(where=where, found=f"{row.stream} is listed without a public notice")
            continue
        if row.listed_on <= row.until:
            yield Breach(where=where, found=f"{row.stream} is listed on {row.listed_on}, its notice ran to {row.until}")
        if row.raised != row.rejected:
            yield Breach(where=where, found=f"{row.stream} is listed, {row.raised - row.rejected} objections stand")


async def exits_had_their_notice(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Hold the day of each exit against the month counted anew from its notice (art. 6 last paragraph)."""
    changes = await announced(connection)
    for row in (await connection.execute(_EXITS)).all():
        count.checked += 1
        rules = rules_of(row.pack, row.requested_on, changes).on(row.requested_on)
        where = f"position {row.position}"
        if row.until < months_after(row.requested_on, rules.standing.provider_exit_notice_months):
            yield Breach(where=where, found=f"{row.stream} gave less notice than the rules ask for")
        if row.left_on is not None and row.left_on <= row.until:
            yield Breach(where=where, found=f"{row.stream} left on {row.left_on}, its notice ran to {row.until}")


async def nothing_new_within_a_ban(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Look for anything new of a disqualified or delisted party while the measure is in force."""
    seen: set[str] = set()
    for row in (await connection.execute(_DURING_A_BAN)).all():
        if row.sanction_id not in seen:
            seen.add(row.sanction_id)
            count.checked += 1
        if row.position is not None:
            yield Breach(where=f"position {row.position}", found=f"{row.type} of {row.party_id}, which is barred")


async def measures_had_four_eyes(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Find two different principals behind every measure."""
    for row in (await connection.execute(_SANCTIONS)).all():
        count.checked += 1
        if row.proposed_by is None or row.proposed_by == row.approved_by:
            yield Breach(where=f"position {row.position}", found=f"{row.sanction_id} was imposed by one person alone")


async def measures_concern_the_whole_body(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Find what stands against a body under one of its ids under all the others too."""
    for row in (await connection.execute(_BODIES)).all():
        count.checked += 1
        if not row.borne:
            found = f"{row.measure} of {row.party_id} does not stand against {row.other}, which is the same body"
            yield Breach(where=f"position {row.position}", found=found)


async def changes_of_rules_had_four_eyes(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Find two people behind every change, a first day that was still to come, and the change as it is decided by."""
    for row in (await connection.execute(_CHANGES)).all():
        count.checked += 1
        where = f"position {row.position}"
        if row.proposed_by is None or row.proposed_by == row.approved_by:
            yield Breach(where=where, found=f"{row.change_id} was announced by one person alone")
        if row.first_day <= row.announced_on or (row.withdrawn_on is not None and row.first_day <= row.withdrawn_on):
            yield Breach(where=where, found=f"{row.change_id} was decided on when its first day had begun")
        if (row.kept is None) != (row.withdrawn_on is not None):
            yield Breach(where=where, found=f"{row.change_id} is not kept as it was announced or withdrawn")


CHECKS = (
    Check(
        id="R1",
        promise="every credit code is valid and of one claimant and one provider at most",
        look=credit_codes_are_valid_and_of_one_party,
    ),
    *CLAIMANT_CHECKS,
    Check(
        id="R3",
        promise="every measure of art. 17 was imposed by somebody other than its proposer",
        look=measures_had_four_eyes,
    ),
    Check(
        id="R6",
        promise="a measure that concerns a body stands under every id by which it takes part",
        look=measures_concern_the_whole_body,
    ),
    Check(
        id="M7",
        promise="no Beijing-based provider is listed without a notice that ran its length and left no objection",
        look=listings_had_their_notice,
    ),
    Check(
        id="R4",
        promise="no provider leaves by its own notice before the month of art. 6 is over",
        look=exits_had_their_notice,
    ),
    Check(
        id="R5",
        promise="every change of the rules was announced by two people, ahead of its first day, and is decided by",
        look=changes_of_rules_had_four_eyes,
    ),
    *INSTITUTION_CHECKS,
    *EVALUATION_CHECKS,
    *PROVIDER_CHECKS,
    *RECOGNITION_CHECKS,
    Check(id="M8", promise="nothing new for a barred party within its ban", look=nothing_new_within_a_ban),
)
