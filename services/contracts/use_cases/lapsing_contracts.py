"""A contract that was not completed while its vouchers were valid lapses (art. 15(2))."""

from datetime import timedelta

from services.contracts.domain.contract import LapseContract, Registered, contract
from services.contracts.use_cases.settling_commitments import CONTRACT_LAPSES, give_back
from services.contracts.use_cases.submitting_contracts import stream
from shared.kernel.calendar import start_of
from shared.procedures.due import set_deadline
from shared.store.transaction import Transaction


async def lapse(tx: Transaction, contract_id: str) -> None:
    """Lapse a contract whose validity is over; woken too early, wait on."""
    handled = await tx.handle(contract, stream(contract_id), LapseContract(on=tx.today))
    if handled.events:
        await give_back(tx, contract_id)
    elif isinstance(handled.state, Registered):
        over = start_of(handled.state.valid_until + timedelta(days=1))
        await set_deadline(tx, CONTRACT_LAPSES, contract_id, over)
