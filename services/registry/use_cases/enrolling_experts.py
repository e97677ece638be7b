"""The office enrols an expert who may be drawn for reviews (art. 15(4))."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.registry.domain.expert import EnrolExpert, State, expert
from services.registry.tables import claimants, experts, providers
from services.registry.use_cases.streams import stream_of
from shared.events.registry.experts import ExpertEnrolled
from shared.kernel.refusal import refuse
from shared.store.transaction import Handled, Transaction


async def enrol(
    tx: Transaction, expert_id: str, principal: str, employer_id: str | None
) -> Handled[ExpertEnrolled, State]:
    """Enrol a principal once; `employer_id` is a party of this register, or None for one who works for nobody in it."""
    if employer_id is not None and not await _is_party(tx, employer_id):
        raise refuse("party-unknown", article="15(4)", value=employer_id)
    command = EnrolExpert(expert_id=expert_id, principal=principal, employer_id=employer_id, on=tx.today)
    handled = await tx.handle(expert, stream_of(expert_id, "exp"), command)
    taken = await tx.connection.execute(
        insert(experts)
        .values(expert_id=expert_id, principal=principal)
        .on_conflict_do_nothing()
        .returning(experts.c.expert_id)
    )
    if taken.first() is None:
        raise refuse("expert-already-enrolled", article="15(4)", kind="state")
    return handled


async def _is_party(tx: Transaction, party_id: str) -> bool:
    found = await tx.connection.execute(
        sa.union_all(
            sa.select(claimants.c.claimant_id).where(claimants.c.claimant_id == party_id),
            sa.select(providers.c.provider_id).where(providers.c.provider_id == party_id),
        )
    )
    return found.first() is not None
