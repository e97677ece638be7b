"""What was paid on a voucher and has come back: posted once a repayment, and reversed once (art. 17)."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from shared.events.issuance.vouchers import VoucherClawBackReversed, VoucherClawedBack
from shared.kernel.decider import message
from shared.kernel.refusal import refuse


@message
class ClawBackVoucher:
    """Money came back: `recovered` fen of what the voucher was paid, with one repayment."""

    contract_id: str
    redemption_id: str
    recovery_id: str
    repayment_id: str
    recovered: int
    on: date


@message
class ReverseClawBack:
    """The repayment was recorded by mistake."""

    repayment_id: str
    on: date


@message
class ClawedBack:
    """What came back of a voucher with a repayment; a reversed one counts for nothing."""

    fact: VoucherClawedBack
    reversed: bool = False


def clawed_back(
    command: ClawBackVoucher, identity: Mapping[str, Any], paid: int, before: Sequence[ClawedBack]
) -> list[VoucherClawedBack]:
    """Post what came back; told again it changes nothing, and more than was paid must not pass in silence."""
    if any(each.fact.repayment_id == command.repayment_id for each in before):
        return []
    left = paid - came_back(before)
    if not 0 < command.recovered <= left:
        raise refuse("clawed-back-above-paid", article="17", value=command.recovered, limit=left, kind="state")
    return [
        VoucherClawedBack(
            **identity,
            contract_id=command.contract_id,
            redemption_id=command.redemption_id,
            recovery_id=command.recovery_id,
            repayment_id=command.repayment_id,
            recovered=command.recovered,
            on=command.on,
        )
    ]


def put_right(command: ReverseClawBack, before: Sequence[ClawedBack]) -> list[VoucherClawBackReversed]:
    """Reverse a posting as it was made; told again it changes nothing."""
    posted = next((each for each in before if each.fact.repayment_id == command.repayment_id), None)
    if posted is None:
        raise refuse("claw-back-unknown", article="17", value=command.repayment_id, kind="state")
    if posted.reversed:
        return []
    fact = posted.fact
    return [
        VoucherClawBackReversed(
            voucher_id=fact.voucher_id,
            period_id=fact.period_id,
            claimant_id=fact.claimant_id,
            year=fact.year,
            amount=fact.amount,
            contract_id=fact.contract_id,
            redemption_id=fact.redemption_id,
            recovery_id=fact.recovery_id,
            repayment_id=fact.repayment_id,
            recovered=fact.recovered,
            on=command.on,
        )
    ]


def came_back(postings: Sequence[ClawedBack]) -> int:
    """Sum what came back and was not reversed, in fen."""
    return sum(each.fact.recovered for each in postings if not each.reversed)


def with_reversed(postings: Sequence[ClawedBack], repayment_id: str) -> tuple[ClawedBack, ...]:
    """Give the postings with that of a repayment reversed."""
    return tuple(
        ClawedBack(fact=each.fact, reversed=each.reversed or each.fact.repayment_id == repayment_id)
        for each in postings
    )
