"""The public notice of a listing: objections, their answers, and the end of the notice (art. 6)."""

import secrets
from datetime import date, timedelta

import sqlalchemy as sa

from services.registry.domain.admission import ConcludeNotice, OnNotice, Rejected
from services.registry.domain.profile import digest_of
from services.registry.domain.provider import Event, State, provider
from services.registry.tables import objections, providers
from services.registry.use_cases.barring import is_code_barred
from services.registry.use_cases.owning import check_is_provider
from services.registry.use_cases.streams import stream_of
from shared.kernel.calendar import start_of
from shared.procedures.due import clear_deadline, set_deadline
from shared.procedures.notices import AnswerObjection, RaiseObjection
from shared.store.transaction import Handled, Transaction, UnknownSubjectError

NOTICE_ENDS = "provider-notice-ends"


async def raise_objection(
    tx: Transaction, provider_id: str, objection_id: str, *, objector: str, text: str
) -> Handled[Event, State]:
    """Object to a listing while its notice runs; who objects and why stays with the office."""
    stream = stream_of(provider_id, "prv")
    if not isinstance((await tx.load(provider, stream)).state, OnNotice):
        raise UnknownSubjectError(provider_id)  # What is not on notice is nobody's business.
    digest = digest_of(secrets.token_hex(16), {"text": text})
    handled = await tx.handle(
        provider, stream, RaiseObjection(objection_id=objection_id, text_digest=digest, on=tx.today)
    )
    await tx.connection.execute(
        sa.insert(objections).values(objection_id=objection_id, provider_id=provider_id, objector=objector, text=text)
    )
    return handled


async def answer_objection(
    tx: Transaction, provider_id: str, objection_id: str, officer: str, *, upheld: bool, answer: str,
    if_match: int | None,
) -> Handled[Event, State]:  # fmt: skip
    """Answer an objection; an upheld one ends the application."""
    await check_is_provider(tx, provider_id)
    command = AnswerObjection(objection_id=objection_id, upheld=upheld, answered_by=officer, on=tx.today)
    handled = await tx.handle(provider, stream_of(provider_id, "prv"), command, if_match=if_match)
    await tx.connection.execute(
        sa.update(objections).where(objections.c.objection_id == objection_id).values(answer=answer)
    )
    match handled.state:
        case OnNotice(notice=notice) if not notice.open_objections:
            await end_notice_after(tx, provider_id, notice.until)
        case Rejected():
            await clear_deadline(tx, NOTICE_ENDS, provider_id)
            await close(tx, provider_id)
        case _:
            pass
    return handled


async def conclude_notice(tx: Transaction, provider_id: str) -> None:
    """End a notice that has run its full length; an open objection keeps it open until it is answered."""
    stream = stream_of(provider_id, "prv")
    row = (
        await tx.connection.execute(
            sa.select(providers.c.credit_code, providers.c.capabilities, providers.c.third_party_testing).where(
                providers.c.provider_id == provider_id
            )
        )
    ).one()
    barred = await is_code_barred(tx, row.credit_code)
    command = ConcludeNotice(
        capabilities=tuple(row.capabilities),
        third_party_testing=row.third_party_testing,
        barred=barred,
        on=tx.today,
    )
    handled = await tx.handle(provider, stream, command)
    match handled.state:
        case OnNotice(notice=notice) if not notice.open_objections:
            await end_notice_after(tx, provider_id, notice.until)  # Woken too early: wait on.
        case Rejected():
            await close(tx, provider_id)
        case _:
            pass


async def end_notice_after(tx: Transaction, provider_id: str, last_day: date) -> None:
    """Have the notice concluded after its last day."""
    await set_deadline(tx, NOTICE_ENDS, provider_id, start_of(last_day + timedelta(days=1)))


async def close(tx: Transaction, provider_id: str) -> None:
    """Let go of the principal and the code of an application that came to nothing."""
    await tx.connection.execute(sa.update(providers).where(providers.c.provider_id == provider_id).values(closed=True))
