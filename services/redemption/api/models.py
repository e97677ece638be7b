"""What goes in and out of redemption's operations."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field

from services.redemption.domain.redemption import Event
from services.redemption.domain.stages import (
    Approved,
    Disbursed,
    Ended,
    Payable,
    Returned,
    State,
    UnderReview,
    Unopened,
    stage_of,
)
from shared.events.redemption import EvidenceKind, SideAtFault
from shared.http.models import Body, Money, View
from shared.store.transaction import Handled

Text = Annotated[str, Field(min_length=1, max_length=4000)]
DocumentId = Annotated[str, Field(pattern=r"^doc_[0-9a-z]{26}$", examples=["doc_01kdvdna00ek7990e5df8shghf"])]
Progress = Annotated[
    str,
    Field(
        description=(
            "awaited 待申请，applied 待形式审查，returned 已退回补正，accepted 已受理、待组织评审，"
            "under_review 专家评审中，on_notice 公示中，payable 待拨付，disbursement_ordered 拨付待批准，"
            "disbursed 已拨付，refused 不予兑现，lapsed 逾期作废 · How far it has come"
        ),
        examples=["on_notice"],
    ),
]


class EvidenceBody(Body):
    kind: EvidenceKind = Field(
        description="contract 合同，invoice 发票，bank_receipt 银行回单，bookkeeping_voucher 记账凭证，"
        "result_report 成果报告，use_record 使用记录 · Kind of evidence",
        examples=["invoice"],
    )
    document_id: DocumentId


class InvoiceBody(Body):
    number: str = Field(
        pattern=r"^[0-9A-Z]{8,20}$", description="发票号码 · Invoice number", examples=["26112000000012345678"]
    )
    amount: Money


class ApplicationBody(Body):
    evidence: Annotated[tuple[EvidenceBody, ...], Field(min_length=1, max_length=60)]
    invoices: Annotated[tuple[InvoiceBody, ...], Field(min_length=1, max_length=50)]


class FormalCheckBody(Body):
    outcome: Literal["accepted", "returned"] = Field(examples=["accepted"])
    reasons: Annotated[tuple[Text, ...], Field(max_length=20)] = Field(
        default=(), description="退回时必填 · Required when returned", examples=[[]]
    )


class PanelBody(Body):
    seed: str = Field(
        min_length=8,
        max_length=128,
        description="事先公布的随机种子 · The seed, published beforehand",
        examples=["开奖号 2026-11-22 08 12 19"],
    )


class OpinionBody(Body):
    score: int = Field(ge=0, le=100, examples=[86])
    amount: Money = Field(description="建议兑现金额，0 表示不予兑现 · What to pay; 0 means refuse")
    reasons: Text = Field(examples=["测试报告完整，金额与发票一致"])


class ConclusionBody(Body):
    cause: str = Field(default="", max_length=4000, description="不予兑现的原因 · Why, when refused", examples=[""])
    side_at_fault: SideAtFault | None = Field(
        default=None,
        description="责任方：claimant 申领单位，provider 开放单位，both 双方，neither 均无责任 · Who answers for it",
        examples=[None],
    )


class ObjectionBody(Body):
    objector: str = Field(
        min_length=1, max_length=200, description="实名，不公开 · Name, kept from the public", examples=["张三"]
    )
    text: Text = Field(examples=["该项目已获得市级财政资金支持"])


class AnswerBody(Body):
    upheld: bool = Field(examples=[False])
    answer: Text = Field(examples=["经核实，异议不成立"])


class VoucherView(View):
    voucher_id: str
    amount: Money
    paid: Money | None = Field(default=None, description="核定兑现金额 · Approved to be paid")


class NoticeView(View):
    notice_id: str
    published_on: date
    until: date = Field(description="公示截止日（含） · Last day, inclusive")
    open_objections: int


class RedemptionView(View):
    """One redemption, as its parties, its experts and the office see it."""

    redemption_id: str
    contract_id: str
    claimant_id: str
    provider_id: str
    stage: Progress
    vouchers: list[VoucherView]
    contract_amount: Money
    invoiced_amount: Money
    actual_amount: Money = Field(description="开票与实付金额中的较低者 · The lower of invoiced and paid")
    payable: Money = Field(
        description="以面额和实际发生金额的规定比例为限 · By face value and the share of the actual amount"
    )
    ended_on: date
    redeem_by: date = Field(description="申请截止日（含） · Last day to apply")
    provisional: bool = Field(description="截止日所在年度的工作日安排尚未公布 · That year's holidays are unpublished")
    correct_by: date | None = None
    reasons: list[str] = Field(default_factory=list)
    experts: list[str] = Field(default_factory=list)
    opinions_given: int = 0
    notice: NoticeView | None = None
    payable_from: date | None = None
    disbursed_on: date | None = None
    cause: str = ""

    @classmethod
    def of(cls, state: State, words: Sequence[str] = ()) -> "RedemptionView":
        """Show a redemption that was opened; `words` are those behind a return or a refusal."""
        if isinstance(state, Unopened):
            raise TypeError("nothing to show before a contract is completed")
        file = state.file
        paid = (
            {payment.voucher_id: Money.of(payment.paid) for payment in state.payments}
            if isinstance(state, (Approved, Payable, Disbursed))
            else {}
        )
        return cls(
            redemption_id=file.redemption_id,
            contract_id=file.contract_id,
            claimant_id=file.claimant_id,
            provider_id=file.provider_id,
            stage=stage_of(state),
            vouchers=[
                VoucherView(voucher_id=v.voucher_id, amount=Money.of(v.amount), paid=paid.get(v.voucher_id))
                for v in file.vouchers
            ],
            contract_amount=Money.of(file.amount),
            invoiced_amount=Money.of(file.invoiced_amount),
            actual_amount=Money.of(file.actual_amount),
            payable=Money.of(file.payable),
            ended_on=file.ended_on,
            redeem_by=file.redeem_by,
            provisional=file.provisional,
            **_stage_details(state, words),
        )

    @classmethod
    def after(cls, handled: Handled[Event, State], words: Sequence[str] = ()) -> "RedemptionView":
        """Show a redemption as a command has left it."""
        return cls.of(handled.state, words)


def _stage_details(state: State, words: Sequence[str]) -> dict[str, Any]:  # noqa: PLR0911 (one case a stage)
    match state:
        case Returned(correct_by=correct_by):
            return {"reasons": list(words), "correct_by": correct_by}
        case UnderReview(experts=experts, opinions=opinions):
            return {"experts": list(experts), "opinions_given": len(opinions)}
        case Approved(notice=notice) if notice is not None:
            shown = NoticeView(
                notice_id=notice.notice_id,
                published_on=notice.on,
                until=notice.until,
                open_objections=len(notice.open_objections),
            )
            return {"notice": shown}
        case Payable(payable_from=payable_from):
            return {"payable_from": payable_from}
        case Disbursed(on=on):
            return {"disbursed_on": on}
        case Ended(cause="revoked"):
            return {"cause": "创新券因监督措施被撤销（第十七条） · The voucher was revoked by a sanction (art. 17)"}
        case Ended():
            return {"cause": "".join(words)}
        case _:
            return {}


class RedemptionItem(View):
    """A redemption in a list."""

    redemption_id: str
    contract_id: str
    claimant_id: str
    provider_id: str
    stage: Progress
    actual_amount: Money
    payable: Money
    approved: Money
    paid: Money
    recovered: Money = Field(description="已追回 · Come back of what was paid")
    redeem_by: date
    notice_until: date | None
    payable_from: date | None
    disbursed_on: date | None


class PublicNotice(View):
    """A notice as the public sees it."""

    notice_id: str
    redemption_id: str
    provider_id: str
    published_on: date
    until: date
    provisional: bool
    open_objections: int
    state: Literal["running", "concluded", "withdrawn"]


class OpinionView(View):
    """One expert's judgement, for the office only."""

    expert_id: str
    round: int
    reasons: str


class ObjectionView(View):
    """An objection in full, for the office only."""

    objection_id: str
    objector: str
    text: str
    answer: str | None


class DocumentView(View):
    """A stored file."""

    document_id: str
    digest: str = Field(description="SHA-256")
    media_type: str
    size: int
