"""What happens to a voucher, from the claim to its end."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from shared.events.definition import Payload, event, upcaster

type ExpiryCause = Literal["not_registered", "not_used"]


type DeadlineKind = Literal["registration", "validity"]


type LapseCause = Literal["not_applied", "refused"]


type LiveStage = Literal["claimed", "committed", "used"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassPart:
    """What a claim took from the part of a class, in fen."""

    name: str
    amount: int


@event("issuance.voucher-claimed", key="claimant_id")
class VoucherClaimed:
    """A claimant holds a new voucher: quota decremented, allowance of `year` reserved (art. 12, 15(1)).

    `place` counts the period's claims from 1 in order of arrival; `register_by` is the last day to register an activity
    (art. 15(2)), `provisional` while the working days of that year are unpublished. `allowance` is what the claim was
    decided on: the most that the year may hold, in fen. `parts` were taken from the quota's parts for classes; the
    rest of it is everybody's.
    """

    voucher_id: str
    period_id: str
    claimant_id: str
    year: int
    amount: int
    allowance: int
    place: int
    on: date
    register_by: date
    provisional: bool
    pack: str
    pack_digest: str
    parts: tuple[ClassPart, ...] = ()


@event("issuance.voucher-cancelled", key="claimant_id")
class VoucherCancelled:
    """The claimant has given the voucher back before registration.

    `released` returns to the allowance, in fen, by the rules of the day; the rest of `amount` stays reserved.
    """

    voucher_id: str
    period_id: str
    claimant_id: str
    year: int
    amount: int
    released: int
    on: date


@event("issuance.voucher-committed", key="claimant_id")
class VoucherCommitted:
    """The voucher's activity is registered: it now belongs to one contract, until `valid_until` (art. 15(2))."""

    voucher_id: str
    period_id: str
    claimant_id: str
    year: int
    amount: int
    contract_id: str
    on: date
    valid_until: date
    provisional: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyNot:
    """One reason of a refusal that travels between contexts."""

    code: str
    article: str
    value: str = ""


@event("issuance.voucher-commitment-refused", key="claimant_id")
class VoucherCommitmentRefused:
    """None of the vouchers of a submitted contract could be committed, and why."""

    contract_id: str
    claimant_id: str
    reasons: tuple[WhyNot, ...]
    on: date


@event("issuance.voucher-commitment-released", key="claimant_id")
class VoucherCommitmentReleased:
    """The contract came to nothing before it was registered; the voucher is as it was before."""

    voucher_id: str
    period_id: str
    claimant_id: str
    year: int
    amount: int
    contract_id: str
    on: date


@event("issuance.voucher-used", key="claimant_id")
class VoucherUsed:
    """The contract was completed within the validity; the voucher now waits for its redemption (art. 15(3))."""

    voucher_id: str
    period_id: str
    claimant_id: str
    year: int
    amount: int
    contract_id: str
    on: date


@event("issuance.voucher-reminded", key="claimant_id")
class VoucherReminded:
    """The claimant is reminded that the voucher must be registered, or used, by its last day (art. 15(2)).

    `days_left` counts from `on` to `last_day`; `provisional` while the working days of that year are unpublished.
    """

    voucher_id: str
    period_id: str
    claimant_id: str
    deadline: DeadlineKind
    last_day: date
    provisional: bool
    days_left: int
    on: date


@event("issuance.voucher-expired", key="claimant_id")
class VoucherExpired:
    """The voucher's time has run out (art. 15(2): 逾期自动作废).

    `released` returns to the allowance, in fen, by the rules of the day; the rest of `amount` stays reserved.
    """

    voucher_id: str
    period_id: str
    claimant_id: str
    year: int
    amount: int
    released: int
    cause: ExpiryCause
    contract_id: str | None
    on: date


@event("issuance.voucher-lapsed", key="claimant_id")
class VoucherLapsed:
    """A used voucher was never paid: no application in time (art. 15(3)), or refused.

    `released` returns to the allowance, in fen, by the rules of the day; the rest of `amount` stays reserved.
    """

    voucher_id: str
    period_id: str
    claimant_id: str
    year: int
    amount: int
    released: int
    contract_id: str
    cause: LapseCause
    on: date


@event("issuance.voucher-revoked", key="claimant_id", version=2)
class VoucherRevoked:
    """A sanction has taken the voucher (art. 17); its allowance is not released.

    `stage` and `contract_id` say where its money lay until then.
    """

    voucher_id: str
    period_id: str
    claimant_id: str
    year: int
    amount: int
    stage: LiveStage
    contract_id: str | None
    sanction_id: str
    on: date


@upcaster("cxq.issuance.voucher-revoked.v1", to="cxq.issuance.voucher-revoked.v2")
def _money_lay_unregistered(old: Payload) -> Payload:
    """Version 1 did not say where the money lay; the audit (M6) names a voucher of which this is not true."""
    return old | {"stage": "claimed", "contract_id": None}


@event("issuance.voucher-redeemed", key="claimant_id", version=2)
class VoucherRedeemed:
    """The voucher was paid: `paid` is spent, in fen, and `released` returns to the allowance by the rules of the day.

    What is left of `amount`, if anything, stays reserved. `revoked` tells of a payment that had left before the
    sanction that took the voucher was heard of (art. 17).
    """

    voucher_id: str
    period_id: str
    claimant_id: str
    year: int
    amount: int
    contract_id: str
    redemption_id: str
    paid: int
    released: int
    revoked: bool
    on: date


@upcaster("cxq.issuance.voucher-redeemed.v1", to="cxq.issuance.voucher-redeemed.v2")
def _was_not_revoked(old: Payload) -> Payload:
    """Version 1 did not tell a payment on a revoked voucher from others; the audit (M6) names one that was."""
    return old | {"revoked": False}


@event("issuance.voucher-clawed-back", key="claimant_id")
class VoucherClawedBack:
    """Money that was paid on the voucher came back: `recovered`, in fen (art. 17).

    It returns neither to the allowance nor to the period: what was spent stays spent (reading 4).
    """

    voucher_id: str
    period_id: str
    claimant_id: str
    year: int
    amount: int
    contract_id: str
    redemption_id: str
    recovery_id: str
    repayment_id: str
    recovered: int
    on: date


@event("issuance.voucher-claw-back-reversed", key="claimant_id")
class VoucherClawBackReversed:
    """That money had not come back after all: the repayment was recorded by mistake; the reverse of its posting."""

    voucher_id: str
    period_id: str
    claimant_id: str
    year: int
    amount: int
    contract_id: str
    redemption_id: str
    recovery_id: str
    repayment_id: str
    recovered: int
    on: date
