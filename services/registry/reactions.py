"""What contracts tells the registry: which contracts run, because a provider that leaves completes them first."""

from services.registry.use_cases.leaving_the_list import begin_contract, end_contract
from shared.bus.reactions import Reactions
from shared.events.contracts import (
    ContractCompleted,
    ContractLapsed,
    ContractRegistered,
    ContractRejected,
    ContractSubmitted,
)
from shared.events.definition import Recorded
from shared.store.transaction import Transaction


async def _begins(tx: Transaction, event: Recorded[ContractSubmitted | ContractRegistered]) -> None:
    await begin_contract(tx, event.data.provider_id, event.data.contract_id)


async def _ends(tx: Transaction, event: Recorded[ContractRejected | ContractCompleted | ContractLapsed]) -> None:
    await end_contract(tx, event.data.provider_id, event.data.contract_id)


REACTIONS: Reactions = {
    ContractSubmitted: _begins,
    ContractRegistered: _begins,
    ContractRejected: _ends,
    ContractCompleted: _ends,
    ContractLapsed: _ends,
}
