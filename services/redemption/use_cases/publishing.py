"""Public notice: objections, their answers, and the end of the notice (art. 15(5))."""

from datetime import timedelta

import sqlalchemy as sa

from services.redemption.domain.commands import ConcludeNotice
from services.redemption.domain.redemption import Event, redemption
from services.redemption.domain.stages import Approved, State
from services.redemption.tables import objections
from services.redemption.use_cases.keeping_words import salted_digest
from services.redemption.use_cases.opening_windows import stream
from services.redemption.use_cases.owning import existing
from services.redemption.use_cases.reviewing import NOTICE_ENDS
from shared.kernel.calendar import start_of
from shared.procedures.due import clear_deadline, set_deadline
from shared.procedures.notices import AnswerObjection, RaiseObjection
from shared.store.transaction import Handled, Transaction


async def raise_objection(
    tx: Transaction, redemption_id: str, objection_id: str, *, objector: str, text: str
) -> Handled[Event, State]:
    """Object to a published result; the objector's name stays with the office."""
    await existing(tx, redemption_id)
    command = RaiseObjection(objection_id=objection_id, text_digest=salted_digest(tx, text), on=tx.today)
    handled = await tx.handle(redemption, stream(redemption_id), command)
    await tx.connection.execute(
        sa.insert(objections).values(
            objection_id=objection_id, redemption_id=redemption_id, objector=objector, text=text
        )
    )
    return handled


async def answer_objection(
    tx: Transaction,
    redemption_id: str,
    objection_id: str,
    officer: str,
    *,
    upheld: bool,
    answer: str,
    if_match: int | None,
) -> Handled[Event, State]:
    """Answer an objection; an upheld one sends the case back to other experts."""
    await existing(tx, redemption_id)
    command = AnswerObjection(objection_id=objection_id, upheld=upheld, answered_by=officer, on=tx.today)
    handled = await tx.handle(redemption, stream(redemption_id), command, if_match=if_match)
    await tx.connection.execute(
        sa.update(objections).where(objections.c.objection_id == objection_id).values(answer=answer)
    )
    match handled.state:
        case Approved(notice=notice) if notice is not None and not notice.open_objections:
            await set_deadline(tx, NOTICE_ENDS, redemption_id, start_of(notice.until + timedelta(days=1)))
        case Approved():
            pass
        case _:
            await clear_deadline(tx, NOTICE_ENDS, redemption_id)
    return handled


async def conclude_notice(tx: Transaction, redemption_id: str) -> None:
    """End a notice that has run its full length; an open objection keeps it open until it is answered."""
    state = (await tx.load(redemption, stream(redemption_id))).state
    if not isinstance(state, Approved) or state.notice is None or state.notice.open_objections:
        return
    if not state.notice.ran_its_length(tx.today):
        await set_deadline(tx, NOTICE_ENDS, redemption_id, start_of(state.notice.until + timedelta(days=1)))
        return
    last_quarter = tx.measures.on(tx.today).redemption.disbursement_last_quarter
    await tx.handle(
        redemption, stream(redemption_id), ConcludeNotice(disbursement_last_quarter=last_quarter, on=tx.today)
    )
