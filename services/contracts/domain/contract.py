"""A service contract: submitted, registered once its vouchers are committed, completed or lapsed (art. 12, 15(2))."""

from datetime import date
from typing import assert_never

from services.contracts.domain import completion, submission
from services.contracts.domain.completion import CompleteContract
from services.contracts.domain.submission import SubmitContract
from shared.events.contracts import (
    ContractCompleted,
    ContractLapsed,
    ContractRegistered,
    ContractRejected,
    ContractSubmitted,
)
from shared.events.issuance.vouchers import WhyNot
from shared.kernel.decider import Decider, message
from shared.kernel.refusal import refuse
from shared.measures.terms import ContractTerms


@message
class Commitment:
    """Issuance's word that a voucher belongs to the contract until `valid_until`; `amount` is its face value in fen.

    `claimed_on` is the day of its claim, which issuance has told before.
    """

    voucher_id: str
    amount: int
    claimed_on: date
    valid_until: date


# Commands. SubmitContract and CompleteContract have rules of their own and live beside them.


@message
class RegisterContract:
    """The commitments known so far; nothing happens before the last one is there."""

    commitments: tuple[Commitment, ...]
    terms: ContractTerms
    on: date


@message
class RejectContract:
    """The vouchers could not be committed, or nobody answered in time."""

    reasons: tuple[WhyNot, ...]
    on: date


@message
class LapseContract:
    """The vouchers' validity may be over."""

    on: date


# States.


@message
class Unsubmitted:
    """There is no such contract yet."""


@message
class Submitted:
    """The vouchers are being committed."""

    contract: ContractSubmitted


@message
class Rejected:
    """It came to nothing."""

    contract: ContractSubmitted
    reasons: tuple[WhyNot, ...]
    on: date


@message
class Registered:
    """The service may be rendered and must be completed by `valid_until`."""

    contract: ContractSubmitted
    valid_until: date
    registered_on: date


@message
class Completed:
    """The service is done; what it cost is known."""

    contract: ContractSubmitted
    valid_until: date
    registered_on: date
    completion: ContractCompleted


@message
class Lapsed:
    """It was not completed in time; its vouchers expire."""

    contract: ContractSubmitted
    valid_until: date
    registered_on: date
    on: date


type Command = SubmitContract | RegisterContract | RejectContract | CompleteContract | LapseContract
type Event = ContractSubmitted | ContractRegistered | ContractRejected | ContractCompleted | ContractLapsed
type State = Unsubmitted | Submitted | Rejected | Registered | Completed | Lapsed


def decide(command: Command, state: State) -> list[Event]:
    """Say what happens, or refuse with every reason at once.

    Answers and deadlines may come late or twice: where the matter is decided already, they change nothing.
    """
    match command, state:
        case SubmitContract(), Unsubmitted():
            return [submission.submit(command)]
        case RegisterContract(), Submitted(contract=contract):
            return _register(command, contract)
        case RejectContract(reasons=reasons, on=on), Submitted(contract=contract):
            return [_rejected(contract, reasons, on)]
        case CompleteContract(), Registered(contract=contract, valid_until=valid_until):
            return [completion.complete(command, contract, valid_until)]
        case LapseContract(on=on), Registered(contract=contract, valid_until=valid_until):
            return [_lapsed(contract, on)] if on > valid_until else []
        case ((RegisterContract() | RejectContract() | LapseContract()), _):
            return []
        case SubmitContract(), _:
            raise refuse("contract-already-submitted", article="15(2)", value=name_of(state), kind="state")
        case CompleteContract(), _:
            raise refuse("contract-not-registered", article="15(2)", value=name_of(state), kind="state")
    assert_never(command)


def _register(command: RegisterContract, contract: ContractSubmitted) -> list[Event]:
    """Register once every voucher is committed, if they are what was said and span the contract (faq 6, reading 6)."""
    committed = {commitment.voucher_id: commitment for commitment in command.commitments}
    if any(use.voucher_id not in committed for use in contract.vouchers):
        return []
    reasons = [
        WhyNot(code="voucher-amount-differs", article="12", value=use.voucher_id)
        for use in contract.vouchers
        if committed[use.voucher_id].amount != use.amount
    ]
    latest_claim = max(committed[use.voucher_id].claimed_on for use in contract.vouchers)
    if contract.signed_on < latest_claim:
        reasons.append(WhyNot(code="signed-before-claim", article="faq 6", value=latest_claim.isoformat()))
    valid_until = min(committed[use.voucher_id].valid_until for use in contract.vouchers)
    if command.terms.contract_ends_within_validity and contract.ends_on > valid_until:
        reasons.append(WhyNot(code="ends-after-validity", article="15(2)", value=valid_until.isoformat()))
    if reasons:
        return [_rejected(contract, tuple(reasons), command.on)]
    return [
        ContractRegistered(
            contract_id=contract.contract_id,
            claimant_id=contract.claimant_id,
            provider_id=contract.provider_id,
            vouchers=contract.vouchers,
            amount=contract.amount,
            valid_until=valid_until,
            on=command.on,
        )
    ]


def _rejected(contract: ContractSubmitted, reasons: tuple[WhyNot, ...], on: date) -> ContractRejected:
    return ContractRejected(
        contract_id=contract.contract_id,
        claimant_id=contract.claimant_id,
        provider_id=contract.provider_id,
        vouchers=contract.vouchers,
        reasons=reasons,
        on=on,
    )


def _lapsed(contract: ContractSubmitted, on: date) -> ContractLapsed:
    return ContractLapsed(
        contract_id=contract.contract_id,
        claimant_id=contract.claimant_id,
        provider_id=contract.provider_id,
        vouchers=contract.vouchers,
        on=on,
    )


def evolve(state: State, event: Event) -> State:
    """Fold one fact into the state."""
    match event, state:
        case ContractSubmitted(), _:
            return Submitted(contract=event)
        case ContractRegistered(valid_until=valid_until, on=on), Submitted(contract=contract):
            return Registered(contract=contract, valid_until=valid_until, registered_on=on)
        case ContractRejected(reasons=reasons, on=on), Submitted(contract=contract):
            return Rejected(contract=contract, reasons=reasons, on=on)
        case ContractCompleted(), Registered(contract=contract, valid_until=valid_until, registered_on=since):
            return Completed(contract=contract, valid_until=valid_until, registered_on=since, completion=event)
        case ContractLapsed(on=on), Registered(contract=contract, valid_until=valid_until, registered_on=since):
            return Lapsed(contract=contract, valid_until=valid_until, registered_on=since, on=on)
        case ((ContractRegistered() | ContractRejected() | ContractCompleted() | ContractLapsed()), _):
            return state
    assert_never(event)


def name_of(state: State) -> str:
    """Name a state as the API and the lists do."""
    return type(state).__name__.lower()


contract: Decider[Command, Event, State] = Decider(decide, evolve, initial=Unsubmitted())
