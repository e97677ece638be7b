"""What a used voucher is paid: something, or nothing for a cause (art. 12, 15(3)-(5), 17)."""

from datetime import date

from services.issuance.domain.allowance import returning, returning_on_lapse
from services.issuance.domain.voucher_contract import used
from services.issuance.domain.voucher_stages import Stage, Voucher
from shared.events.issuance.vouchers import LapseCause, VoucherLapsed, VoucherRedeemed, VoucherUsed
from shared.kernel.decider import message
from shared.kernel.refusal import refuse
from shared.measures.terms import Terms


@message
class LapseVoucher:
    """The used voucher will not be paid: nobody applied in time, or the application was refused.

    Here and below `terms` are the rules of the day that decides what returns to the allowance (reading 10).
    """

    contract_id: str
    cause: LapseCause
    on: date
    terms: Terms


@message
class RedeemVoucher:
    """The voucher was paid, with `paid` fen."""

    contract_id: str
    redemption_id: str
    paid: int
    on: date
    terms: Terms


def lapsed(command: LapseVoucher, held: Voucher) -> list[VoucherUsed | VoucherLapsed]:
    """Post that nothing will be paid; what comes after the end changes nothing."""
    contract_id, cause = command.contract_id, command.cause
    if not held.belongs_to(contract_id, Stage.COMMITTED, Stage.USED):
        return []
    released = returning_on_lapse(cause, held.amount, command.terms)
    end = VoucherLapsed(**held.identity, released=released, contract_id=contract_id, cause=cause, on=command.on)
    return [*used(held, contract_id, command.on), end]


def redeemed(command: RedeemVoucher, held: Voucher) -> list[VoucherUsed | VoucherRedeemed]:
    """Post a payment; one that no rule explains must not pass in silence, for the money is gone.

    A revoked voucher is not paid (art. 17). Only a payment of the day of the sanction, or earlier, may have left before
    redemption could hear of it: it is posted, and the rest of the voucher does not return.
    """
    if held.belongs_to(command.contract_id, Stage.REDEEMED):
        return []
    if not held.belongs_to(command.contract_id, Stage.COMMITTED, Stage.USED, Stage.REVOKED):
        raise refuse("voucher-not-payable", article="15(5)", value=held.stage.value, kind="state")
    revoked_on = held.ended_on if held.stage is Stage.REVOKED else None
    if revoked_on is not None and command.on > revoked_on:
        raise refuse("voucher-revoked", article="17", value=command.on, limit=revoked_on, kind="state")
    if not 0 <= command.paid <= held.amount:
        raise refuse("paid-above-face-value", article="12", value=command.paid, limit=held.amount)
    unused = held.amount - command.paid
    end = VoucherRedeemed(
        **held.identity,
        contract_id=command.contract_id,
        redemption_id=command.redemption_id,
        paid=command.paid,
        released=0 if revoked_on is not None else returning("partial_approval", unused, command.terms),
        revoked=revoked_on is not None,
        on=command.on,
    )
    return [*used(held, command.contract_id, command.on), end]
