"""The office enrols experts who may be drawn for reviews, and keeps what decides whether they are (art. 15(4))."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.registry.domain.expert import (
    ChangeAbsences,
    ChangeProfile,
    EnrolExpert,
    Enrolled,
    Event,
    State,
    expert,
)
from services.registry.recognition_tables import expert_versions
from services.registry.tables import claimants, experts, providers
from services.registry.use_cases.streams import stream_of
from shared.events.registry.experts import Absence
from shared.kernel.refusal import refuse
from shared.store.transaction import Handled, Transaction, UnknownSubjectError


async def enrol(
    tx: Transaction, expert_id: str, principal: str, employer_id: str | None, officer: str
) -> Handled[Event, State]:
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
    await _keep_version(tx, handled, officer)
    return handled


async def change_profile(
    tx: Transaction, expert_id: str, officer: str, *, employers: Sequence[str], fields: Sequence[str],
    load_max: int | None, if_match: int | None,
) -> Handled[Event, State]:  # fmt: skip
    """Say for whom an expert works, what the expert knows and how many cases at a time; what was before stays known."""
    stream = await _enrolled(tx, expert_id)
    for employer_id in employers:
        if not await _is_party(tx, employer_id):
            raise refuse("party-unknown", article="15(4)", value=employer_id)
    command = ChangeProfile(employers=tuple(employers), fields=tuple(fields), load_max=load_max, on=tx.today)
    handled = await tx.handle(expert, stream, command, if_match=if_match)
    await _keep_version(tx, handled, officer)
    return handled


async def change_absences(
    tx: Transaction, expert_id: str, who: str, absences: tuple[Absence, ...], *, if_match: int | None
) -> Handled[Event, State]:
    """Say on which days to come an expert is not drawn, by the office or by the expert."""
    stream = await _enrolled(tx, expert_id)
    command = ChangeAbsences(absences=absences, on=tx.today)
    handled = await tx.handle(expert, stream, command, if_match=if_match)
    await _keep_version(tx, handled, who)
    return handled


async def _enrolled(tx: Transaction, expert_id: str) -> str:
    stream = stream_of(expert_id, "exp")
    if not isinstance((await tx.load(expert, stream)).state, Enrolled):
        raise UnknownSubjectError(expert_id)
    return stream


async def _keep_version(tx: Transaction, handled: Handled[Event, State], changed_by: str) -> None:
    """Keep what an expert is from now on, beside what the expert was."""
    if not handled.events or not isinstance(handled.state, Enrolled):
        return
    state = handled.state
    await tx.connection.execute(
        sa.insert(expert_versions).values(
            expert_id=state.expert_id,
            version=handled.version,
            employers=list(state.employers),
            fields=list(state.fields),
            load_max=state.load_max,
            absences=[{"first_day": a.first_day.isoformat(), "last_day": a.last_day.isoformat()} for a in
                      state.absences],
            changed_by=changed_by,
            changed_on=tx.today,
        )
    )  # fmt: skip


async def _is_party(tx: Transaction, party_id: str) -> bool:
    found = await tx.connection.execute(
        sa.union_all(
            sa.select(claimants.c.claimant_id).where(claimants.c.claimant_id == party_id),
            sa.select(providers.c.provider_id).where(providers.c.provider_id == party_id),
        )
    )
    return found.first() is not None
