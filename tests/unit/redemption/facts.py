"""One contract of 120,000 元, completed at 80,000 元, and what happens to its voucher of 50,000 元."""

from datetime import date

from services.redemption.domain.redemption import Event
from shared.events.contracts import VoucherUse
from shared.events.redemption import (
    DisbursementOrdered,
    Evidence,
    EvidenceKind,
    NoticeConcluded,
    NoticePublished,
    OpinionGiven,
    PanelDrawn,
    RedemptionAccepted,
    RedemptionApplied,
    RedemptionApproved,
    RedemptionOpened,
    VoucherPayment,
)
from shared.kernel.money import yuan

RDM, CTR, CLM, PRV = "rdm_1", "ctr_1", "clm_1", "prv_1"
MARCH_2 = date(2026, 3, 2)
REDEEM_BY = date(2026, 4, 2)
VOUCHERS = (VoucherUse(voucher_id="vch_1", amount=yuan(50_000)),)
ACTUAL, PAYABLE = yuan(80_000), yuan(40_000)
KINDS: tuple[EvidenceKind, ...] = (
    "contract",
    "invoice",
    "bank_receipt",
    "bookkeeping_voucher",
    "result_report",
    "use_record",
)
EVIDENCE = tuple(Evidence(kind=kind, document_id=f"doc_{kind}", digest="00") for kind in KINDS)
EXPERTS = ("exp_1", "exp_2", "exp_3")

OPENED = RedemptionOpened(
    redemption_id=RDM, contract_id=CTR, claimant_id=CLM, provider_id=PRV, vouchers=VOUCHERS, amount=yuan(120_000),
    invoiced_amount=yuan(90_000), actual_amount=ACTUAL, ended_on=MARCH_2, redeem_by=REDEEM_BY, provisional=False,
    on=MARCH_2,
)  # fmt: skip
APPLIED = RedemptionApplied(
    redemption_id=RDM, contract_id=CTR, claimant_id=CLM, provider_id=PRV, vouchers=VOUCHERS, actual_amount=ACTUAL,
    payable=PAYABLE, evidence=EVIDENCE, on=REDEEM_BY, pack="beijing-2023", pack_digest="d",
)  # fmt: skip
ACCEPTED = RedemptionAccepted(redemption_id=RDM, provider_id=PRV, checked_by="off_1", on=REDEEM_BY)
DRAWN = PanelDrawn(
    redemption_id=RDM, provider_id=PRV, seed="s", candidates=EXPERTS, experts=EXPERTS, on=date(2026, 4, 3)
)


def opinion(expert_id: str, amount: int) -> OpinionGiven:
    """Say what one expert would pay."""
    recommendation = "approve" if amount == PAYABLE else "approve_less" if amount else "refuse"
    return OpinionGiven(
        redemption_id=RDM, provider_id=PRV, expert_id=expert_id, score=80, recommendation=recommendation,  # type: ignore[arg-type]
        amount=amount, reasons_digest="r", on=date(2026, 4, 4),
    )  # fmt: skip


OPINIONS = tuple(opinion(expert, PAYABLE) for expert in EXPERTS)
APRIL_7 = date(2026, 4, 7)
"""A working day after the holiday of 4 to 6 April 2026; five working days later is 14 April."""
UNTIL = date(2026, 4, 14)
PAYMENTS = (VoucherPayment(voucher_id="vch_1", amount=yuan(50_000), paid=PAYABLE),)
APPROVED = RedemptionApproved(
    redemption_id=RDM,
    contract_id=CTR,
    claimant_id=CLM,
    provider_id=PRV,
    payments=PAYMENTS,
    approved=PAYABLE,
    on=APRIL_7,
)
PUBLISHED = NoticePublished(
    redemption_id=RDM, provider_id=PRV, notice_id="ntc_1", until=UNTIL, provisional=False, on=APRIL_7
)
NOTICE_OVER = NoticeConcluded(redemption_id=RDM, provider_id=PRV, notice_id="ntc_1", on=date(2026, 4, 15))
ORDERED = DisbursementOrdered(
    redemption_id=RDM, provider_id=PRV, ordered_by="off_1", amount=PAYABLE, on=date(2026, 4, 16)
)
TO_REVIEW: tuple[Event, ...] = (OPENED, APPLIED, ACCEPTED, DRAWN)
ON_NOTICE: tuple[Event, ...] = (*TO_REVIEW, *OPINIONS, APPROVED, PUBLISHED)
PAYABLE_NOW: tuple[Event, ...] = (*ON_NOTICE, NOTICE_OVER)
