"""What becomes of a voucher by the contract it is to pay: committed, used, or expired with it (art. 12, 15(2))."""

from datetime import date

from services.issuance.domain.allowance import returning
from services.issuance.domain.voucher_stages import Stage, Voucher
from shared.events.issuance.vouchers import (
    VoucherCommitmentReleased,
    VoucherCommitted,
    VoucherExpired,
    VoucherUsed,
)
from shared.kernel.calendar import Deadline
from shared.kernel.decider import message
from shared.kernel.refusal import Reason, refuse_unless
from shared.measures.terms import Terms


@message
class CommitVoucher:
    """Register the activity: the voucher is to pay `amount` of a contract submitted `on` a day (art. 15(2))."""

    contract_id: str
    claimant_id: str
    amount: int
    on: date
    valid_until: Deadline


@message
class ReleaseCommitment:
    """Undo a commitment: the contract was not registered after all."""

    contract_id: str
    on: date


@message
class UseVoucher:
    """The contract was completed within the voucher's validity."""

    contract_id: str
    on: date


@message
class ExpireUnused:
    """The contract was not completed within the voucher's validity; `terms` are those of the day `on` (reading 10)."""

    contract_id: str
    on: date
    terms: Terms


def committed(command: CommitVoucher, held: Voucher) -> list[VoucherCommitted]:
    """Commit a voucher, or refuse; a contract that has it, or gave it back, changes nothing by asking again."""
    contract_id = command.contract_id
    if held.belongs_to(contract_id, Stage.COMMITTED) or contract_id in held.released_from:
        return []
    refuse_unless(*_against_commitment(command, held))
    deadline = command.valid_until
    return [
        VoucherCommitted(
            **held.identity,
            contract_id=contract_id,
            on=command.on,
            valid_until=deadline.last_day,
            provisional=deadline.provisional,
        )
    ]


def commitment_released(command: ReleaseCommitment, held: Voucher) -> list[VoucherCommitmentReleased]:
    """Give the voucher back to its claimant, if the contract has it."""
    if not held.belongs_to(command.contract_id, Stage.COMMITTED):
        return []
    return [VoucherCommitmentReleased(**held.identity, contract_id=command.contract_id, on=command.on)]


def used(held: Voucher, contract_id: str, on: date) -> list[VoucherUsed]:
    """Say that the contract has been completed, if the voucher is committed to it."""
    if not held.belongs_to(contract_id, Stage.COMMITTED):
        return []
    return [VoucherUsed(**held.identity, contract_id=contract_id, on=on)]


def expired_unused(command: ExpireUnused, held: Voucher) -> list[VoucherExpired]:
    """End a voucher whose contract has not been completed in time."""
    if not held.belongs_to(command.contract_id, Stage.COMMITTED):
        return []
    return [
        VoucherExpired(
            **held.identity,
            released=returning("expiry", held.amount, command.terms),
            cause="not_used",
            contract_id=command.contract_id,
            on=command.on,
        )
    ]


def unknown_voucher(voucher_id: str) -> Reason:
    """Say that the claimant has no such voucher."""
    return Reason(code="voucher-unknown", article="15(2)", value=voucher_id)


def _against_commitment(command: CommitVoucher, held: Voucher) -> tuple[Reason | None, ...]:
    """List all that keeps a voucher from paying a contract (art. 12, 15(2))."""
    voucher_id = held.voucher_id
    if held.claimant_id != command.claimant_id:
        # Whose it is and how it stands is nobody else's business: to others it does not exist.
        return (unknown_voucher(voucher_id),)
    amount_differs = held.amount != command.amount
    late = held.stage is Stage.CLAIMED and command.on > held.register_by
    return (
        Reason(code="voucher-not-claimed", article="15(2)", value=voucher_id, limit=held.stage.value, kind="state")
        if held.stage is not Stage.CLAIMED
        else None,
        Reason(code="registration-too-late", article="15(2)", value=voucher_id, limit=held.register_by)
        if late
        else None,
        Reason(code="voucher-amount-differs", article="12", value=voucher_id, limit=held.amount)
        if amount_differs
        else None,
    )
