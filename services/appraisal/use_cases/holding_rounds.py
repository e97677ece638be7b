"""Two officers hold the appraisal of a year (art. 14(1))."""

from sqlalchemy.dialects.postgresql import insert

from services.appraisal.domain.round import Event, OpenRound, ProposeRound, State, Unproposed, appraisal_round
from services.appraisal.tables import rounds
from shared.kernel.ids import is_id
from shared.kernel.refusal import refuse
from shared.store.transaction import Handled, Transaction, UnknownSubjectError


def stream_of(round_id: str) -> str:
    """Name the stream of a round; raises `UnknownSubjectError` for what is no such id."""
    if not is_id(round_id, "rnd"):
        raise UnknownSubjectError(round_id)
    return f"round-{round_id}"


async def propose(tx: Transaction, round_id: str, officer: str, year: int) -> Handled[Event, State]:
    """Propose the round of a year; there is only one."""
    terms = tx.measures.on(tx.today)
    command = ProposeRound(
        round_id=round_id, year=year, proposed_by=officer, on=tx.today, pack=terms.pack, pack_digest=terms.digest
    )
    handled = await tx.handle(appraisal_round, stream_of(round_id), command)
    taken = await tx.connection.execute(
        insert(rounds).values(round_id=round_id, year=year).on_conflict_do_nothing().returning(rounds.c.round_id)
    )
    if taken.first() is None:
        raise refuse("round-of-year-exists", article="11", value=year, kind="state")
    return handled


async def open_round(tx: Transaction, round_id: str, approver: str, *, if_match: int | None) -> Handled[Event, State]:
    """Open a round that somebody else proposed."""
    stream = stream_of(round_id)
    if isinstance((await tx.load(appraisal_round, stream)).state, Unproposed):
        raise UnknownSubjectError(round_id)
    return await tx.handle(appraisal_round, stream, OpenRound(approved_by=approver, on=tx.today), if_match=if_match)
