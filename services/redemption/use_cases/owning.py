"""Whose a redemption is: what is not yours does not exist for you."""

from services.redemption.domain.redemption import redemption
from services.redemption.domain.stages import File, State, UnderReview, file_of
from services.redemption.use_cases.opening_windows import stream
from shared.store.transaction import Transaction, UnknownSubjectError


async def check_provider(tx: Transaction, redemption_id: str, provider_id: str | None) -> File:
    """Give the file of a redemption to its provider; raises `UnknownSubjectError` to anyone else."""
    file = file_of((await tx.load(redemption, stream(redemption_id))).state)
    if file is None or file.provider_id != provider_id:
        raise UnknownSubjectError(redemption_id)
    return file


async def check_expert(tx: Transaction, redemption_id: str, expert_id: str | None) -> None:
    """Let an expert of the panel in; raises `UnknownSubjectError` to anyone else."""
    state: State = (await tx.load(redemption, stream(redemption_id))).state
    if not isinstance(state, UnderReview) or expert_id not in state.experts:
        raise UnknownSubjectError(redemption_id)
