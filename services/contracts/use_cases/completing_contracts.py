"""A provider reports a contract as completed, with what it really cost (art. 12, 15(2)-(3))."""

from datetime import date

from services.contracts.domain.completion import CompleteContract
from services.contracts.domain.contract import Event, State, Unsubmitted, contract
from services.contracts.use_cases.settling_commitments import CONTRACT_LAPSES
from services.contracts.use_cases.submitting_contracts import stream
from shared.procedures.due import clear_deadline
from shared.store.transaction import Handled, Transaction, UnknownSubjectError


async def complete(
    tx: Transaction,
    contract_id: str,
    *,
    provider_id: str | None,
    ended_on: date,
    invoiced_amount: int,
    paid_amount: int,
    if_match: int | None,
) -> Handled[Event, State]:
    """Complete; amounts in fen. Raises `UnknownSubjectError` to anyone but the contract's provider."""
    state = (await tx.load(contract, stream(contract_id))).state
    if isinstance(state, Unsubmitted) or state.contract.provider_id != provider_id:
        raise UnknownSubjectError(contract_id)
    command = CompleteContract(
        ended_on=ended_on,
        invoiced_amount=invoiced_amount,
        paid_amount=paid_amount,
        terms=tx.measures.on(tx.today).redemption,
        working_days=tx.measures.working_days,
        on=tx.today,
    )
    handled = await tx.handle(contract, stream(contract_id), command, if_match=if_match)
    await clear_deadline(tx, CONTRACT_LAPSES, contract_id)
    return handled
