"""A company or a team registers itself and says what it is (art. 7, 10(1), 15(1))."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.registry.domain.claimant import ChangeCertificates, Event, RegisterClaimant, State, claimant
from services.registry.domain.eligibility import (
    EnterpriseFacts,
    Finding,
    TeamFacts,
    enterprise_findings,
    team_findings,
)
from services.registry.domain.profile import digest_of
from services.registry.tables import claimants
from services.registry.use_cases.barring import is_barred, is_code_barred
from services.registry.use_cases.streams import stream_of
from shared.events.registry.claimants import Certificate, ClaimantKind
from shared.kernel.refusal import Reason, refuse_unless
from shared.measures.terms import Terms
from shared.store.transaction import Handled, Transaction, UnknownSubjectError


async def register_enterprise(
    tx: Transaction, claimant_id: str, principal: str, *, name: str, facts: EnterpriseFacts,
    profile: Mapping[str, object],
) -> Handled[Event, State]:  # fmt: skip
    """Register a company whose every rule of art. 7 passes; `profile` is all it declared, as plain JSON values."""
    terms = tx.measures.on(tx.today)
    barred = facts.credit_code is not None and await is_code_barred(tx, facts.credit_code)
    findings = enterprise_findings(replace(facts, barred=barred), terms.eligibility, terms.voucher, tx.today)
    command = _command(tx, claimant_id, "enterprise", principal, findings, facts.certificates, terms)
    unique = {"credit_code": facts.credit_code, "name": name, "school": None}
    return await _register(tx, command, profile, unique)


async def register_team(
    tx: Transaction, claimant_id: str, principal: str, *, name: str, school: str, facts: TeamFacts,
    profile: Mapping[str, object],
) -> Handled[Event, State]:  # fmt: skip
    """Register a team of students; who its members are stays in the profile."""
    terms = tx.measures.on(tx.today)
    findings = team_findings(facts, terms.eligibility)
    command = _command(tx, claimant_id, "team", principal, findings, (), terms)
    return await _register(tx, command, profile, {"credit_code": None, "name": name, "school": school})


async def change_certificates(
    tx: Transaction, claimant_id: str, principal: str, certificates: tuple[Certificate, ...],
    declared: Sequence[Mapping[str, object]], *, if_match: int | None,
) -> Handled[Event, State]:  # fmt: skip
    """Replace a company's certificates (art. 12); `declared` is what its profile keeps of them, numbers included."""
    own = sa.select(claimants.c.claimant_id).where(
        claimants.c.claimant_id == claimant_id, claimants.c.principal == principal
    )
    if (await tx.connection.execute(own.with_for_update())).first() is None:
        raise UnknownSubjectError(claimant_id)
    barred = await is_barred(tx, claimant_id)
    refuse_unless(Reason(code="party-barred", article="17", kind="state") if barred else None)
    command = ChangeCertificates(certificates=certificates, on=tx.today)
    handled = await tx.handle(claimant, stream_of(claimant_id, "clm"), command, if_match=if_match)
    await tx.connection.execute(
        sa.update(claimants).where(claimants.c.claimant_id == claimant_id).values(certificates=list(declared))
    )
    return handled


def _command(
    tx: Transaction, claimant_id: str, kind: ClaimantKind, principal: str, findings: tuple[Finding, ...],
    certificates: tuple[Certificate, ...], terms: Terms,
) -> RegisterClaimant:  # fmt: skip
    return RegisterClaimant(
        claimant_id=claimant_id,
        kind=kind,
        principal=principal,
        certificates=certificates,
        findings=findings,
        profile_digest="",
        on=tx.today,
        pack=terms.pack,
        pack_digest=terms.digest,
    )


async def _register(
    tx: Transaction, command: RegisterClaimant, profile: Mapping[str, object], unique: Mapping[str, object]
) -> Handled[Event, State]:
    """Decide, then take the principal, the code and the name; whoever has taken one before refuses this."""
    salt = secrets.token_hex(16)
    sealed = replace(command, profile_digest=digest_of(salt, profile))
    handled = await tx.handle(claimant, stream_of(command.claimant_id, "clm"), sealed)
    row = {"claimant_id": command.claimant_id, "kind": command.kind, "principal": command.principal, **unique}
    certificates = profile.get("certificates", [])
    taken = await tx.connection.execute(
        insert(claimants)
        .values(**row, profile=dict(profile), certificates=certificates, salt=salt)
        .on_conflict_do_nothing()
        .returning(claimants.c.claimant_id)
    )
    if taken.first() is None:
        await _refuse_twin(tx, command, unique)
    return handled


async def _refuse_twin(tx: Transaction, command: RegisterClaimant, unique: Mapping[str, object]) -> None:
    """Say which of the three is taken, and nothing of who has it."""
    code, name = unique["credit_code"], unique["name"] if unique["school"] is not None else None
    by_principal = claimants.c.principal == command.principal
    by_code = claimants.c.credit_code == code if code is not None else sa.false()
    by_name = (claimants.c.school == unique["school"]) & (claimants.c.name == name) if name is not None else sa.false()
    found = await tx.connection.execute(
        sa.select(sa.func.bool_or(by_principal), sa.func.bool_or(by_code), sa.func.bool_or(by_name)).where(
            by_principal | by_code | by_name
        )
    )
    has_principal, has_code, has_name = found.one()
    refuse_unless(
        Reason(code="principal-has-claimant", article="15(1)", kind="state") if has_principal else None,
        Reason(code="credit-code-taken", article="15(1)", kind="state") if has_code else None,
        Reason(code="team-already-registered", article="15(1)", kind="state") if has_name else None,
    )
    raise AssertionError("an insert that conflicts conflicts with something")
