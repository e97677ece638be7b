"""A claimant keeps what it says of itself true, and the office checks it (art. 10(1), 12, 15(1), 18)."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from services.registry.domain.claimant import ChangeProfile, Event, Registered, State, VerifyProfile, claimant
from services.registry.domain.claimant_certificates import ChangeCertificates, RevokeCertificate, without_revoked
from services.registry.domain.claimant_profile import division_of
from services.registry.domain.profile import digest_of
from services.registry.tables import certificate_revocations, claimants
from services.registry.use_cases.acting_for_claimants import acting_for, locked_claimant
from services.registry.use_cases.barring import is_barred
from services.registry.use_cases.judging_claimants import assess, settle
from services.registry.use_cases.registering_claimants import certificates_of, keep_version
from services.registry.use_cases.streams import stream_of
from shared.kernel.refusal import Reason, refuse, refuse_unless
from shared.store.transaction import Handled, Transaction

_FOR_GOOD = {"enterprise": ("kind", "credit_code", "certificates"), "team": ("kind",)}
"""What a change of the profile leaves as it is: whose it is, and what has its own operation."""


async def change_profile(
    tx: Transaction, claimant_id: str, principal: str, said: Mapping[str, Any], *, if_match: int | None
) -> Handled[Event, State]:
    """Describe a claimant anew; what it said before is kept, and art. 7 is asked again.

    Refused for a body of the other kind, and for the name of another team of the same school.
    """
    row = await acting_for(tx, claimant_id, principal, scope="profile")
    if said["kind"] != row.kind:
        raise refuse("claimant-of-another-kind", article="7", value=said["kind"], limit=row.kind)
    profile = {**said, **{name: row.profile[name] for name in _FOR_GOOD[row.kind] if name in row.profile}}
    salt = row.salt if profile == row.profile else secrets.token_hex(16)
    stream = stream_of(claimant_id, "clm")
    certificates = _held((await tx.load(claimant, stream)).state)
    assessment = assess(
        tx, profile, certificates, occasion="profile", before=(row.profile, certificates)
    )  # fmt: skip
    command = ChangeProfile(
        profile_digest=digest_of(salt, profile),
        changed_by=principal,
        assessment=assessment,
        district=division_of(profile),
    )
    handled = await tx.handle(claimant, stream, command, if_match=if_match)
    if profile != row.profile:
        await _overwrite(tx, row, profile, salt)
        await keep_version(tx, claimant_id, profile, salt=salt, digest=command.profile_digest, by=principal)
    await settle(tx, handled, assessment.findings)
    return handled


async def verify_profile(
    tx: Transaction, claimant_id: str, officer: str, *, if_match: int | None
) -> Handled[Event, State]:
    """Say as an officer that the profile as it stands has been checked."""
    await locked_claimant(tx, claimant_id)
    command = VerifyProfile(verified_by=officer, on=tx.today)
    return await tx.handle(claimant, stream_of(claimant_id, "clm"), command, if_match=if_match)


async def change_certificates(
    tx: Transaction, claimant_id: str, principal: str, declared: Sequence[Mapping[str, Any]], *, if_match: int | None
) -> Handled[Event, State]:
    """Replace a company's certificates (art. 12); `declared` is what its profile keeps of them, numbers included."""
    row = await acting_for(tx, claimant_id, principal, scope="certificates")
    barred = await is_barred(tx, claimant_id)
    refuse_unless(
        Reason(code="party-barred", article="17", kind="state") if barred else None,
        await _revoked_before(tx, claimant_id, declared),
    )
    certificates = certificates_of(declared)
    stream = stream_of(claimant_id, "clm")
    held = _held((await tx.load(claimant, stream)).state)
    judged = certificates if row.kind == "enterprise" else ()
    assessment = assess(tx, row.profile, judged, occasion="certificates", before=(row.profile, held))
    command = ChangeCertificates(certificates=certificates, assessment=assessment)
    handled = await tx.handle(claimant, stream, command, if_match=if_match)
    await _keep_certificates(tx, claimant_id, declared)
    await settle(tx, handled, assessment.findings)
    return handled


async def revoke_certificate(
    tx: Transaction, claimant_id: str, officer: str, *, kind: str, number: str, counts_from: date, reason: str,
    if_match: int | None,
) -> Handled[Event, State]:  # fmt: skip
    """Record that a certificate counts no more from a day on, past or to come; what it set before that day stays."""
    row = await locked_claimant(tx, claimant_id)
    sought = kind, _compared(number)
    found = [each for each in row.certificates if (each["kind"], _compared(each["number"])) == sought]
    if not found:
        raise refuse("certificate-unknown", article="12", kind="state")
    (certificate, *_) = certificates_of(found)
    stream = stream_of(claimant_id, "clm")
    held = _held((await tx.load(claimant, stream)).state)
    left = without_revoked(held, certificate, counts_from)
    assessment = assess(tx, row.profile, left, occasion="certificates", before=(row.profile, held))
    salt = secrets.token_hex(16)
    command = RevokeCertificate(
        certificate=certificate,
        counts_from=counts_from,
        reason_digest=digest_of(salt, {"reason": reason}),
        revoked_by=officer,
        assessment=assessment,
    )
    handled = await tx.handle(claimant, stream, command, if_match=if_match)
    shorter = without_revoked((certificate,), certificate, counts_from)
    others = [each for each in row.certificates if each not in found]
    rest = [{**each, "valid_until": kept.valid_until.isoformat()} for each in found[:1] for kept in shorter]
    await _keep_certificates(tx, claimant_id, [*others, *found[1:], *rest])
    known = {"counts_from": counts_from, "reason": reason, "salt": salt}
    revoked = insert(certificate_revocations).values(claimant_id=claimant_id, kind=kind, number=sought[1], **known)
    await tx.connection.execute(
        revoked.on_conflict_do_update(index_elements=["claimant_id", "kind", "number"], set_=known)
    )
    await settle(tx, handled, assessment.findings)
    return handled


async def _revoked_before(tx: Transaction, claimant_id: str, declared: Sequence[Mapping[str, Any]]) -> Reason | None:
    """Object to a certificate that is declared for days on which it counts no more."""
    found = await tx.connection.execute(
        sa.select(certificate_revocations).where(certificate_revocations.c.claimant_id == claimant_id)
    )
    ends = {(row.kind, row.number): row.counts_from for row in found}
    over = sorted(
        {
            each["kind"]
            for each in declared
            if (key := (each["kind"], _compared(each["number"]))) in ends
            and date.fromisoformat(each["valid_until"]) >= ends[key]
        }
    )
    return Reason(code="certificate-revoked", article="12", value=tuple(over), kind="state") if over else None


async def _overwrite(tx: Transaction, row: Any, profile: Mapping[str, Any], salt: str) -> None:
    changed = {"profile": dict(profile), "salt": salt, "name": profile["name"], "school": profile.get("school")}
    try:
        async with tx.connection.begin_nested():
            await tx.connection.execute(
                sa.update(claimants).where(claimants.c.claimant_id == row.claimant_id).values(**changed)
            )
    except IntegrityError as error:  # The one constraint that a change can meet: a team's name at its school.
        raise refuse("team-already-registered", article="15(1)", kind="state") from error


async def _keep_certificates(tx: Transaction, claimant_id: str, declared: Sequence[Mapping[str, Any]]) -> None:
    changed = sa.update(claimants).where(claimants.c.claimant_id == claimant_id)
    await tx.connection.execute(changed.values(certificates=[dict(each) for each in declared]))


def _held(state: State) -> Any:
    """Give the certificates that count; nobody registered has none."""
    return state.certificates if isinstance(state, Registered) else ()


def _compared(number: str) -> str:
    """Write a certificate's number the one way in which two are compared."""
    return number.replace("-", "").upper()
