"""What must always hold of claimants: their words, their users, their certificates, and who was shown what of them."""

from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registry.domain.profile import digest_of
from services.registry.tables import (
    access_records,
    certificate_revocations,
    claimant_profiles,
    claimant_users,
    claimants,
    eligibility_reviews,
)
from shared.audit import Breach, Check, Count
from shared.store.audit import rights_beyond_adding

_DIGESTS = sa.text(
    """
    SELECT position, data->>'claimant_id' AS claimant_id,
        coalesce(data->>'new_digest', data->>'profile_digest') AS digest,
        row_number() OVER (PARTITION BY stream ORDER BY version) AS number,
        row_number() OVER (PARTITION BY stream ORDER BY version DESC) = 1 AS newest
    FROM events
    WHERE type IN ('cxq.registry.claimant-registered.v1', 'cxq.registry.claimant-profile-changed.v1')
    ORDER BY position
    """
)
_USERS = sa.text(
    """
    SELECT type, data FROM events
    WHERE type IN (
        'cxq.registry.claimant-registered.v1', 'cxq.registry.claimant-user-added.v1',
        'cxq.registry.claimant-user-role-changed.v1', 'cxq.registry.claimant-ownership-handed-over.v1',
        'cxq.registry.claimant-user-removed.v1'
    )
    ORDER BY position
    """
)
_OPEN_REVIEWS = sa.text(
    """
    SELECT DISTINCT ON (stream, data->>'rule') data->>'claimant_id' AS claimant_id, data->>'rule' AS rule,
        type = 'cxq.registry.claimant-review-opened.v1' AS open
    FROM events
    WHERE type IN (
        'cxq.registry.claimant-review-opened.v1', 'cxq.registry.claimant-review-decided.v1',
        'cxq.registry.claimant-review-dropped.v1'
    )
    ORDER BY stream, data->>'rule', version DESC
    """
)
_CERTIFICATES = sa.text(
    """
    SELECT DISTINCT ON (stream) data->>'claimant_id' AS claimant_id, data->'certificates' AS certificates
    FROM events
    WHERE type IN ('cxq.registry.claimant-registered.v1', 'cxq.registry.claimant-certificates-changed.v1')
    ORDER BY stream, version DESC
    """
)


async def profiles_match_their_digests(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Hold every version of what a claimant declared against the digest in the log; a changed profile shows."""
    versions = sa.select(
        claimant_profiles.c.claimant_id, claimant_profiles.c.number, claimant_profiles.c.salt,
        claimant_profiles.c.profile,
    )  # fmt: skip
    kept = {
        (row.claimant_id, row.number): digest_of(row.salt, row.profile) for row in await connection.execute(versions)
    }
    current = sa.select(claimants.c.claimant_id, claimants.c.salt, claimants.c.profile)
    shown = {row.claimant_id: digest_of(row.salt, row.profile) for row in await connection.execute(current)}
    for row in (await connection.execute(_DIGESTS)).all():
        count.checked += 1
        if row.claimant_id not in shown:
            yield Breach(where=f"position {row.position}", found=f"{row.claimant_id} registered, but has no profile")
        elif kept.get((row.claimant_id, row.number)) != row.digest:
            yield Breach(where=row.claimant_id, found=f"version {row.number} of its profile is not that of the log")
        elif row.newest and shown[row.claimant_id] != row.digest:
            yield Breach(where=row.claimant_id, found=f"its profile is not the one of position {row.position}")


async def users_are_those_of_the_log(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Fold who belongs to whom anew: the table says the same, everybody has one owner, nobody has two claimants."""
    users = _users((row.type, row.data) for row in await connection.execute(_USERS))
    kept: dict[str, dict[str, str]] = defaultdict(dict)
    for row in await connection.execute(sa.select(claimant_users)):
        kept[row.claimant_id][row.principal] = row.role
    seen: dict[str, str] = {}
    for claimant_id in sorted(users.keys() | kept.keys()):
        count.checked += 1
        roles = users.get(claimant_id, {})
        if kept.get(claimant_id, {}) != roles:
            yield Breach(where=claimant_id, found="its users are not those of the log")
        if list(roles.values()).count("owner") != 1:
            yield Breach(where=claimant_id, found="it does not have one owner")
        for principal in roles:
            if seen.setdefault(principal, claimant_id) != claimant_id:
                yield Breach(where=claimant_id, found=f"{principal} is a user of {seen[principal]} too")


async def the_queue_is_what_waits(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Hold the officers' queue against the reviews that are open by the log."""
    by_log = {(row.claimant_id, row.rule) for row in await connection.execute(_OPEN_REVIEWS) if row.open}
    open_ = sa.select(eligibility_reviews.c.claimant_id, eligibility_reviews.c.rule).where(
        eligibility_reviews.c.state == "open"
    )
    queued = {(row.claimant_id, row.rule) for row in await connection.execute(open_)}
    count.checked += len(by_log | queued)
    for claimant_id, rule in sorted(by_log - queued):
        yield Breach(where=claimant_id, found=f"{rule} waits for an officer, but is not in the queue")
    for claimant_id, rule in sorted(queued - by_log):
        yield Breach(where=claimant_id, found=f"{rule} is in the queue, but waits for nobody")


async def certificates_count_as_the_log_says(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Hold each claimant's certificates against the log, and look for one that counts beyond its revocation."""
    by_log = {row.claimant_id: row.certificates for row in await connection.execute(_CERTIFICATES)}
    ends = {
        (row.claimant_id, row.kind, row.number): row.counts_from
        for row in await connection.execute(sa.select(certificate_revocations))
    }
    for row in await connection.execute(sa.select(claimants.c.claimant_id, claimants.c.certificates)):
        count.checked += 1
        dates = [{name: value for name, value in each.items() if name != "number"} for each in row.certificates]
        if dates != by_log.get(row.claimant_id):
            yield Breach(where=row.claimant_id, found="its certificates are not those of the log")
        for each in row.certificates:
            number = each["number"].replace("-", "").upper()
            end: date | None = ends.get((row.claimant_id, each["kind"], number))
            if end is not None and date.fromisoformat(each["valid_until"]) >= end:
                yield Breach(where=row.claimant_id, found=f"its {each['kind']} counts beyond its revocation")


async def accesses_are_recorded_for_good(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """See that the service cannot change an access record, and that nobody but an officer saw a whole account."""
    async for breach in rights_beyond_adding(connection, access_records.name):
        yield breach
    seen = sa.select(access_records.c.record_id, access_records.c.role).where(
        access_records.c.operation == "getBankAccount", access_records.c.fields.contains(["account"])
    )
    count.checked += (await connection.execute(sa.select(sa.func.count()).select_from(access_records))).scalar_one()
    for row in await connection.execute(seen.order_by(access_records.c.record_id)):
        if row.role != "officer":
            yield Breach(where=f"record {row.record_id}", found=f"a whole bank account was shown to a {row.role}")


CLAIMANT_CHECKS = (
    Check(
        id="R2",
        promise="every profile, now and before, is the one whose digest is in the log",
        look=profiles_match_their_digests,
    ),
    Check(
        id="R10",
        promise="every claimant has one owner, and nobody is a user of two",
        look=users_are_those_of_the_log,
    ),
    Check(id="R11", promise="every rule that waits for an officer is in the queue", look=the_queue_is_what_waits),
    Check(
        id="R12",
        promise="no certificate counts beyond its revocation, and all are those of the log",
        look=certificates_count_as_the_log_says,
    ),
    Check(
        id="R13",
        promise="access records are only added to, and none but an officer saw a whole bank account",
        look=accesses_are_recorded_for_good,
    ),
)


def _users(facts: Any) -> dict[str, dict[str, str]]:
    """Say who is what in each claimant after these facts, in order."""
    users: dict[str, dict[str, str]] = defaultdict(dict)
    for kind, data in facts:
        roles = users[data["claimant_id"]]
        match kind.removeprefix("cxq.registry.claimant-").removesuffix(".v1"):
            case "registered":
                roles[data["principal"]] = "owner"
            case "user-added" | "user-role-changed":
                roles[data["principal"]] = data["role"]
            case "ownership-handed-over":
                roles |= {data["previous"]: "member", data["owner"]: "owner"}
            case "user-removed":
                roles.pop(data["principal"], None)
            case other:
                raise LookupError(f"{other} says nothing of users")
    return users
