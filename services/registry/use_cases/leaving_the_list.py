"""A provider leaves the list: a stated reason, one month's notice, running contracts first (art. 6 last paragraph)."""

import secrets

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.registry.domain.leaving import ConcludeExit, RequestExit
from services.registry.domain.listing import Delisted, Listed
from services.registry.domain.profile import digest_of
from services.registry.domain.provider import Event, State, provider
from services.registry.tables import provider_exits, providers, running_contracts
from services.registry.use_cases.publishing_listings import close
from services.registry.use_cases.streams import stream_of
from shared.kernel.calendar import Deadline
from shared.procedures.due import set_deadline
from shared.store.transaction import Handled, Transaction, UnknownSubjectError

EXIT_ENDS = "provider-exit-ends"


async def request_exit(
    tx: Transaction, provider_id: str, principal: str, reason: str, *, if_match: int | None
) -> Handled[Event, State]:
    """Take the notice of the principal's own provider; the reason stays with the office."""
    if not await _locked(tx, provider_id, principal):
        raise UnknownSubjectError(provider_id)
    terms, salt = tx.measures.on(tx.today), secrets.token_hex(16)
    command = RequestExit(
        reason_digest=digest_of(salt, {"reason": reason}),
        notice_months=terms.standing.provider_exit_notice_months,
        roll=terms.standing.roll_to_working_day,
        working_days=tx.measures.working_days,
        on=tx.today,
        pack=terms.pack,
        pack_digest=terms.digest,
    )
    handled = await tx.handle(provider, stream_of(provider_id, "prv"), command, if_match=if_match)
    await tx.connection.execute(sa.insert(provider_exits).values(provider_id=provider_id, reason=reason, salt=salt))
    await _conclude_when_due(tx, provider_id, handled.state)
    return handled


async def conclude_exit(tx: Transaction, provider_id: str) -> None:
    """Take a provider off the list once its notice is over and no contract runs; else wait for what is missing."""
    await _locked(tx, provider_id)
    command = ConcludeExit(running_contracts=await running_contracts_of(tx, provider_id), on=tx.today)
    handled = await tx.handle(provider, stream_of(provider_id, "prv"), command)
    match handled.state:
        case Delisted() if handled.events:
            await close(tx, provider_id)
        case Listed(leaving=notice) if notice is not None and tx.today <= notice.until:
            await _conclude_when_due(tx, provider_id, handled.state)  # Woken too early: wait on.
        case _:
            pass  # Contracts still run: the end of the last one wakes it again.


async def begin_contract(tx: Transaction, provider_id: str, contract_id: str) -> None:
    """Note that a contract of a provider runs, from its submission on."""
    await _locked(tx, provider_id)
    running = insert(running_contracts).values(contract_id=contract_id, provider_id=provider_id)
    await tx.connection.execute(running.on_conflict_do_nothing())


async def end_contract(tx: Transaction, provider_id: str, contract_id: str) -> None:
    """Note that a contract is over; a provider whose notice has run may then leave."""
    await _locked(tx, provider_id)
    await tx.connection.execute(sa.delete(running_contracts).where(running_contracts.c.contract_id == contract_id))
    state = (await tx.load(provider, stream_of(provider_id, "prv"))).state
    await _conclude_when_due(tx, provider_id, state)


async def running_contracts_of(tx: Transaction, provider_id: str) -> int:
    """Count the contracts of a provider that were submitted and are not over."""
    count = sa.select(sa.func.count()).where(running_contracts.c.provider_id == provider_id)
    return int((await tx.connection.execute(count)).scalar_one())


async def _conclude_when_due(tx: Transaction, provider_id: str, state: State) -> None:
    if isinstance(state, Listed) and state.leaving is not None:
        ends = Deadline(last_day=state.leaving.until, provisional=state.leaving.provisional)
        await set_deadline(tx, EXIT_ENDS, provider_id, ends.due_at)


async def _locked(tx: Transaction, provider_id: str, principal: str | None = None) -> bool:
    """Lock a provider's row, so that contracts are counted by one at a time; False when it is not the principal's."""
    row = sa.select(providers.c.provider_id).where(providers.c.provider_id == provider_id)
    if principal is not None:
        row = row.where(providers.c.principal == principal)
    return (await tx.connection.execute(row.with_for_update())).first() is not None
