"""When a contract is completed, and what it really cost (art. 12 and 15(2)-(3); readings 6, 7 and 9)."""

from datetime import date

from shared.events.contracts import ContractCompleted, ContractSubmitted
from shared.kernel.calendar import WorkingDays, deadline_on, months_after
from shared.kernel.decider import message
from shared.kernel.refusal import Reason, refuse_unless
from shared.measures.terms import RedemptionTerms


@message
class CompleteContract:
    """The provider's word that the service is done: its last day, and what was invoiced and paid in all, in fen.

    The paid total counts the part that vouchers settle like money of the claimant's.
    """

    ended_on: date
    invoiced_amount: int
    paid_amount: int
    terms: RedemptionTerms
    working_days: WorkingDays
    on: date


def complete(command: CompleteContract, contract: ContractSubmitted, valid_until: date) -> ContractCompleted:
    """Check the days and the amounts, and set the last day to apply for redemption.

    The actual amount may stay below the contract's, never exceed it: what goes beyond the agreed amount was not
    incurred "under the same contract" (art. 12) unless the contract is amended first.
    """
    terms = command.terms
    actual = command.invoiced_amount
    if terms.actual_amount_is_lower_of_invoiced_and_paid:
        actual = min(actual, command.paid_amount)
    refuse_unless(*_why_not_this_day(command, contract, valid_until), *_why_not_this_amount(actual, contract))
    redeem_by = deadline_on(
        months_after(command.ended_on, terms.redemption_application_months),
        command.working_days,
        roll=terms.roll_to_working_day,
    )
    return ContractCompleted(
        contract_id=contract.contract_id,
        claimant_id=contract.claimant_id,
        provider_id=contract.provider_id,
        vouchers=contract.vouchers,
        amount=contract.amount,
        invoiced_amount=command.invoiced_amount,
        paid_amount=command.paid_amount,
        actual_amount=actual,
        ended_on=command.ended_on,
        redeem_by=redeem_by.last_day,
        provisional=redeem_by.provisional,
        on=command.on,
    )


def _why_not_this_day(
    command: CompleteContract, contract: ContractSubmitted, valid_until: date
) -> tuple[Reason | None, ...]:
    """Judge the service's last day, and that it is reported while the vouchers are valid.

    The sweep that lapses contracts may come late; the day decides, not the sweep.
    """
    ended, today = command.ended_on, command.on
    return (
        Reason(code="validity-over", article="15(2)", value=today, limit=valid_until) if today > valid_until else None,
        Reason(code="ended-before-start", article="15(2)", value=ended, limit=contract.starts_on)
        if ended < contract.starts_on
        else None,
        Reason(code="ended-in-future", article="15(2)", value=ended, limit=today) if ended > today else None,
        Reason(code="ended-after-contract", article="15(2)", value=ended, limit=contract.ends_on)
        if ended > contract.ends_on
        else None,
        Reason(code="ended-after-validity", article="15(2)", value=ended, limit=valid_until)
        if ended > valid_until
        else None,
    )


def _why_not_this_amount(actual: int, contract: ContractSubmitted) -> tuple[Reason | None, ...]:
    """Judge the actual amount: something was incurred, and nothing beyond the contract."""
    return (
        None if actual > 0 else Reason(code="nothing-incurred", article="12", value=actual),
        Reason(code="actual-above-contract", article="12", value=actual, limit=contract.amount)
        if actual > contract.amount
        else None,
    )
