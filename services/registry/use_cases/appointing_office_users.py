"""Two others appoint whoever works for an office; what needs a duty asks for it here (art. 18)."""

from datetime import date

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.registry.domain.office_user import (
    ARTICLE,
    Appointed,
    AppointUser,
    EndUser,
    Event,
    ProposeUser,
    State,
    Unproposed,
    office_user,
)
from services.registry.recognition_tables import office_users
from services.registry.use_cases.streams import stream_of
from shared.events.registry.office import Duty, Office
from shared.kernel.refusal import refuse
from shared.store.transaction import Handled, Transaction, UnknownSubjectError


async def propose(
    tx: Transaction, office_user_id: str, proposer: str, *, principal: str, office: Office, duties: tuple[Duty, ...],
    valid_from: date, valid_until: date | None,
) -> Handled[Event, State]:  # fmt: skip
    """Propose an appointment; a principal has one at a time, so that all its duties are judged together."""
    command = ProposeUser(
        office_user_id=office_user_id, principal=principal, office=office, duties=duties, valid_from=valid_from,
        valid_until=valid_until, proposed_by=proposer, on=tx.today,
    )  # fmt: skip
    handled = await tx.handle(office_user, stream_of(office_user_id, "ofu"), command)
    over = (office_users.c.principal == principal) & (office_users.c.valid_until < tx.today)
    await tx.connection.execute(sa.update(office_users).where(over).values(closed=True))
    taken = await tx.connection.execute(
        insert(office_users)
        .values(office_user_id=office_user_id, principal=principal, office=office, duties=sorted(set(duties)),
                valid_from=valid_from, valid_until=valid_until, proposed_by=proposer, proposed_on=tx.today)
        .on_conflict_do_nothing()
        .returning(office_users.c.office_user_id)
    )  # fmt: skip
    if taken.first() is None:
        raise refuse("principal-has-appointment", article=ARTICLE, value=principal, kind="state")
    return handled


async def appoint(
    tx: Transaction, office_user_id: str, approver: str, *, if_match: int | None
) -> Handled[Event, State]:
    """Approve an appointment, as neither its proposer nor the person appointed."""
    stream = await _known(tx, office_user_id)
    handled = await tx.handle(office_user, stream, AppointUser(approved_by=approver, on=tx.today), if_match=if_match)
    if isinstance(handled.state, Appointed):
        await _note(tx, office_user_id, approved_by=approver, approved_on=tx.today)
    return handled


async def end(tx: Transaction, office_user_id: str, officer: str, *, if_match: int | None) -> Handled[Event, State]:
    """End an appointment at once, or let a proposal come to nothing."""
    stream = await _known(tx, office_user_id)
    handled = await tx.handle(office_user, stream, EndUser(ended_by=officer, on=tx.today), if_match=if_match)
    await _note(tx, office_user_id, ended_by=officer, ended_on=tx.today, closed=True)
    return handled


async def check_duty(tx: Transaction, principal: str, duty: Duty) -> None:
    """Refuse a principal who lacks a duty that somebody is appointed to today."""
    if await lacks_duty(tx, principal, duty):
        raise refuse("duty-missing", article=ARTICLE, value=principal, limit=duty)


async def lacks_duty(tx: Transaction, principal: str, duty: Duty) -> bool:
    """Tell whether somebody is appointed to a duty today and this principal is not.

    While nobody has a duty, the role in the token is enough: so the office can begin to appoint.
    """
    table = office_users
    found = await tx.connection.execute(
        sa.select(sa.func.bool_or(table.c.principal == principal)).where(
            table.c.approved_on.is_not(None),
            table.c.ended_on.is_(None),
            table.c.valid_from <= tx.today,
            table.c.valid_until.is_(None) | (table.c.valid_until >= tx.today),
            table.c.duties.contains([duty]),
        )
    )
    return found.scalar_one() is False


async def _known(tx: Transaction, office_user_id: str) -> str:
    stream = stream_of(office_user_id, "ofu")
    if isinstance((await tx.load(office_user, stream)).state, Unproposed):
        raise UnknownSubjectError(office_user_id)
    return stream


async def _note(tx: Transaction, office_user_id: str, **what: object) -> None:
    of_user = sa.update(office_users).where(office_users.c.office_user_id == office_user_id)
    await tx.connection.execute(of_user.values(what))
