"""One contract's redemption: applied for, checked, reviewed, published, paid (art. 15(3)-(5))."""

from dataclasses import replace
from typing import assert_never

from services.redemption.domain import rules
from services.redemption.domain.commands import (
    Accept,
    Apply,
    Command,
    Conclude,
    ConcludeNotice,
    Correct,
    Disburse,
    DrawPanel,
    GiveOpinion,
    Lapse,
    OpenRedemption,
    OrderDisbursement,
    RefuseForRevocation,
    ReplaceExperts,
    ReturnForCorrection,
)
from services.redemption.domain.stages import (
    Accepted,
    Applied,
    Approved,
    Awaited,
    Disbursed,
    Ended,
    File,
    Payable,
    Returned,
    State,
    UnderReview,
    Unopened,
    stage_of,
)
from shared.events.redemption import (
    DisbursementOrdered,
    ExpertsReplaced,
    FundsDisbursed,
    NoticeConcluded,
    NoticePublished,
    NoticeWithdrawn,
    ObjectionAnswered,
    ObjectionRaised,
    OpinionGiven,
    PanelDrawn,
    RedemptionAccepted,
    RedemptionApplied,
    RedemptionApproved,
    RedemptionCarriedOver,
    RedemptionCorrected,
    RedemptionLapsed,
    RedemptionOpened,
    RedemptionRefused,
    RedemptionReturned,
)
from shared.kernel.decider import Decider
from shared.kernel.refusal import refuse
from shared.procedures.notices import (
    AnswerObjection,
    Notice,
    RaiseObjection,
    answered,
    check_answer,
    check_objection,
    objected,
)
from shared.procedures.panels import Opinion

type Event = (
    RedemptionOpened | RedemptionApplied | RedemptionReturned | RedemptionCorrected | RedemptionAccepted | PanelDrawn
    | ExpertsReplaced | OpinionGiven | RedemptionApproved | RedemptionRefused | NoticePublished | ObjectionRaised
    | ObjectionAnswered | NoticeWithdrawn | NoticeConcluded | RedemptionCarriedOver | DisbursementOrdered
    | FundsDisbursed | RedemptionLapsed
)  # fmt: skip


def decide(command: Command, state: State) -> list[Event]:
    """Say what happens, or refuse and say which article refuses."""
    match command, state:
        case OpenRedemption(), Unopened():
            return [rules.opened(command)]
        case OpenRedemption(), _:
            return []  # The completion of a contract is told once, but may be delivered again.
        case Apply(), Awaited(file=file):
            return [rules.applied(command, file)]
        case ReturnForCorrection(), Applied(file=file):
            return [rules.returned(command, file)]
        case Correct(), Returned(file=file, correct_by=correct_by):
            rules.check_evidence(command.evidence, command.invoices_total, file.invoiced_amount, command.on, correct_by)
            return [
                RedemptionCorrected(
                    redemption_id=file.redemption_id,
                    provider_id=file.provider_id,
                    evidence=command.evidence,
                    on=command.on,
                )
            ]
        case Accept(checked_by=by, on=on), Applied(file=file):
            return [
                RedemptionAccepted(redemption_id=file.redemption_id, provider_id=file.provider_id, checked_by=by, on=on)
            ]
        case DrawPanel(), Accepted(file=file):
            return [rules.panel_drawn(command, file)]
        case ReplaceExperts(), UnderReview():
            return [rules.experts_replaced(command, state)]
        case GiveOpinion(), UnderReview():
            return [rules.opinion_given(command, state)]
        case Conclude(), UnderReview():
            return [*rules.concluded(command, state)]
        case RaiseObjection(), Approved(file=file, notice=Notice() as notice):
            check_objection(notice, command.on, article="15(5)")
            return [
                ObjectionRaised(
                    redemption_id=file.redemption_id,
                    provider_id=file.provider_id,
                    notice_id=notice.notice_id,
                    objection_id=command.objection_id,
                    text_digest=command.text_digest,
                    on=command.on,
                )
            ]
        case AnswerObjection(), Approved(file=file, notice=Notice() as notice):
            check_answer(notice, command.objection_id, article="15(5)")
            return [
                ObjectionAnswered(
                    redemption_id=file.redemption_id,
                    provider_id=file.provider_id,
                    notice_id=notice.notice_id,
                    objection_id=command.objection_id,
                    upheld=command.upheld,
                    answered_by=command.answered_by,
                    on=command.on,
                )
            ]
        case ConcludeNotice(), Approved(file=file, notice=Notice() as notice):
            return [*rules.notice_concluded(command, file, notice)]
        case ConcludeNotice(), _:
            return []  # The sweep may come early, late or twice.
        case OrderDisbursement(), Payable(ordered_by=None, file=file, payments=payments):
            rules.check_payment(command.on, command.suspended, command.disbursement_last_quarter, state)
            return [
                DisbursementOrdered(
                    redemption_id=file.redemption_id,
                    provider_id=file.provider_id,
                    ordered_by=command.ordered_by,
                    amount=sum(payment.paid for payment in payments),
                    on=command.on,
                )
            ]
        case Disburse(), Payable(ordered_by=str(ordered_by)):
            return [rules.disbursed(command, state, ordered_by)]
        case Lapse(on=on), Awaited(file=file):
            return [rules.lapsed(file, on)] if on > file.redeem_by else []
        case Lapse(on=on), Returned(file=file, correct_by=correct_by):
            return [rules.lapsed(file, on)] if on > correct_by else []
        case Lapse(), _:
            return []
        case (
            RefuseForRevocation(),
            (Awaited() | Applied() | Returned() | Accepted() | UnderReview() | Approved() | Payable()) as going,
        ):
            return [*rules.stopped_by_revocation(command, going)]
        case RefuseForRevocation(), _:
            return []  # Nothing to stop yet, or any more; what was paid is for the claw-back.
        case (
            (
                Apply() | ReturnForCorrection() | Correct() | Accept() | DrawPanel() | ReplaceExperts() | GiveOpinion()
                | Conclude() | RaiseObjection() | AnswerObjection() | OrderDisbursement() | Disburse()
            ),
            _,
        ):  # fmt: skip
            raise refuse("redemption-not-in-this-stage", article="15", value=stage_of(state), kind="state")
    assert_never(command)


def evolve(state: State, event: Event) -> State:
    """Fold one fact into the state; facts have happened, so nothing is refused here."""
    match event:
        case RedemptionOpened():
            return Awaited(file=_file(event))
        case RedemptionApplied(payable=payable, evidence=evidence):
            return Applied(file=replace(_of(state), payable=payable, evidence=evidence))
        case RedemptionReturned(reasons_digest=digest, correct_by=correct_by):
            return Returned(file=_of(state), reasons_digest=digest, correct_by=correct_by)
        case RedemptionCorrected(evidence=evidence):
            return Applied(file=replace(_of(state), evidence=evidence))
        case RedemptionAccepted():
            return Accepted(file=_of(state))
        case PanelDrawn(experts=experts):
            file = _of(state)
            return UnderReview(file=replace(file, drawn_before=(*file.drawn_before, *experts)), experts=experts)
        case ExpertsReplaced(removed=removed, experts=experts):
            assert isinstance(state, UnderReview), state
            file = replace(state.file, drawn_before=(*state.file.drawn_before, *experts))
            stay = tuple(expert for expert in state.experts if expert not in removed)
            return replace(state, file=file, experts=(*stay, *experts))
        case OpinionGiven(expert_id=expert, amount=amount):
            assert isinstance(state, UnderReview), state
            return replace(state, opinions=(*state.opinions, Opinion(expert_id=expert, amount=amount)))
        case RedemptionApproved(payments=payments):
            return Approved(file=_of(state), payments=payments)
        case NoticePublished(notice_id=notice_id, on=on, until=until):
            assert isinstance(state, Approved), state
            return replace(state, notice=Notice(notice_id=notice_id, on=on, until=until))
        case ObjectionRaised(objection_id=objection):
            assert isinstance(state, Approved), state
            assert state.notice is not None
            return replace(state, notice=objected(state.notice, objection))
        case ObjectionAnswered(objection_id=objection, upheld=upheld):
            assert isinstance(state, Approved), state
            assert state.notice is not None
            # An upheld objection undoes the result: other experts judge anew.
            return (
                Accepted(file=state.file)
                if upheld
                else replace(state, notice=answered(state.notice, objection, upheld=False))
            )
        case NoticeWithdrawn():
            return state  # What became of the redemption is told by the fact that follows.
        case NoticeConcluded():
            assert isinstance(state, Approved), state
            return Payable(file=state.file, payments=state.payments)
        case RedemptionCarriedOver(payable_from=payable_from):
            assert isinstance(state, Payable), state
            return replace(state, payable_from=payable_from)
        case DisbursementOrdered(ordered_by=ordered_by):
            assert isinstance(state, Payable), state
            return replace(state, ordered_by=ordered_by)
        case FundsDisbursed(payments=payments, on=on):
            return Disbursed(file=_of(state), payments=payments, on=on)
        case RedemptionRefused(cause=cause, cause_digest=digest):
            return Ended(file=_of(state), how="refused", cause=cause, cause_digest=digest)
        case RedemptionLapsed():
            return Ended(file=_of(state), how="lapsed")
    assert_never(event)


redemption: Decider[Command, Event, State] = Decider(decide, evolve, initial=Unopened())


def _file(event: RedemptionOpened) -> File:
    return File(
        redemption_id=event.redemption_id,
        contract_id=event.contract_id,
        claimant_id=event.claimant_id,
        provider_id=event.provider_id,
        vouchers=event.vouchers,
        amount=event.amount,
        invoiced_amount=event.invoiced_amount,
        actual_amount=event.actual_amount,
        ended_on=event.ended_on,
        redeem_by=event.redeem_by,
        provisional=event.provisional,
    )


def _of(state: State) -> File:
    assert not isinstance(state, Unopened), state
    return state.file
