"""What must always hold of agencies, laboratories and their catalogue (faq 4, 5 and 7)."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registry.domain.credit_code import is_valid
from services.registry.domain.profile import digest_of
from services.registry.institution_tables import affiliations
from shared.audit import Breach, Check, Count

_A_DAY = timedelta(days=1)
_SUBMITTED = sa.text(
    """
    SELECT DISTINCT ON (stream) data->>'party_id' AS party_id, data->>'submission_digest' AS digest, position
    FROM events WHERE type IN ('cxq.registry.affiliation-requested.v1', 'cxq.registry.affiliation-corrected.v1')
    ORDER BY stream, version DESC
    """
)
_GRANTED = sa.text(
    """
    SELECT g.data->>'party_id' AS party_id, g.position, g.data->>'granted_by' AS granted_by,
        g.data->>'principal' AS principal, g.data->>'kind' AS kind,
        EXISTS (SELECT 1 FROM events r WHERE r.stream = g.stream AND r.version < g.version
            AND r.type = 'cxq.registry.affiliation-requested.v1') AS requested,
        EXISTS (SELECT 1 FROM events t WHERE t.stream = g.stream AND t.version < g.version
            AND t.type = 'cxq.registry.laboratory-taken-in.v1') AS taken_in,
        (SELECT p.data->>'route' FROM events p WHERE p.stream = g.stream
            AND p.type = 'cxq.registry.laboratory-reported.v1' ORDER BY p.version LIMIT 1) AS route
    FROM events g WHERE g.type = 'cxq.registry.affiliation-granted.v1' ORDER BY g.position
    """
)
_CATALOGUE = sa.text(
    """
    SELECT stream, position, type, data FROM events
    WHERE type IN ('cxq.registry.affiliation-granted.v1', 'cxq.registry.affiliation-ended.v1',
        'cxq.registry.laboratory-entered.v1', 'cxq.registry.laboratory-accredited.v1',
        'cxq.registry.laboratory-left.v1') AND stream LIKE 'laboratory-%'
    ORDER BY stream, version
    """
)
_REFERRALS = sa.text(
    """
    SELECT a.position, a.data->>'agency_id' AS agency_id, a.data->>'claimant_id' AS claimant_id,
        (SELECT b.type FROM events b WHERE b.stream = a.stream AND b.version < a.version
            AND b.data->>'claimant_id' = a.data->>'claimant_id' ORDER BY b.version DESC LIMIT 1) AS before
    FROM events a WHERE a.type = 'cxq.registry.referral-accepted.v1' ORDER BY a.position
    """
)


async def submissions_match_their_digests(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Hold what was sent with an application against the digest in the log; a changed one shows."""
    found = await connection.execute(sa.select(affiliations.c.party_id, affiliations.c.submission, affiliations.c.salt))
    kept = {row.party_id: digest_of(row.salt, row.submission) for row in found}
    for row in (await connection.execute(_SUBMITTED)).all():
        count.checked += 1
        if row.party_id not in kept:
            yield Breach(where=f"position {row.position}", found=f"{row.party_id} applied, but nothing is kept of it")
        elif kept[row.party_id] != row.digest:
            yield Breach(where=row.party_id, found=f"its submission is not the one of position {row.position}")


async def codes_have_one_agency_of_a_kind(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Check the codes of all that have joined or apply anew, and that nobody is an agency of a kind twice."""
    open_ = sa.select(affiliations.c.party_id, affiliations.c.kind, affiliations.c.credit_code).where(
        ~affiliations.c.closed
    )
    rows = (await connection.execute(open_)).all()
    often = Counter((row.kind, row.credit_code) for row in rows if row.kind != "laboratory")
    for row in rows:
        count.checked += 1
        if not is_valid(row.credit_code):
            yield Breach(where=row.party_id, found="its credit code is not valid, or not written as it is kept")
        if often[row.kind, row.credit_code] > 1:
            yield Breach(where=row.party_id, found=f"its credit code has another {row.kind} too")


async def nobody_joined_by_itself(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Find the application, the field centre's answer and another person's review behind everybody who has joined."""
    for row in (await connection.execute(_GRANTED)).all():
        count.checked += 1
        where = f"position {row.position}"
        if not row.requested:
            yield Breach(where=where, found=f"{row.party_id} has joined without an application")
        if row.granted_by == row.principal:
            yield Breach(where=where, found=f"{row.party_id} was let in by itself")
        if row.route == "field_centre" and not row.taken_in:
            yield Breach(where=where, found=f"{row.party_id} has joined without its field centre's answer")


async def the_catalogue_is_of_the_recognised(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Follow each laboratory through the log: in the catalogue only after its review, and while it is recognised."""
    stories: dict[str, list[Any]] = {}
    for row in (await connection.execute(_CATALOGUE)).all():
        stories.setdefault(row.stream, []).append(row)
    for stream, story in stories.items():
        count.checked += 1
        for breach in _astray(stream, story):
            yield breach


def _astray(stream: str, story: Iterable[Any]) -> Iterable[Breach]:
    granted, inside, until = False, False, None
    for row in story:
        kind, where = str(row.type).rsplit(".", 2)[-2], f"position {row.position}"
        match kind:
            case "affiliation-granted":
                granted = True
            case "laboratory-entered" | "laboratory-accredited":
                if not granted:
                    yield Breach(where=where, found=f"{stream} is in the catalogue without a review")
                inside, until = True, row.data["valid_until"]
                if not _is_recognised(row.data):
                    yield Breach(where=where, found=f"{stream} is in the catalogue beyond what it is recognised for")
            case "laboratory-left":
                if until is not None and date.fromisoformat(row.data["on"]) > date.fromisoformat(until) + _A_DAY:
                    yield Breach(where=where, found=f"{stream} left on {row.data['on']}, recognised until {until}")
                inside = False
            case _:
                granted = False
    if inside and not granted:
        yield Breach(where=stream, found="it is still in the catalogue, though its affiliation is over")


def _is_recognised(entry: Mapping[str, Any]) -> bool:
    """Tell, counting day by day, whether something is held from the entry to its last day."""
    held = [(date.fromisoformat(a["valid_from"]), a["valid_until"]) for a in entry["accreditations"]]
    day, until = date.fromisoformat(entry["on"]), entry["valid_until"]
    if until is None:
        return any(last is None for _, last in held) and any(first <= day for first, _ in held)
    while day <= date.fromisoformat(until):
        if not any(first <= day and (last is None or day <= date.fromisoformat(last)) for first, last in held):
            return False
        day += _A_DAY
    return True


async def referrals_were_offered(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Find the offer right before every claimant's consent."""
    for row in (await connection.execute(_REFERRALS)).all():
        count.checked += 1
        if row.before != "cxq.registry.referral-offered.v1":
            yield Breach(
                where=f"position {row.position}",
                found=f"{row.claimant_id} agreed to what {row.agency_id} never offered",
            )


INSTITUTION_CHECKS = (
    Check(
        id="R20",
        promise="every application of an agency or a laboratory is the one whose digest is in the log",
        look=submissions_match_their_digests,
    ),
    Check(
        id="R21",
        promise="every credit code is valid and has one agency of a kind at most",
        look=codes_have_one_agency_of_a_kind,
    ),
    Check(
        id="R22",
        promise="every agency and laboratory applied, and another person let it in",
        look=nobody_joined_by_itself,
    ),
    Check(
        id="R23",
        promise="every laboratory in the catalogue was reviewed and is recognised",
        look=the_catalogue_is_of_the_recognised,
    ),
    Check(
        id="R24",
        promise="every claimant that a referral agency serves was asked and agreed",
        look=referrals_were_offered,
    ),
)
