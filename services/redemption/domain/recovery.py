"""What is asked back of a payment: proposed, ordered by a second officer, received in parts, put right (art. 17)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Literal, assert_never

from services.redemption.domain.stages import File
from shared.events.redemption import (
    FundsRecovered,
    RecoveryGround,
    RecoveryOrdered,
    RecoveryOverdue,
    RecoveryProposed,
    RecoveryWithdrawn,
    RepaymentReversed,
    VoucherPayment,
    VoucherRecovery,
)
from shared.kernel.decider import Decider, message
from shared.kernel.refusal import Reason, refuse, refuse_unless
from shared.procedures.approvals import four_eyes

ARTICLE = "17"


@message
class ProposeRecovery:
    """Ask `amount` fen of what was paid back; `sanction_known` tells whether the measure holds against a party."""

    recovery_id: str
    file: File
    payments: tuple[VoucherPayment, ...]
    amount: int
    sanction_id: str | None
    sanction_known: bool
    decision: str | None
    article: str
    reasons_digest: str
    due_on: date
    proposed_by: str
    on: date
    pack: str
    pack_digest: str


@message
class OrderRecovery:
    recovery_id: str
    approved_by: str
    on: date


@message
class WithdrawRecovery:
    recovery_id: str
    reasons_digest: str
    withdrawn_by: str
    on: date


@message
class RecordRepayment:
    """Money has come in; `paid_on` is the day on which it had gone out."""

    recovery_id: str
    repayment_id: str
    payments: tuple[VoucherPayment, ...]
    paid_on: date
    amount: int
    received_on: date
    recorded_by: str
    on: date


@message
class ReverseRepayment:
    recovery_id: str
    repayment_id: str
    reasons_digest: str
    reversed_by: str
    on: date


@message
class FallOverdue:
    recovery_id: str
    on: date


type Command = ProposeRecovery | OrderRecovery | WithdrawRecovery | RecordRepayment | ReverseRepayment | FallOverdue
type Event = (
    RecoveryProposed | RecoveryOrdered | RecoveryWithdrawn | RecoveryOverdue | FundsRecovered | RepaymentReversed
)
type Stage = Literal["proposed", "ordered", "recovered", "withdrawn"]


@message
class Repayment:
    """Money that came in; a reversed one counts for nothing."""

    fact: FundsRecovered
    reversed: bool = False


@message
class Recovery:
    """One claw-back: what was proposed, who ordered it, what has come in."""

    proposal: RecoveryProposed
    approved_by: str | None = None
    withdrawn_by: str | None = None
    withdrawn_digest: str = ""
    overdue: bool = False
    repayments: tuple[Repayment, ...] = ()

    @property
    def recovered(self) -> int:
        """What has come in, in fen."""
        return sum(repayment.fact.amount for repayment in self.repayments if not repayment.reversed)

    @property
    def outstanding(self) -> int:
        """What is still asked for, in fen."""
        return self.proposal.amount - self.recovered if self.stage in {"proposed", "ordered"} else 0

    @property
    def stage(self) -> Stage:
        """How far it has come."""
        if self.withdrawn_by is not None:
            return "withdrawn"
        if self.approved_by is None:
            return "proposed"
        return "recovered" if self.recovered == self.proposal.amount else "ordered"


@message
class Recoveries:
    """All that was ever asked back of one payment, in order."""

    recoveries: tuple[Recovery, ...] = ()

    def find(self, recovery_id: str) -> Recovery | None:
        """Give one of them."""
        return next((each for each in self.recoveries if each.proposal.recovery_id == recovery_id), None)

    @property
    def asked(self) -> int:
        """What has come back or is still asked for, in fen."""
        return sum(each.recovered + each.outstanding for each in self.recoveries)

    @property
    def recovered(self) -> int:
        """What has come back, in fen."""
        return sum(each.recovered for each in self.recoveries)


def decide(command: Command, state: Recoveries) -> list[Event]:
    """Say what happens, or refuse and say which article refuses."""
    if isinstance(command, ProposeRecovery):
        return [_proposed(command, state)]
    recovery = state.find(command.recovery_id)
    match command, recovery:
        case OrderRecovery(), Recovery(stage="proposed"):
            return [_ordered(command, recovery)]
        case WithdrawRecovery(), Recovery(stage="proposed" | "ordered"):
            return [_withdrawn(command, recovery)]
        case RecordRepayment(), Recovery(stage="ordered"):
            return [_recovered(command, recovery, state)]
        case ReverseRepayment(), Recovery():
            return [_reversed(command, recovery)]
        case FallOverdue(on=on), Recovery(stage="ordered", overdue=False, proposal=proposal) if on > proposal.due_on:
            return [
                RecoveryOverdue(
                    recovery_id=proposal.recovery_id,
                    redemption_id=proposal.redemption_id,
                    provider_id=proposal.provider_id,
                    outstanding=recovery.outstanding,
                    due_on=proposal.due_on,
                    on=on,
                )
            ]
        case FallOverdue(), _:
            return []  # The sweep may come early, late or twice.
        case ((OrderRecovery() | WithdrawRecovery() | RecordRepayment() | ReverseRepayment()), _):
            value = recovery.stage if recovery else "unknown"
            raise refuse("recovery-not-in-this-stage", article=ARTICLE, value=value, kind="state")
    assert_never(command)


def evolve(state: Recoveries, event: Event) -> Recoveries:
    """Fold one fact into the state; facts have happened, so nothing is refused here."""
    if isinstance(event, RecoveryProposed):
        return Recoveries(recoveries=(*state.recoveries, Recovery(proposal=event)))
    recovery = state.find(event.recovery_id)
    assert recovery is not None, event
    changed = _changed(recovery, event)
    return Recoveries(recoveries=tuple(changed if each is recovery else each for each in state.recoveries))


recoveries: Decider[Command, Event, Recoveries] = Decider(decide, evolve, initial=Recoveries())


def _changed(
    recovery: Recovery,
    event: RecoveryOrdered | RecoveryWithdrawn | RecoveryOverdue | FundsRecovered | RepaymentReversed,
) -> Recovery:
    match event:
        case RecoveryOrdered(approved_by=approved_by):
            return replace(recovery, approved_by=approved_by)
        case RecoveryWithdrawn(withdrawn_by=withdrawn_by, reasons_digest=digest):
            return replace(recovery, withdrawn_by=withdrawn_by, withdrawn_digest=digest)
        case RecoveryOverdue():
            return replace(recovery, overdue=True)
        case FundsRecovered():
            return replace(recovery, repayments=(*recovery.repayments, Repayment(fact=event)))
        case RepaymentReversed(repayment_id=repayment_id):
            return replace(
                recovery,
                repayments=tuple(
                    replace(repayment, reversed=True) if repayment.fact.repayment_id == repayment_id else repayment
                    for repayment in recovery.repayments
                ),
            )
    assert_never(event)


def _proposed(command: ProposeRecovery, state: Recoveries) -> RecoveryProposed:
    file, left = command.file, sum(payment.paid for payment in command.payments) - state.asked
    has_one_ground = (command.sanction_id is None) != (command.decision is None)
    ground: RecoveryGround = "decision" if command.sanction_id is None else "sanction"
    refuse_unless(
        None if has_one_ground else Reason(code="recovery-needs-one-ground", article=ARTICLE),
        Reason(code="recovery-sanction-unknown", article=ARTICLE, value=command.sanction_id)
        if command.sanction_id is not None and not command.sanction_known
        else None,
        Reason(code="recovery-over-paid", article=ARTICLE, value=command.amount, limit=left)
        if command.amount > left
        else None,
        _due_too_early(command.due_on, command.on),
    )
    return RecoveryProposed(
        recovery_id=command.recovery_id,
        redemption_id=file.redemption_id,
        contract_id=file.contract_id,
        claimant_id=file.claimant_id,
        provider_id=file.provider_id,
        amount=command.amount,
        ground=ground,
        sanction_id=command.sanction_id,
        decision=command.decision,
        article=command.article,
        reasons_digest=command.reasons_digest,
        due_on=command.due_on,
        proposed_by=command.proposed_by,
        on=command.on,
        pack=command.pack,
        pack_digest=command.pack_digest,
    )


def _ordered(command: OrderRecovery, recovery: Recovery) -> RecoveryOrdered:
    proposal = recovery.proposal
    refuse_unless(
        four_eyes(proposed_by=proposal.proposed_by, approved_by=command.approved_by, article=ARTICLE),
        _due_too_early(proposal.due_on, command.on),
    )
    return RecoveryOrdered(
        recovery_id=proposal.recovery_id,
        redemption_id=proposal.redemption_id,
        contract_id=proposal.contract_id,
        claimant_id=proposal.claimant_id,
        provider_id=proposal.provider_id,
        amount=proposal.amount,
        due_on=proposal.due_on,
        proposed_by=proposal.proposed_by,
        approved_by=command.approved_by,
        on=command.on,
    )


def _due_too_early(due_on: date, today: date) -> Reason | None:
    """Leave who must pay at least the next day."""
    if due_on > today:
        return None
    return Reason(code="recovery-due-too-early", article=ARTICLE, value=due_on, limit=today)


def _withdrawn(command: WithdrawRecovery, recovery: Recovery) -> RecoveryWithdrawn:
    """Take a proposal or an order back: what two have ordered, a third person takes back."""
    proposal, by = recovery.proposal, command.withdrawn_by
    gave_it = {proposal.proposed_by, recovery.approved_by}
    refuse_unless(Reason(code="four-eyes", article=ARTICLE, value=by) if by in gave_it else None)
    return RecoveryWithdrawn(
        recovery_id=proposal.recovery_id,
        redemption_id=proposal.redemption_id,
        provider_id=proposal.provider_id,
        reasons_digest=command.reasons_digest,
        withdrawn_by=by,
        on=command.on,
    )


def _recovered(command: RecordRepayment, recovery: Recovery, state: Recoveries) -> FundsRecovered:
    proposal = recovery.proposal
    refuse_unless(
        Reason(code="repayment-over-outstanding", article=ARTICLE, value=command.amount, limit=recovery.outstanding)
        if command.amount > recovery.outstanding
        else None,
        Reason(code="repayment-day-impossible", article=ARTICLE, value=command.received_on, limit=command.paid_on)
        if not command.paid_on <= command.received_on <= command.on
        else None,
    )
    return FundsRecovered(
        recovery_id=proposal.recovery_id,
        repayment_id=command.repayment_id,
        redemption_id=proposal.redemption_id,
        contract_id=proposal.contract_id,
        claimant_id=proposal.claimant_id,
        provider_id=proposal.provider_id,
        recoveries=spread(command.amount, command.payments, state),
        amount=command.amount,
        received_on=command.received_on,
        recorded_by=command.recorded_by,
        on=command.on,
    )


def spread(amount: int, payments: Sequence[VoucherPayment], state: Recoveries) -> tuple[VoucherRecovery, ...]:
    """Spread what came in over the vouchers in their order: of each what was paid and has not come back yet.

    ValueError when it is more than all of them were paid.
    """
    back: Counter[str] = Counter()
    for recovery in state.recoveries:
        for repayment in recovery.repayments:
            if not repayment.reversed:
                back.update({part.voucher_id: part.amount for part in repayment.fact.recoveries})
    parts: list[VoucherRecovery] = []
    left = amount
    for payment in payments:
        part = min(left, payment.paid - back[payment.voucher_id])
        if part:
            parts.append(VoucherRecovery(voucher_id=payment.voucher_id, amount=part))
        left -= part
    if left:
        raise ValueError(f"{left} fen more than was paid")
    return tuple(parts)


def _reversed(command: ReverseRepayment, recovery: Recovery) -> RepaymentReversed:
    """Take a repayment out again, as somebody else than who recorded it; the money is asked for as before."""
    repayment = next((each for each in recovery.repayments if each.fact.repayment_id == command.repayment_id), None)
    if repayment is None or repayment.reversed:
        raise refuse("repayment-not-counted", article=ARTICLE, value=command.repayment_id, kind="state")
    fact = repayment.fact
    refuse_unless(four_eyes(proposed_by=fact.recorded_by, approved_by=command.reversed_by, article=ARTICLE))
    return RepaymentReversed(
        recovery_id=fact.recovery_id,
        repayment_id=fact.repayment_id,
        redemption_id=fact.redemption_id,
        contract_id=fact.contract_id,
        claimant_id=fact.claimant_id,
        provider_id=fact.provider_id,
        recoveries=fact.recoveries,
        amount=fact.amount,
        reasons_digest=command.reasons_digest,
        reversed_by=command.reversed_by,
        on=command.on,
    )
