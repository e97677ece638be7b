"""Issuance has answered for a contract's vouchers, or nobody has: the contract is registered or rejected."""

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.contracts.domain.contract import (
    Command,
    Commitment,
    RegisterContract,
    RejectContract,
    Submitted,
    contract,
)
from services.contracts.tables import commitments, voucher_uses, vouchers
from services.contracts.use_cases.submitting_contracts import COMMITMENT_UNANSWERED, stream
from shared.events.contracts import ContractRegistered, ContractRejected
from shared.events.issuance.vouchers import VoucherCommitmentRefused, VoucherCommitted, WhyNot
from shared.kernel.calendar import start_of
from shared.procedures.due import clear_deadline, set_deadline
from shared.store.transaction import Transaction

CONTRACT_LAPSES = "contract-lapses"
"""Deadline of a registered contract: the validity of its vouchers is over."""


async def note_commitment(tx: Transaction, answer: VoucherCommitted) -> None:
    """Note that a voucher is committed; with the last one the contract is registered, or rejected if it cannot be."""
    state = (await tx.load(contract, stream(answer.contract_id))).state
    if not isinstance(state, Submitted):
        return  # Decided meanwhile; issuance releases what it committed to a rejected contract.
    note = insert(commitments).values(
        contract_id=answer.contract_id,
        voucher_id=answer.voucher_id,
        amount=answer.amount,
        valid_until=answer.valid_until,
    )
    await tx.connection.execute(note.on_conflict_do_nothing())
    rules = tx.measures.on(state.contract.on).contract
    known = await _commitments_to(tx, answer.contract_id)
    await _settle(tx, answer.contract_id, RegisterContract(commitments=known, terms=rules, on=tx.today))


async def reject_refused(tx: Transaction, answer: VoucherCommitmentRefused) -> None:
    """Reject a contract whose vouchers issuance does not commit, with issuance's reasons."""
    await _settle(tx, answer.contract_id, RejectContract(reasons=answer.reasons, on=tx.today))


async def reject_unanswered(tx: Transaction, contract_id: str) -> None:
    """Reject a contract nobody has answered for; what is committed to it late is released by issuance."""
    silence = WhyNot(code="commitment-not-answered", article="15(2)")
    await _settle(tx, contract_id, RejectContract(reasons=(silence,), on=tx.today))


async def _commitments_to(tx: Transaction, contract_id: str) -> tuple[Commitment, ...]:
    statement = (
        sa.select(commitments.c.voucher_id, commitments.c.amount, vouchers.c.claimed_on, commitments.c.valid_until)
        .join(vouchers, vouchers.c.voucher_id == commitments.c.voucher_id)
        .where(commitments.c.contract_id == contract_id)
        .order_by(commitments.c.voucher_id)
    )
    return tuple(
        Commitment(voucher_id=voucher_id, amount=amount, claimed_on=claimed_on, valid_until=valid_until)
        for voucher_id, amount, claimed_on, valid_until in (await tx.connection.execute(statement))
    )


async def _settle(tx: Transaction, contract_id: str, command: Command) -> None:
    """Decide, and follow with what the decision means for the vouchers and the waiting."""
    for fact in (await tx.handle(contract, stream(contract_id), command)).events:
        await clear_deadline(tx, COMMITMENT_UNANSWERED, contract_id)
        match fact:
            case ContractRegistered(valid_until=valid_until):
                await set_deadline(tx, CONTRACT_LAPSES, contract_id, start_of(valid_until + timedelta(days=1)))
            case ContractRejected():
                await give_back(tx, contract_id)
            case _:
                raise TypeError(f"{type(fact).__name__} does not settle a contract")


async def give_back(tx: Transaction, contract_id: str) -> None:
    """Let another contract use the vouchers of one that came to nothing."""
    await tx.connection.execute(sa.delete(voucher_uses).where(voucher_uses.c.contract_id == contract_id))
