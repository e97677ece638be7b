"""What redemption tells the others: applications, reviews, public notices, payments and what is asked back."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from shared.events.contracts import VoucherUse
from shared.events.definition import event

type EvidenceKind = Literal["contract", "invoice", "bank_receipt", "bookkeeping_voucher", "result_report", "use_record"]
type RefusalCause = Literal["review", "revoked"]
type SideAtFault = Literal["claimant", "provider", "both", "neither"]
type RecoveryGround = Literal["sanction", "decision"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A file that proves the service, by its id in document storage and its SHA-256."""

    kind: EvidenceKind
    document_id: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VoucherPayment:
    """What a voucher pays, in fen; `paid` ≤ `amount`, its face value."""

    voucher_id: str
    amount: int
    paid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VoucherRecovery:
    """What of a voucher's payment has come back, in fen."""

    voucher_id: str
    amount: int


@event("redemption.redemption-opened", key="provider_id")
class RedemptionOpened:
    """A contract is completed: the provider may apply for its voucher money up to and including `redeem_by`."""

    redemption_id: str
    contract_id: str
    claimant_id: str
    provider_id: str
    vouchers: tuple[VoucherUse, ...]
    amount: int
    invoiced_amount: int
    actual_amount: int
    ended_on: date
    redeem_by: date
    provisional: bool
    on: date


@event("redemption.redemption-applied", key="provider_id")
class RedemptionApplied:
    """The provider asks for the voucher money of a completed contract (art. 15(3))."""

    redemption_id: str
    contract_id: str
    claimant_id: str
    provider_id: str
    vouchers: tuple[VoucherUse, ...]
    actual_amount: int
    payable: int
    evidence: tuple[Evidence, ...]
    on: date
    pack: str
    pack_digest: str


@event("redemption.redemption-returned", key="provider_id")
class RedemptionReturned:
    """The formal check found something to correct; in what words stays with its owner."""

    redemption_id: str
    provider_id: str
    reasons_digest: str
    checked_by: str
    correct_by: date
    on: date


@event("redemption.redemption-corrected", key="provider_id")
class RedemptionCorrected:
    """The provider has put the application right."""

    redemption_id: str
    provider_id: str
    evidence: tuple[Evidence, ...]
    on: date


@event("redemption.redemption-accepted", key="provider_id")
class RedemptionAccepted:
    """The formal check is passed; experts are to judge (art. 15(4))."""

    redemption_id: str
    provider_id: str
    checked_by: str
    on: date


@event("redemption.panel-drawn", key="provider_id")
class PanelDrawn:
    """Experts were drawn at random; anyone can repeat the draw from the published seed and the candidates."""

    redemption_id: str
    provider_id: str
    seed: str
    candidates: tuple[str, ...]
    experts: tuple[str, ...]
    on: date


@event("redemption.experts-replaced", key="provider_id")
class ExpertsReplaced:
    """A measure of art. 17 has taken experts off a panel before they judged; others were drawn in their place.

    What was judged on the panel before stands; the draw can be repeated like the first one.
    """

    redemption_id: str
    provider_id: str
    seed: str
    removed: tuple[str, ...]
    candidates: tuple[str, ...]
    experts: tuple[str, ...]
    on: date


@event("redemption.opinion-given", key="provider_id")
class OpinionGiven:
    """One expert has judged; the reasons stay with the panel, their digest is here."""

    redemption_id: str
    provider_id: str
    expert_id: str
    score: int
    recommendation: Literal["approve", "approve_less", "refuse"]
    amount: int
    reasons_digest: str
    on: date


@event("redemption.redemption-approved", key="provider_id")
class RedemptionApproved:
    """The panel's judgement: these vouchers are to be paid this much (art. 12, 15(4))."""

    redemption_id: str
    contract_id: str
    claimant_id: str
    provider_id: str
    payments: tuple[VoucherPayment, ...]
    approved: int
    on: date


@event("redemption.redemption-refused", key="provider_id")
class RedemptionRefused:
    """Nothing is paid: the panel refuses, or a sanction took the voucher (art. 9(4), 10(3), 17).

    `side_at_fault` answers for it; in what words the panel refused stays with its owner (faq 8).
    """

    redemption_id: str
    contract_id: str
    claimant_id: str
    provider_id: str
    vouchers: tuple[VoucherUse, ...]
    cause: RefusalCause
    cause_digest: str
    side_at_fault: SideAtFault
    on: date


@event("redemption.notice-published", key="provider_id")
class NoticePublished:
    """The result is shown to the public from the day after `on` up to and including `until` (art. 15(5))."""

    redemption_id: str
    provider_id: str
    notice_id: str
    until: date
    provisional: bool
    on: date


@event("redemption.objection-raised", key="provider_id")
class ObjectionRaised:
    """Somebody has objected in writing; nothing is paid while it is open."""

    redemption_id: str
    provider_id: str
    notice_id: str
    objection_id: str
    text_digest: str
    on: date


@event("redemption.objection-answered", key="provider_id")
class ObjectionAnswered:
    """The office has answered an objection; `upheld` sends the redemption back to the experts."""

    redemption_id: str
    provider_id: str
    notice_id: str
    objection_id: str
    upheld: bool
    answered_by: str
    on: date


@event("redemption.notice-concluded", key="provider_id")
class NoticeConcluded:
    """The notice has run its full length and no objection is open."""

    redemption_id: str
    provider_id: str
    notice_id: str
    on: date


@event("redemption.notice-withdrawn", key="provider_id")
class NoticeWithdrawn:
    """What the notice announced will not be: a sanction has taken the voucher meanwhile (art. 17)."""

    redemption_id: str
    provider_id: str
    notice_id: str
    on: date


@event("redemption.disbursement-ordered", key="provider_id")
class DisbursementOrdered:
    """An officer has proposed the payment; a second one must approve it."""

    redemption_id: str
    provider_id: str
    ordered_by: str
    amount: int
    on: date


@event("redemption.redemption-carried-over", key="provider_id")
class RedemptionCarriedOver:
    """Ready in the fourth quarter: paid from the first day of the next year (art. 15(5))."""

    redemption_id: str
    provider_id: str
    payable_from: date
    on: date


@event("redemption.funds-disbursed", key="provider_id")
class FundsDisbursed:
    """The money is paid (art. 15(5)); `payments` say what of each voucher."""

    redemption_id: str
    contract_id: str
    claimant_id: str
    provider_id: str
    payments: tuple[VoucherPayment, ...]
    total: int
    ordered_by: str
    approved_by: str
    on: date


@event("redemption.redemption-lapsed", key="provider_id")
class RedemptionLapsed:
    """No application, or no correction, came in time (art. 15(3)); the vouchers lapse."""

    redemption_id: str
    contract_id: str
    claimant_id: str
    provider_id: str
    vouchers: tuple[VoucherUse, ...]
    on: date


@event("redemption.recovery-proposed", key="provider_id")
class RecoveryProposed:
    """An officer proposes to ask `amount` fen of a payment back by and including `due_on` (art. 17).

    It rests on a measure in force (`sanction_id`) or on a written decision (`decision`, its number); `article` is the
    provision that was broken. In what words it is reasoned stays with the office and the provider.
    """

    recovery_id: str
    redemption_id: str
    contract_id: str
    claimant_id: str
    provider_id: str
    amount: int
    ground: RecoveryGround
    sanction_id: str | None
    decision: str | None
    article: str
    reasons_digest: str
    due_on: date
    proposed_by: str
    on: date
    pack: str
    pack_digest: str


@event("redemption.recovery-ordered", key="provider_id")
class RecoveryOrdered:
    """Two officers ask money back that was paid (art. 17: 追回已拨付资金), by and including `due_on`."""

    recovery_id: str
    redemption_id: str
    contract_id: str
    claimant_id: str
    provider_id: str
    amount: int
    due_on: date
    proposed_by: str
    approved_by: str
    on: date


@event("redemption.recovery-withdrawn", key="provider_id")
class RecoveryWithdrawn:
    """The rest is not asked back after all: the proposal was turned down, or the order taken back."""

    recovery_id: str
    redemption_id: str
    provider_id: str
    reasons_digest: str
    withdrawn_by: str
    on: date


@event("redemption.recovery-overdue", key="provider_id")
class RecoveryOverdue:
    """The last day has passed, and `outstanding` fen have not come back."""

    recovery_id: str
    redemption_id: str
    provider_id: str
    outstanding: int
    due_on: date
    on: date


@event("redemption.funds-recovered", key="provider_id")
class FundsRecovered:
    """Money has come back: `recoveries` say what of each voucher, in fen; it may be a part of what was asked for."""

    recovery_id: str
    repayment_id: str
    redemption_id: str
    contract_id: str
    claimant_id: str
    provider_id: str
    recoveries: tuple[VoucherRecovery, ...]
    amount: int
    received_on: date
    recorded_by: str
    on: date


@event("redemption.repayment-reversed", key="provider_id")
class RepaymentReversed:
    """A repayment was recorded by mistake: it counts no more, voucher by voucher as it was counted."""

    recovery_id: str
    repayment_id: str
    redemption_id: str
    contract_id: str
    claimant_id: str
    provider_id: str
    recoveries: tuple[VoucherRecovery, ...]
    amount: int
    reasons_digest: str
    reversed_by: str
    on: date
