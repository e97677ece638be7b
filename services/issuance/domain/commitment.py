"""The answer to a submitted contract: all of its vouchers are committed, or none, and why (art. 15(2))."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import assert_never

from services.issuance.domain.voucher import Event as VoucherEvent
from services.issuance.domain.voucher import voucher
from services.issuance.domain.voucher_contract import CommitVoucher, unknown_voucher
from services.issuance.domain.voucher_stages import State as VoucherState
from services.issuance.domain.voucher_stages import Unclaimed
from shared.events.contracts import VoucherUse
from shared.events.issuance.vouchers import VoucherCommitmentRefused, WhyNot
from shared.kernel.calendar import Deadline
from shared.kernel.decider import Decider, message
from shared.kernel.refusal import Reason, Refused


@message
class Submission:
    """A contract that waits for its vouchers; `on` is the day it was submitted, which decides (reading 10).

    `valid_until` says for each period how long its vouchers are valid from that day.
    """

    contract_id: str
    claimant_id: str
    uses: tuple[VoucherUse, ...]
    on: date
    valid_until: Mapping[str, Deadline]


type Commitments = Mapping[str, list[VoucherEvent]]
"""By voucher: the facts that commit it."""


def commit_all(submission: Submission, held: Mapping[str, VoucherState]) -> Commitments:
    """Commit every voucher of a contract; raises Refused with the reasons of all of them."""
    reasons = list(_against_the_list(submission))
    commitments: dict[str, list[VoucherEvent]] = {}
    for use in submission.uses:
        state = held[use.voucher_id]
        if isinstance(state, Unclaimed):
            reasons.append(unknown_voucher(use.voucher_id))
            continue
        try:
            commitments[use.voucher_id] = voucher.decide(
                CommitVoucher(
                    contract_id=submission.contract_id,
                    claimant_id=submission.claimant_id,
                    amount=use.amount,
                    on=submission.on,
                    valid_until=submission.valid_until[state.period_id],
                ),
                state,
            )
        except Refused as refusal:
            reasons.extend(refusal.reasons)
    if reasons:
        raise Refused(*reasons)
    return commitments


def _against_the_list(submission: Submission) -> Iterable[Reason]:
    if not submission.uses:
        yield Reason(code="no-voucher-named", article="15(2)")
    for voucher_id, times in Counter(use.voucher_id for use in submission.uses).items():
        if times > 1:
            yield Reason(code="voucher-named-twice", article="15(2)", value=voucher_id)


@message
class RefuseCommitment:
    """Write down why the vouchers of a contract are not committed."""

    contract_id: str
    claimant_id: str
    reasons: tuple[Reason, ...]
    on: date


@message
class Unanswered:
    """No refusal has been given for the contract."""


@message
class AnsweredNo:
    """The refusal has been given; a repetition of the question changes nothing."""


type State = Unanswered | AnsweredNo


def _decide(command: RefuseCommitment, state: State) -> list[VoucherCommitmentRefused]:
    match state:
        case Unanswered():
            why = tuple(
                WhyNot(code=reason.code, article=reason.article, value=_in_words(reason.value))
                for reason in command.reasons
            )
            return [
                VoucherCommitmentRefused(
                    contract_id=command.contract_id, claimant_id=command.claimant_id, reasons=why, on=command.on
                )
            ]
        case AnsweredNo():
            return []
    assert_never(state)


def _evolve(_state: State, _event: VoucherCommitmentRefused) -> State:
    return AnsweredNo()


def _in_words(value: object) -> str:
    return "" if value is None else str(value)


refusal_of: Decider[RefuseCommitment, VoucherCommitmentRefused, State] = Decider(_decide, _evolve, initial=Unanswered())
