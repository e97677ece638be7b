"""A claimant proposes a project to a provider (art. 15(2))."""

from services.contracts.domain.project import Event, ProposeProject, State, project
from services.contracts.use_cases.checking_standing import parties
from services.contracts.use_cases.keeping_texts import ProjectTexts, keep_texts
from shared.store.transaction import Handled, Transaction


def stream(project_id: str) -> str:
    """Name the stream of a project."""
    return f"project-{project_id}"


async def propose(
    tx: Transaction,
    *,
    project_id: str,
    claimant_id: str,
    provider_id: str,
    service_id: str,
    planned_amount: int,
    texts: ProjectTexts,
    no_statutory_testing: bool,
    no_municipal_funding: bool,
    relation_declared: bool,
) -> Handled[Event, State]:
    """Propose; the words stay in a table of ours, the event carries their salted digest. `planned_amount` in fen."""
    command = ProposeProject(
        project_id=project_id,
        claimant_id=claimant_id,
        provider_id=provider_id,
        service_id=service_id,
        planned_amount=planned_amount,
        description_digest=await keep_texts(tx, project_id, texts),
        no_statutory_testing=no_statutory_testing,
        no_municipal_funding=no_municipal_funding,
        relation_declared=relation_declared,
        parties=await parties(tx, claimant_id=claimant_id, provider_id=provider_id, service_id=service_id),
        terms=tx.measures.on(tx.today).contract,
        on=tx.today,
    )
    return await tx.handle(project, stream(project_id), command)
