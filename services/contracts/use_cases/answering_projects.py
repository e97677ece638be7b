"""A provider confirms or declines a project (art. 9(2))."""

from services.contracts.domain.project import (
    ConfirmProject,
    DeclineProject,
    DeclineReason,
    Event,
    State,
    Unproposed,
    project,
)
from services.contracts.use_cases.checking_standing import parties
from services.contracts.use_cases.keeping_texts import explain
from services.contracts.use_cases.proposing_projects import stream
from shared.events.contracts import ProjectProposed
from shared.store.transaction import Handled, Transaction, UnknownSubjectError


async def confirm(
    tx: Transaction, project_id: str, *, provider_id: str | None, confirmed_by: str, if_match: int | None
) -> Handled[Event, State]:
    """Confirm claimant and project; raises `UnknownSubjectError` to anyone but the provider it was proposed to."""
    proposed = await proposed_to(tx, project_id, provider_id)
    command = ConfirmProject(
        confirmed_by=confirmed_by,
        parties=await parties(
            tx,
            claimant_id=proposed.claimant_id,
            provider_id=proposed.provider_id,
            service_id=proposed.service_id,
        ),
        terms=tx.measures.on(tx.today).contract,
        on=tx.today,
    )
    return await tx.handle(project, stream(project_id), command, if_match=if_match)


async def decline(
    tx: Transaction,
    project_id: str,
    *,
    provider_id: str | None,
    reason: DeclineReason,
    explanation: str,
    if_match: int | None,
) -> Handled[Event, State]:
    """Decline with a coded reason; the explanation in words stays between the two and the office."""
    await proposed_to(tx, project_id, provider_id)
    command = DeclineProject(reason=reason, on=tx.today)
    handled = await tx.handle(project, stream(project_id), command, if_match=if_match)
    await explain(tx, project_id, explanation)
    return handled


async def proposed_to(tx: Transaction, project_id: str, provider_id: str | None) -> ProjectProposed:
    """Give a project to the provider it was proposed to; raises `UnknownSubjectError` to anyone else."""
    state = (await tx.load(project, stream(project_id))).state
    if isinstance(state, Unproposed) or state.project.provider_id != provider_id:
        raise UnknownSubjectError(project_id)
    return state.project
