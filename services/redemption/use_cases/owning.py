"""Whose a redemption is: what is not yours does not exist for you."""

import sqlalchemy as sa

from services.redemption.domain.redemption import redemption
from services.redemption.domain.stages import File, UnderReview, Unopened
from services.redemption.tables import evidence
from services.redemption.use_cases.choosing_experts import barred_among
from services.redemption.use_cases.opening_windows import stream
from shared.http.identity import Caller
from shared.http.policy import Role
from shared.store.transaction import Transaction, UnknownSubjectError


async def existing(tx: Transaction, redemption_id: str) -> File:
    """Give the file of a redemption; raises `UnknownSubjectError` when there is none."""
    state = (await tx.load(redemption, stream(redemption_id))).state
    if isinstance(state, Unopened):
        raise UnknownSubjectError(redemption_id)
    return state.file


async def check_provider(tx: Transaction, redemption_id: str, provider_id: str | None) -> None:
    """Let the provider of a redemption in; raises `UnknownSubjectError` to anyone else."""
    if (await existing(tx, redemption_id)).provider_id != provider_id:
        raise UnknownSubjectError(redemption_id)


async def check_expert(tx: Transaction, redemption_id: str, expert_id: str | None) -> None:
    """Let an expert of the panel in; raises `UnknownSubjectError` to anyone else."""
    state = (await tx.load(redemption, stream(redemption_id))).state
    if not isinstance(state, UnderReview) or expert_id not in state.experts:
        raise UnknownSubjectError(redemption_id)


async def may_read_evidence(tx: Transaction, caller: Caller, document_id: str) -> bool:
    """Let the office read every document, and an expert those of a redemption the expert is to judge and may."""
    if caller.role is not Role.EXPERT:
        return caller.role in {Role.OFFICER, Role.APPROVER, Role.AUDITOR}
    if await barred_among(tx, (caller.party or "",)):
        return False
    of_document = sa.select(evidence.c.redemption_id).where(evidence.c.document_id == document_id)
    for redemption_id in (await tx.connection.execute(of_document)).scalars():
        state = (await tx.load(redemption, stream(redemption_id))).state
        if isinstance(state, UnderReview) and caller.party in state.experts:
            return True
    return False
