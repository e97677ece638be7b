"""Agencies and laboratories join and leave: application, return, correction, review, end (faq 4, 5 and 7)."""

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.registry.domain import laboratory as laboratories
from services.registry.domain import service_agency as service_agencies
from services.registry.domain.affiliation import (
    ARTICLES,
    Affiliation,
    CorrectAffiliation,
    EndAffiliation,
    Ended,
    Rejected,
    RequestAffiliation,
    ReturnForCorrection,
    ReviewAffiliation,
)
from services.registry.domain.credit_code import is_valid
from services.registry.domain.profile import digest_of
from services.registry.domain.referral_agency import referral_agency
from services.registry.institution_tables import affiliation_remarks, affiliations
from services.registry.use_cases.barring import is_barred, is_code_barred
from services.registry.use_cases.judging_affiliations import (
    Submission,
    accreditations_of,
    conditions_of,
    findings_of,
)
from services.registry.use_cases.streams import stream_of
from shared.documents.storage import digests_of
from shared.events.registry.affiliations import AffiliationCondition, AffiliationKind, WhyEnded
from shared.events.registry.laboratories import Accreditation
from shared.kernel.calendar import start_of
from shared.kernel.decider import Decider
from shared.kernel.refusal import Reason, refuse, refuse_unless
from shared.procedures.due import set_deadline
from shared.store.transaction import Handled, Loaded, Transaction, UnknownSubjectError

RECOGNITION_LAPSES = "laboratory-recognition-lapses"

PREFIXES: Mapping[AffiliationKind, str] = {"referral_agency": "rag", "service_agency": "sag", "laboratory": "lab"}
_DECIDERS: Mapping[AffiliationKind, Decider[Any, Any, Any]] = {
    "referral_agency": referral_agency,
    "service_agency": service_agencies.service_agency,
    "laboratory": laboratories.laboratory,
}
type Verdicts = tuple[tuple[AffiliationCondition, bool, str], ...]
"""Each condition, whether the officer found it met, and what was written beside it."""


async def request(tx: Transaction, party_id: str, submission: Submission) -> Handled[Any, Any]:
    """Take an application that the rules do not refuse; a code and a principal apply once at a time."""
    if not is_valid(submission.credit_code):
        raise refuse("credit-code-invalid", article=ARTICLES[submission.kind])
    terms, salt = tx.measures.on(tx.today), secrets.token_hex(16)
    asked = RequestAffiliation(
        party_id=party_id,
        kind=submission.kind,
        principal=submission.principal,
        findings=await _judged(tx, submission),
        barred=await is_code_barred(tx, submission.credit_code),
        submission_digest=digest_of(salt, submission.content),
        document_digests=await _document_digests(tx, submission),
        on=tx.today,
        pack=terms.pack,
        pack_digest=terms.digest,
    )
    command: Any = asked
    if submission.kind == "service_agency":
        command = service_agencies.ApplyAsServiceAgency(request=asked, provider_id=submission.content["provider_id"])
    elif submission.kind == "laboratory":
        command = laboratories.ReportLaboratory(
            request=asked,
            route="field_centre" if submission.through.startswith("fct_") else "service_agency",
            through=submission.through,
            accreditations=_accepted(tx, submission.content),
        )
    handled = await tx.handle(_DECIDERS[submission.kind], _stream(party_id, submission.kind), command)
    await _take(tx, party_id, submission, salt)
    return handled


async def correct(tx: Transaction, party_id: str, submission: Submission, *, if_match: int | None) -> Handled[Any, Any]:
    """Take a returned application again; whose code it was stays, or it would be another application."""
    row = await own_affiliation(tx, party_id, submission.principal)
    if (row.kind, row.through) != (submission.kind, submission.through):
        raise UnknownSubjectError(party_id)
    if submission.credit_code != row.credit_code:
        raise refuse("credit-code-stays", article=ARTICLES[submission.kind])
    terms, salt = tx.measures.on(tx.today), secrets.token_hex(16)
    correction = CorrectAffiliation(
        findings=await _judged(tx, submission),
        barred=await is_institution_barred(tx, row),
        submission_digest=digest_of(salt, submission.content),
        document_digests=await _document_digests(tx, submission),
        on=tx.today,
        pack=terms.pack,
        pack_digest=terms.digest,
    )
    command: Any = correction
    if submission.kind == "service_agency":
        command = service_agencies.CorrectApplication(
            correction=correction, provider_id=submission.content["provider_id"]
        )
    elif submission.kind == "laboratory":
        command = laboratories.CorrectReport(correction=correction, accreditations=_accepted(tx, submission.content))
    handled = await _handle(tx, party_id, row.kind, command, if_match)
    await tx.connection.execute(
        sa.update(affiliations)
        .where(affiliations.c.party_id == party_id)
        .values(
            name=submission.name,
            organisation=submission.organisation,
            submission=dict(submission.content),
            documents=list(submission.documents),
            salt=salt,
        )
    )
    return handled


async def return_for_correction(
    tx: Transaction, party_id: str, officer: str, remark: str, *, if_match: int | None
) -> Handled[Any, Any]:
    """Send an application back with what is to be mended."""
    row = await locked_affiliation(tx, party_id)
    salt, remarks = secrets.token_hex(16), {"reason": remark}
    command = ReturnForCorrection(remark_digest=digest_of(salt, remarks), officer=officer, on=tx.today)
    handled = await _handle(tx, party_id, row.kind, command, if_match)
    await keep_remarks(tx, party_id, handled.version, remarks, salt)
    return handled


async def review(
    tx: Transaction, party_id: str, officer: str, verdicts: Verdicts, *, if_match: int | None
) -> Handled[Any, Any]:
    """Let an applicant in, or refuse it with a reason for each condition that is not met."""
    row = await locked_affiliation(tx, party_id)
    terms, salt = tx.measures.on(tx.today), secrets.token_hex(16)
    remarks: dict[str, str] = {condition: remark for condition, _, remark in verdicts}
    command = ReviewAffiliation(
        conditions=conditions_of(row.kind, terms.standing),
        verdicts=tuple((condition, met) for condition, met, _ in verdicts),
        findings=await findings_of(tx, row.kind, row.submission, credit_code=row.credit_code, through=row.through),
        barred=await is_institution_barred(tx, row),
        remark_digest=digest_of(salt, remarks),
        officer=officer,
        on=tx.today,
        pack=terms.pack,
        pack_digest=terms.digest,
    )
    handled = await _handle(tx, party_id, row.kind, command, if_match)
    await keep_remarks(tx, party_id, handled.version, remarks, salt)
    await _settle(tx, party_id, handled.state)
    return handled


async def end(
    tx: Transaction, party_id: str, by: str, cause: WhyEnded, reason: str, *, if_match: int | None
) -> Handled[Any, Any]:
    """End an affiliation: `withdrawn` by its own principal, `removed` by the office; both say why."""
    row = await (own_affiliation(tx, party_id, by) if cause == "withdrawn" else locked_affiliation(tx, party_id))
    salt, remarks = secrets.token_hex(16), {"reason": reason}
    command = EndAffiliation(cause=cause, reason_digest=digest_of(salt, remarks), ended_by=by, on=tx.today)
    handled = await _handle(tx, party_id, row.kind, command, if_match)
    await keep_remarks(tx, party_id, handled.version, remarks, salt)
    await _settle(tx, party_id, handled.state)
    return handled


async def locked_affiliation(tx: Transaction, party_id: str) -> Any:
    """Lock the row of an agency or a laboratory until the transaction ends; `UnknownSubjectError` if there is none.

    The other agencies of the same body are locked with it, in one order, because a measure may stand against any.
    """
    same = affiliations.alias("same")
    code = sa.select(same.c.credit_code).where(same.c.party_id == party_id).scalar_subquery()
    agencies = (affiliations.c.credit_code == code) & (affiliations.c.kind != "laboratory")
    rows = (
        sa.select(affiliations)
        .where((affiliations.c.party_id == party_id) | agencies)
        .order_by(affiliations.c.party_id)
        .with_for_update()
    )
    for row in (await tx.connection.execute(rows)).all():
        if row.party_id == party_id:
            return row
    raise UnknownSubjectError(party_id)


async def own_affiliation(tx: Transaction, party_id: str, principal: str) -> Any:
    """Lock the row of the principal's own agency or laboratory; `UnknownSubjectError` for anybody else's."""
    row = await locked_affiliation(tx, party_id)
    if row.principal != principal:
        raise UnknownSubjectError(party_id)
    return row


async def is_institution_barred(tx: Transaction, row: Any) -> bool:
    """Tell whether a measure stands against an institution, or against the body it is or belongs to."""
    return await is_barred(tx, row.party_id) or await is_code_barred(tx, row.credit_code)


async def check_not_barred(tx: Transaction, row: Any) -> None:
    """Refuse anything new of an institution that is disqualified today."""
    barred = await is_institution_barred(tx, row)
    refuse_unless(Reason(code="party-barred", article="17", kind="state") if barred else None)


async def load_affiliated(tx: Transaction, party_id: str, kind: AffiliationKind) -> Loaded[Any]:
    """Fold the stream of an agency or a laboratory."""
    return await tx.load(_DECIDERS[kind], _stream(party_id, kind))


async def keep_remarks(tx: Transaction, party_id: str, version: int, remarks: Mapping[str, str], salt: str) -> None:
    """Keep what was written at a step; the log has its digest."""
    await tx.connection.execute(
        sa.insert(affiliation_remarks).values(party_id=party_id, version=version, remarks=dict(remarks), salt=salt)
    )


async def close(tx: Transaction, party_id: str) -> None:
    """Let go of the principal, the code and the name of what came to nothing or is over."""
    await tx.connection.execute(sa.update(affiliations).where(affiliations.c.party_id == party_id).values(closed=True))


async def end_recognition_in_time(tx: Transaction, laboratory_id: str, state: laboratories.Laboratory) -> None:
    """Have a laboratory leave the catalogue on the day after its recognition ends."""
    if state.entry is not None and state.entry.valid_until is not None:
        due = start_of(state.entry.valid_until + timedelta(days=1))
        await set_deadline(tx, RECOGNITION_LAPSES, laboratory_id, due)


def _stream(party_id: str, kind: AffiliationKind) -> str:
    return stream_of(party_id, PREFIXES[kind])


async def _handle(
    tx: Transaction, party_id: str, kind: AffiliationKind, command: Any, if_match: int | None
) -> Handled[Any, Any]:
    return await tx.handle(_DECIDERS[kind], _stream(party_id, kind), command, if_match=if_match)


async def _settle(tx: Transaction, party_id: str, state: Any) -> None:
    joined: Affiliation = state.affiliation
    if isinstance(joined, (Rejected, Ended)):
        await close(tx, party_id)
    if isinstance(state, laboratories.Laboratory):
        await end_recognition_in_time(tx, party_id, state)


async def _judged(tx: Transaction, submission: Submission) -> Any:
    return await findings_of(
        tx, submission.kind, submission.content, credit_code=submission.credit_code, through=submission.through
    )


async def _document_digests(tx: Transaction, submission: Submission) -> tuple[str, ...]:
    found = await digests_of(tx, submission.owner, submission.documents, article=ARTICLES[submission.kind])
    return tuple(found[document_id] for document_id in submission.documents)


def _accepted(tx: Transaction, content: Mapping[str, Any]) -> tuple[Accreditation, ...]:
    kinds = tx.measures.on(tx.today).standing.laboratory_accreditations
    return tuple(a for a in accreditations_of(content) if a.kind in kinds)


async def _take(tx: Transaction, party_id: str, submission: Submission, salt: str) -> None:
    """Take the principal, the code and the name; whoever has taken one before refuses this."""
    taken = await tx.connection.execute(
        insert(affiliations)
        .values(
            party_id=party_id,
            kind=submission.kind,
            principal=submission.principal,
            name=submission.name,
            credit_code=submission.credit_code,
            organisation=submission.organisation,
            through=submission.through,
            submission=dict(submission.content),
            documents=list(submission.documents),
            salt=salt,
        )
        .on_conflict_do_nothing()
        .returning(affiliations.c.party_id)
    )
    if taken.first() is None:
        await _refuse_twin(tx, submission)


async def _refuse_twin(tx: Transaction, submission: Submission) -> None:
    """Say what is taken, and nothing of who has it."""
    article = ARTICLES[submission.kind]
    if submission.kind == "laboratory":
        raise refuse("laboratory-already-reported", article=article, kind="state")
    by_principal = affiliations.c.principal == submission.principal
    by_code = affiliations.c.credit_code == submission.credit_code
    found = await tx.connection.execute(
        sa.select(sa.func.bool_or(by_principal), sa.func.bool_or(by_code)).where(
            ~affiliations.c.closed, affiliations.c.kind == submission.kind, by_principal | by_code
        )
    )
    has_principal, has_code = found.one()
    refuse_unless(
        Reason(code="principal-has-agency", article=article, kind="state") if has_principal else None,
        Reason(code="credit-code-taken", article=article, kind="state") if has_code else None,
    )
    raise AssertionError("an insert that conflicts conflicts with something")
