"""The rules of redemption, one a function (art. 9(4), 12, 15(3)-(5))."""

from datetime import date
from typing import Literal

from services.redemption.domain.commands import (
    Apply,
    Conclude,
    ConcludeNotice,
    Disburse,
    DrawPanel,
    GiveOpinion,
    OpenRedemption,
    RefuseForRevocation,
    ReplaceExperts,
    ReturnForCorrection,
)
from services.redemption.domain.payable import distribute, payable_in_full
from services.redemption.domain.stages import Approved, File, Going, Payable, UnderReview
from shared.events.redemption import (
    Evidence,
    ExpertsReplaced,
    FundsDisbursed,
    NoticeConcluded,
    NoticePublished,
    NoticeWithdrawn,
    OpinionGiven,
    PanelDrawn,
    RedemptionApplied,
    RedemptionApproved,
    RedemptionCarriedOver,
    RedemptionLapsed,
    RedemptionOpened,
    RedemptionRefused,
    RedemptionReturned,
)
from shared.kernel.calendar import days_after, deadline_on
from shared.kernel.refusal import Reason, refuse, refuse_unless
from shared.procedures.approvals import four_eyes
from shared.procedures.notices import Notice, check_conclusion, period_of_notice
from shared.procedures.panels import draw, eligible, verdict

PANEL_SIZE = 3
"""Odd, so that a panel always has a majority."""
CORRECTION_DAYS = 10
"""What a provider has to put an application right; never less than the application period itself."""
REQUIRED_EVIDENCE = ("contract", "invoice", "bank_receipt", "bookkeeping_voucher", "result_report", "use_record")
_QUARTER_MONTHS = 3


def check_evidence(
    evidence: tuple[Evidence, ...], invoices_total: int, invoiced_amount: int, on: date, last_day: date
) -> None:
    handed_in = {item.kind for item in evidence}
    missing = [kind for kind in REQUIRED_EVIDENCE if kind not in handed_in]
    refuse_unless(
        Reason(code="redemption-too-late", article="15(3)", value=on, limit=last_day,
               parameter="redemption_application_months") if on > last_day else None,
        Reason(code="evidence-missing", article="15(3)", value=tuple(missing)) if missing else None,
        Reason(code="invoice-total-differs", article="12", value=invoices_total, limit=invoiced_amount)
        if invoices_total != invoiced_amount else None,
    )  # fmt: skip


def applied(command: Apply, file: File) -> RedemptionApplied:
    check_evidence(command.evidence, command.invoices_total, file.invoiced_amount, command.on, file.redeem_by)
    return RedemptionApplied(
        redemption_id=file.redemption_id,
        contract_id=file.contract_id,
        claimant_id=file.claimant_id,
        provider_id=file.provider_id,
        vouchers=file.vouchers,
        actual_amount=file.actual_amount,
        payable=payable_in_full(file.vouchers, file.actual_amount, command.share_max_percent),
        evidence=command.evidence,
        on=command.on,
        pack=command.pack,
        pack_digest=command.pack_digest,
    )


def returned(command: ReturnForCorrection, file: File) -> RedemptionReturned:
    if not command.reasons:
        raise refuse("reasons-required", article="15(3)")
    grace = deadline_on(days_after(command.on, CORRECTION_DAYS), command.working_days, roll=command.roll)
    return RedemptionReturned(
        redemption_id=file.redemption_id,
        provider_id=file.provider_id,
        reasons_digest=command.reasons_digest,
        checked_by=command.checked_by,
        correct_by=max(file.redeem_by, grace.last_day),
        on=command.on,
    )


def panel_drawn(command: DrawPanel, file: File) -> PanelDrawn:
    independent = eligible(command.candidates, (file.claimant_id, file.provider_id))
    candidates = tuple(expert for expert in independent if expert not in file.drawn_before)
    return PanelDrawn(
        redemption_id=file.redemption_id,
        provider_id=file.provider_id,
        seed=command.seed,
        candidates=candidates,
        experts=draw(command.seed, candidates, PANEL_SIZE, article="15(4)"),
        on=command.on,
    )


def experts_replaced(command: ReplaceExperts, state: UnderReview) -> ExpertsReplaced:
    """Draw as many others as are barred; whoever has judged before the measure has judged."""
    file, judged = state.file, {opinion.expert_id for opinion in state.opinions}
    removed = tuple(expert for expert in state.experts if expert in command.barred and expert not in judged)
    if not removed:
        raise refuse("no-expert-to-replace", article="17", kind="state")
    independent = eligible(command.candidates, (file.claimant_id, file.provider_id))
    candidates = tuple(expert for expert in independent if expert not in file.drawn_before)
    return ExpertsReplaced(
        redemption_id=file.redemption_id,
        provider_id=file.provider_id,
        seed=command.seed,
        removed=removed,
        candidates=candidates,
        experts=draw(command.seed, candidates, len(removed), article="15(4)"),
        on=command.on,
    )


def opinion_given(command: GiveOpinion, state: UnderReview) -> OpinionGiven:
    payable = state.file.payable
    given = any(opinion.expert_id == command.expert_id for opinion in state.opinions)
    refuse_unless(
        None if command.expert_id in state.experts else Reason(code="not-on-this-panel", article="15(4)"),
        Reason(code="expert-barred", article="17", kind="state") if command.barred else None,
        Reason(code="opinion-already-given", article="15(4)", kind="state") if given else None,
        None if 0 <= command.amount <= payable
        else Reason(code="amount-over-payable", article="12", value=command.amount, limit=payable,
                    parameter="contract_share_max"),
    )  # fmt: skip
    if command.amount == payable:
        recommendation: Literal["approve", "approve_less", "refuse"] = "approve"
    else:
        recommendation = "approve_less" if command.amount else "refuse"
    return OpinionGiven(
        redemption_id=state.file.redemption_id,
        provider_id=state.file.provider_id,
        expert_id=command.expert_id,
        score=command.score,
        recommendation=recommendation,
        amount=command.amount,
        reasons_digest=command.reasons_digest,
        on=command.on,
    )


def concluded(command: Conclude, state: UnderReview) -> list[RedemptionApproved | NoticePublished | RedemptionRefused]:
    file, missing = state.file, len(state.experts) - len(state.opinions)
    if missing:
        raise refuse("opinions-missing", article="15(4)", value=missing, kind="state")
    approved = verdict(state.opinions)
    if approved == 0:
        if not command.cause or command.side_at_fault is None:
            raise refuse("cause-and-side-required", article="9(4)")
        return [
            RedemptionRefused(
                redemption_id=file.redemption_id,
                contract_id=file.contract_id,
                claimant_id=file.claimant_id,
                provider_id=file.provider_id,
                vouchers=file.vouchers,
                cause="review",
                cause_digest=command.cause_digest,
                side_at_fault=command.side_at_fault,
                on=command.on,
            )
        ]
    last = period_of_notice(command.on, command.notice_working_days, command.working_days)
    return [
        RedemptionApproved(
            redemption_id=file.redemption_id,
            contract_id=file.contract_id,
            claimant_id=file.claimant_id,
            provider_id=file.provider_id,
            payments=distribute(approved, file.vouchers),
            approved=approved,
            on=command.on,
        ),
        NoticePublished(
            redemption_id=file.redemption_id,
            provider_id=file.provider_id,
            notice_id=command.notice_id,
            until=last.last_day,
            provisional=last.provisional,
            on=command.on,
        ),
    ]


def notice_concluded(
    command: ConcludeNotice, file: File, notice: Notice
) -> list[NoticeConcluded | RedemptionCarriedOver]:
    if not notice.ran_its_length(command.on) or notice.open_objections:
        check_conclusion(notice, command.on, article="15(5)")
    over = NoticeConcluded(
        redemption_id=file.redemption_id, provider_id=file.provider_id, notice_id=notice.notice_id, on=command.on
    )
    if _quarter(command.on) <= command.disbursement_last_quarter:
        return [over]
    return [
        over,
        RedemptionCarriedOver(
            redemption_id=file.redemption_id,
            provider_id=file.provider_id,
            payable_from=date(command.on.year + 1, 1, 1),
            on=command.on,
        ),
    ]


def check_payment(
    on: date, suspended: tuple[str, ...], last_quarter: int, state: Payable, *more: Reason | None
) -> None:
    """Refuse to pay a party under a measure, or in a quarter that carries over."""
    refuse_unless(
        *more,
        Reason(code="disbursement-suspended", article="17", value=suspended, kind="state") if suspended else None,
        Reason(
            code="fourth-quarter-carries-over",
            article="15(5)",
            value=on,
            limit=state.payable_from or date(on.year + 1, 1, 1),
            parameter="disbursement_last_quarter",
            kind="state",
        )
        if _quarter(on) > last_quarter
        else None,
    )


def disbursed(command: Disburse, state: Payable, ordered_by: str) -> FundsDisbursed:
    """Pay what was approved, once a second officer says so."""
    check_payment(
        command.on,
        command.suspended,
        command.disbursement_last_quarter,
        state,
        four_eyes(proposed_by=ordered_by, approved_by=command.approved_by, article="15(5)"),
    )
    return FundsDisbursed(
        redemption_id=state.file.redemption_id,
        contract_id=state.file.contract_id,
        claimant_id=state.file.claimant_id,
        provider_id=state.file.provider_id,
        payments=state.payments,
        total=sum(payment.paid for payment in state.payments),
        ordered_by=ordered_by,
        approved_by=command.approved_by,
        on=command.on,
    )


def lapsed(file: File, on: date) -> RedemptionLapsed:
    return RedemptionLapsed(
        redemption_id=file.redemption_id,
        contract_id=file.contract_id,
        claimant_id=file.claimant_id,
        provider_id=file.provider_id,
        vouchers=file.vouchers,
        on=on,
    )


def stopped_by_revocation(command: RefuseForRevocation, state: Going) -> list[NoticeWithdrawn | RedemptionRefused]:
    """End a redemption whose claimant was sanctioned; a sanction takes all of a claimant's vouchers at once."""
    file = state.file
    refused = RedemptionRefused(
        redemption_id=file.redemption_id,
        contract_id=file.contract_id,
        claimant_id=file.claimant_id,
        provider_id=file.provider_id,
        vouchers=file.vouchers,
        cause="revoked",
        cause_digest="",
        side_at_fault="claimant",
        on=command.on,
    )
    if not isinstance(state, Approved) or state.notice is None:
        return [refused]
    withdrawn = NoticeWithdrawn(
        redemption_id=file.redemption_id,
        provider_id=file.provider_id,
        notice_id=state.notice.notice_id,
        on=command.on,
    )
    return [withdrawn, refused]


def opened(command: OpenRedemption) -> RedemptionOpened:
    return RedemptionOpened(
        redemption_id=command.redemption_id,
        contract_id=command.contract_id,
        claimant_id=command.claimant_id,
        provider_id=command.provider_id,
        vouchers=command.vouchers,
        amount=command.amount,
        invoiced_amount=command.invoiced_amount,
        actual_amount=command.actual_amount,
        ended_on=command.ended_on,
        redeem_by=command.redeem_by,
        provisional=command.provisional,
        on=command.on,
    )


def _quarter(day: date) -> int:
    return (day.month - 1) // _QUARTER_MONTHS + 1
