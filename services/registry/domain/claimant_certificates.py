"""A claimant's certificates, which raise its allowance: changed as a whole, and revoked one at a time (art. 12)."""

from dataclasses import replace
from datetime import date, timedelta

from services.registry.domain.claimant_judgement import Assessment
from shared.events.registry.claimants import (
    Certificate,
    ClaimantCertificateRevoked,
    ClaimantCertificatesChanged,
    ClaimantKind,
)
from shared.kernel.decider import message
from shared.kernel.refusal import Reason, refuse_unless


@message
class ChangeCertificates:
    """Say which certificates there are, all of them; `assessment` is what art. 7 finds with these."""

    certificates: tuple[Certificate, ...]
    assessment: Assessment


@message
class RevokeCertificate:
    """`assessment` is what art. 7 finds with what is left of the certificate."""

    certificate: Certificate
    counts_from: date
    reason_digest: str
    revoked_by: str
    assessment: Assessment


def certificates_changed(
    command: ChangeCertificates, claimant_id: str, kind: ClaimantKind, held: tuple[Certificate, ...]
) -> list[ClaimantCertificatesChanged]:
    """Write down which certificates a claimant has; the same as before change nothing."""
    certificates = command.certificates
    refuse_unless(_not_a_team(kind), _dates_reversed(certificates))
    if certificates == held:
        return []
    on = command.assessment.on
    return [ClaimantCertificatesChanged(claimant_id=claimant_id, certificates=certificates, on=on)]


def certificate_revoked(
    command: RevokeCertificate, claimant_id: str, held: tuple[Certificate, ...]
) -> list[ClaimantCertificateRevoked | ClaimantCertificatesChanged]:
    """Revoke one of a claimant's certificates from a day on, and say what is left."""
    revoked, on = command.certificate, command.assessment.on
    refuse_unless(
        None if revoked in held else Reason(code="certificate-unknown", article="12", kind="state"),
        Reason(code="revocation-after-the-end", article="12", value=command.counts_from, limit=revoked.valid_until)
        if command.counts_from > revoked.valid_until
        else None,
    )
    return [
        ClaimantCertificateRevoked(
            claimant_id=claimant_id,
            certificate=revoked,
            counts_from=command.counts_from,
            reason_digest=command.reason_digest,
            revoked_by=command.revoked_by,
            on=on,
        ),
        ClaimantCertificatesChanged(
            claimant_id=claimant_id,
            certificates=without_revoked(held, revoked, command.counts_from),
            on=on,
        ),
    ]


def without_revoked(
    certificates: tuple[Certificate, ...], revoked: Certificate, counts_from: date
) -> tuple[Certificate, ...]:
    """Give what is left of some certificates when one counts no more from a day on."""
    kept = list(certificates)
    if revoked in kept:
        kept.remove(revoked)  # One of them: two may have the same dates.
    if revoked.valid_from < counts_from:
        shorter = min(revoked.valid_until, counts_from - timedelta(days=1))
        kept.append(replace(revoked, valid_until=shorter))
    return tuple(kept)


def _not_a_team(kind: ClaimantKind) -> Reason | None:
    """Only an enterprise can hold the certificates of art. 12."""
    return None if kind == "enterprise" else Reason(code="team-has-no-certificates", article="12")


def _dates_reversed(certificates: tuple[Certificate, ...]) -> Reason | None:
    kinds = tuple(c.kind for c in certificates if c.valid_until < c.valid_from)
    return Reason(code="certificate-dates-reversed", article="12", value=kinds) if kinds else None
