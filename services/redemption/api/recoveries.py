"""Asking money back: proposed, ordered by another officer, received, and put right (art. 17)."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated

import sqlalchemy as sa
from fastapi import Query, Response
from pydantic import Field

from services.redemption.api.models import Text
from services.redemption.api.redemptions import WRONG_STAGE, check_readable
from services.redemption.domain.recovery import Recovery, Repayment, Stage, recoveries
from services.redemption.domain.redemption import redemption
from services.redemption.domain.stages import Disbursed
from services.redemption.projections.recovery_list import recovery_list
from services.redemption.use_cases import recovering
from services.redemption.use_cases.keeping_words import words_under
from services.redemption.use_cases.opening_windows import stream
from shared.events.redemption import RecoveryGround
from shared.http.commands import CommandRequest, Presented
from shared.http.models import Body, Money, PositiveMoney, View
from shared.http.policy import Role
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.store.transaction import Transaction

router = router_for("redemption", tag="recoveries")

_STAGE = Field(
    description="proposed 待批准，ordered 待退回，recovered 已全额追回，withdrawn 已撤回 · How far it has come",
    examples=["ordered"],
)
_WRONG = "recovery-not-in-this-stage"
_RECOVERY = "rcv_01kdvdna00ek7990e5df8shghf"


class RecoveryBody(Body):
    """What is asked back, why, and until when."""

    amount: PositiveMoney = Field(description="追回金额 · What is asked back")
    sanction_id: Annotated[str, Field(min_length=1, max_length=64)] | None = Field(
        default=None, description="所依据的措施，与 decision 二选一 · The measure it rests on", examples=[None]
    )
    decision: Annotated[str, Field(min_length=2, max_length=100)] | None = Field(
        default=None,
        description="处理决定文号，与 sanction_id 二选一 · Or the number of the written decision",
        examples=["京科监〔2026〕12号"],
    )
    article: str = Field(
        pattern=r"^\d{1,2}(\(\d\))?$", description="所违反的条款 · The article that was broken", examples=["16"]
    )
    reasons: Text = Field(examples=["经核查，发票所列测试未实际开展"])
    due_on: date = Field(description="退回截止日（含） · Last day to pay back", examples=["2026-06-30"])


class WithdrawalBody(Body):
    reasons: Text = Field(examples=["经复核，原认定有误"])


class ReversalBody(Body):
    reasons: Text = Field(examples=["该笔到账属于另一项目，登记有误"])


class RepaymentBody(Body):
    amount: PositiveMoney = Field(description="到账金额 · What has come in")
    received_on: date = Field(description="到账日 · The day on which it came in", examples=["2026-06-12"])


class RepaymentView(View):
    """Money that came in; one that was recorded by mistake is reversed and counts for nothing."""

    repayment_id: str
    amount: Money
    received_on: date
    recorded_on: date
    reversed: bool = Field(description="已冲销 · Recorded by mistake", examples=[False])


class RecoveryView(View):
    """One claw-back."""

    recovery_id: str = Field(examples=[_RECOVERY])
    redemption_id: str
    stage: Stage = _STAGE
    amount: Money
    recovered: Money = Field(description="已追回 · What has come back")
    outstanding: Money = Field(description="待退回 · What is still asked for")
    ground: RecoveryGround
    sanction_id: str | None
    decision: str | None
    article: str
    reasons: str
    due_on: date
    overdue: bool
    repayments: list[RepaymentView]


class RecoveriesView(View):
    """All that was ever asked back of one payment."""

    redemption_id: str
    paid: Money
    recovered: Money
    net: Money = Field(description="已拨付减已追回 · Paid less what came back")
    recoveries: list[RecoveryView]


class RecoveryItem(View):
    """A claw-back in a list."""

    recovery_id: str = Field(examples=[_RECOVERY])
    redemption_id: str
    contract_id: str
    claimant_id: str
    provider_id: str
    stage: Stage = _STAGE
    amount: Money
    recovered: Money
    due_on: date
    overdue: bool


@router.get(
    "/recoveries",
    operation_id="listRecoveries",
    response_model=Page[RecoveryItem],
    summary="追回列表 · What is asked back; a provider sees what was ordered of itself",
    openapi_extra=operation(idempotent=False),
)
async def list_recoveries(
    request: ReadRequest,
    overdue: Annotated[
        bool | None, Query(description="仅逾期未退回 · Only what is overdue and still asked for")
    ] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Page[RecoveryItem]:
    """List claw-backs, the newest last."""
    await request.caught_up(recovery_list)
    table = recovery_list.table.c
    query = sa.select(recovery_list.table)
    if request.caller.role is Role.PROVIDER:
        query = query.where(table.provider_id == request.caller.party, table.ordered_on.is_not(None))
    if overdue is not None:
        is_open = sa.and_(table.withdrawn_on.is_(None), table.recovered < table.amount)
        query = query.where(sa.and_(table.overdue, is_open) == overdue)
    return await request.page(query, [table.recovery_id], limit, cursor, _item)


def _item(row: sa.Row[tuple[object, ...]]) -> RecoveryItem:
    plain = ("recovery_id", "redemption_id", "contract_id", "claimant_id", "provider_id", "due_on", "overdue")
    return RecoveryItem(
        **{name: getattr(row, name) for name in plain},
        stage=_stage_of(row),
        amount=Money.of(row.amount),
        recovered=Money.of(row.recovered),
    )


def _stage_of(row: sa.Row[tuple[object, ...]]) -> Stage:
    if row.withdrawn_on is not None:
        return "withdrawn"
    if row.ordered_on is None:
        return "proposed"
    return "recovered" if row.recovered == row.amount else "ordered"


@router.get(
    "/redemptions/{redemption_id}/recoveries",
    operation_id="getRecoveries",
    response_model=RecoveriesView,
    summary="该项兑现的追回情况 · What is asked back of one payment, and what has come in",
    openapi_extra=operation(idempotent=False),
)
async def get_recoveries(redemption_id: str, request: ReadRequest) -> Response:
    """Show the office all of it, and the provider what was ordered."""
    paid = (await request.load(redemption, stream(redemption_id))).state
    check_readable(paid, request.caller)
    loaded = await request.load(recoveries, recovering.recoveries_stream(redemption_id))
    is_office = request.caller.role is not Role.PROVIDER
    shown = [each for each in loaded.state.recoveries if is_office or each.approved_by is not None]
    async with request.connection() as connection:
        words = await words_under(connection, [each.proposal.reasons_digest for each in shown])
    total = sum(payment.paid for payment in paid.payments) if isinstance(paid, Disbursed) else 0
    view = RecoveriesView(
        redemption_id=redemption_id,
        paid=Money.of(total),
        recovered=Money.of(loaded.state.recovered),
        net=Money.of(total - loaded.state.recovered),
        recoveries=[_view(each, words) for each in shown],
    )
    return request.answer(Presented(body=view, version=loaded.version))


@router.post(
    "/redemptions/{redemption_id}/recoveries",
    operation_id="proposeRecovery",
    status_code=201,
    response_model=RecoveryView,
    summary="提出追回 · Propose to ask money back (art. 17)",
    openapi_extra=operation(
        if_match=True,
        codes=(
            WRONG_STAGE,
            "recovery-needs-one-ground",
            "recovery-sanction-unknown",
            "recovery-over-paid",
            "recovery-due-too-early",
        ),
    ),
)
async def propose_recovery(redemption_id: str, body: RecoveryBody, request: CommandRequest) -> Response:
    """Propose to ask back, on a measure or a written decision, no more than was paid."""
    recovery_id = request.new_id("rcv")
    ground = recovering.Ground(
        sanction_id=body.sanction_id, decision=body.decision, article=body.article, reasons=body.reasons
    )

    async def propose(tx: Transaction) -> Presented:
        done = await recovering.propose(
            tx,
            redemption_id,
            recovery_id,
            request.caller.principal,
            ground,
            amount=body.amount.amount,
            due_on=body.due_on,
            if_match=request.if_match,
        )
        return await _shown(tx, done, recovery_id, status=201)

    return await request.run(propose, lambda shown: shown)


@router.post(
    "/redemptions/{redemption_id}/recoveries/{recovery_id}/approval",
    operation_id="orderRecovery",
    response_model=RecoveryView,
    summary="批准追回 · Order what another officer has proposed",
    openapi_extra=operation(if_match=True, codes=(_WRONG, "four-eyes", "recovery-due-too-early")),
)
async def order_recovery(redemption_id: str, recovery_id: str, request: CommandRequest) -> Response:
    """Ask the money back, as the second pair of eyes."""

    async def order(tx: Transaction) -> Presented:
        officer = request.caller.principal
        done = await recovering.order(tx, redemption_id, recovery_id, officer, if_match=request.if_match)
        return await _shown(tx, done, recovery_id)

    return await request.run(order, lambda shown: shown)


@router.post(
    "/redemptions/{redemption_id}/recoveries/{recovery_id}/withdrawal",
    operation_id="withdrawRecovery",
    response_model=RecoveryView,
    summary="撤回追回 · Turn a proposal down, or take an order back",
    openapi_extra=operation(if_match=True, codes=(_WRONG, "four-eyes")),
)
async def withdraw_recovery(
    redemption_id: str, recovery_id: str, body: WithdrawalBody, request: CommandRequest
) -> Response:
    """Ask for nothing more, as somebody who has neither proposed nor ordered it."""

    async def withdraw(tx: Transaction) -> Presented:
        officer = request.caller.principal
        done = await recovering.withdraw(
            tx, redemption_id, recovery_id, officer, body.reasons, if_match=request.if_match
        )
        return await _shown(tx, done, recovery_id)

    return await request.run(withdraw, lambda shown: shown)


@router.post(
    "/redemptions/{redemption_id}/recoveries/{recovery_id}/repayments",
    operation_id="recordRecoveredFunds",
    status_code=201,
    response_model=RecoveryView,
    summary="登记到账 · Record money that has come in, all of it or a part",
    openapi_extra=operation(if_match=True, codes=(_WRONG, "repayment-over-outstanding", "repayment-day-impossible")),
)
async def record_recovered_funds(
    redemption_id: str, recovery_id: str, body: RepaymentBody, request: CommandRequest
) -> Response:
    """Record what has come in; the books move it from paid to clawed back."""
    repayment_id = request.new_id("rpm")

    async def record(tx: Transaction) -> Presented:
        done = await recovering.record_repayment(
            tx,
            redemption_id,
            recovery_id,
            repayment_id,
            request.caller.principal,
            amount=body.amount.amount,
            received_on=body.received_on,
            if_match=request.if_match,
        )
        return await _shown(tx, done, recovery_id, status=201)

    return await request.run(record, lambda shown: shown)


@router.post(
    "/redemptions/{redemption_id}/recoveries/{recovery_id}/repayments/{repayment_id}/reversal",
    operation_id="reverseRepayment",
    response_model=RecoveryView,
    summary="冲销到账 · Take a repayment out that was recorded by mistake",
    openapi_extra=operation(if_match=True, codes=(_WRONG, "four-eyes", "repayment-not-counted")),
)
async def reverse_repayment(
    redemption_id: str, recovery_id: str, repayment_id: str, body: ReversalBody, request: CommandRequest
) -> Response:
    """Reverse the entry, as somebody else than who made it."""

    async def reverse(tx: Transaction) -> Presented:
        done = await recovering.reverse_repayment(
            tx,
            redemption_id,
            recovery_id,
            repayment_id,
            request.caller.principal,
            body.reasons,
            if_match=request.if_match,
        )
        return await _shown(tx, done, recovery_id)

    return await request.run(reverse, lambda shown: shown)


async def _shown(tx: Transaction, done: recovering.Done, recovery_id: str, *, status: int = 200) -> Presented:
    recovery = recovering.find(done.state, recovery_id)
    words = await words_under(tx.connection, [recovery.proposal.reasons_digest])
    return Presented(body=_view(recovery, words), version=done.version, status=status)


def _view(recovery: Recovery, words: Mapping[str, str]) -> RecoveryView:
    proposal = recovery.proposal
    return RecoveryView(
        recovery_id=proposal.recovery_id,
        redemption_id=proposal.redemption_id,
        stage=recovery.stage,
        amount=Money.of(proposal.amount),
        recovered=Money.of(recovery.recovered),
        outstanding=Money.of(recovery.outstanding),
        ground=proposal.ground,
        sanction_id=proposal.sanction_id,
        decision=proposal.decision,
        article=proposal.article,
        reasons=words[proposal.reasons_digest],
        due_on=proposal.due_on,
        overdue=recovery.overdue and recovery.stage == "ordered",
        repayments=[_repayment(repayment) for repayment in recovery.repayments],
    )


def _repayment(repayment: Repayment) -> RepaymentView:
    fact = repayment.fact
    return RepaymentView(
        repayment_id=fact.repayment_id,
        amount=Money.of(fact.amount),
        received_on=fact.received_on,
        recorded_on=fact.on,
        reversed=repayment.reversed,
    )
