"""Two officers ask money back that was paid; what comes in is recorded, and put right by somebody else (art. 17)."""

from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa

from services.redemption.domain.recovery import (
    ARTICLE,
    Event,
    FallOverdue,
    OrderRecovery,
    ProposeRecovery,
    RecordRepayment,
    Recoveries,
    Recovery,
    ReverseRepayment,
    WithdrawRecovery,
    recoveries,
)
from services.redemption.domain.redemption import redemption
from services.redemption.domain.stages import Disbursed, Unopened, stage_of
from services.redemption.tables import sanctions
from services.redemption.use_cases.keeping_words import keep_words
from services.redemption.use_cases.opening_windows import stream
from shared.kernel.calendar import start_of
from shared.kernel.refusal import refuse
from shared.procedures.due import clear_deadline, set_deadline
from shared.store.transaction import Handled, Transaction, UnknownSubjectError

OVERDUE = "recovery-overdue"

type Done = Handled[Event, Recoveries]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a claw-back rests on: a measure or a written decision, and the provision that was broken."""

    sanction_id: str | None
    decision: str | None
    article: str
    reasons: str


def recoveries_stream(redemption_id: str) -> str:
    """Name the stream of all that is asked back of a redemption."""
    return f"recoveries-{redemption_id}"


async def propose(
    tx: Transaction, redemption_id: str, recovery_id: str, officer: str, ground: Ground,
    *, amount: int, due_on: date, if_match: int | None,
) -> Done:  # fmt: skip
    """Propose to ask `amount` fen back."""
    paid = await _paid(tx, redemption_id)
    terms = tx.measures.on(tx.today)
    parties = (paid.file.claimant_id, paid.file.provider_id)
    command = ProposeRecovery(
        recovery_id=recovery_id,
        file=paid.file,
        payments=paid.payments,
        amount=amount,
        sanction_id=ground.sanction_id,
        sanction_known=await _holds(tx, ground.sanction_id, parties),
        decision=ground.decision,
        article=ground.article,
        reasons_digest=await keep_words(tx, redemption_id, (ground.reasons,)),
        due_on=due_on,
        proposed_by=officer,
        on=tx.today,
        pack=terms.pack,
        pack_digest=terms.digest,
    )
    return await tx.handle(recoveries, recoveries_stream(redemption_id), command, if_match=if_match)


async def order(tx: Transaction, redemption_id: str, recovery_id: str, officer: str, *, if_match: int | None) -> Done:
    """Order what another officer has proposed; the provider is to pay by the last day."""
    recovery = await _existing(tx, redemption_id, recovery_id)
    command = OrderRecovery(recovery_id=recovery_id, approved_by=officer, on=tx.today)
    done = await tx.handle(recoveries, recoveries_stream(redemption_id), command, if_match=if_match)
    await _wait(tx, recovery)
    return done


async def withdraw(
    tx: Transaction, redemption_id: str, recovery_id: str, officer: str, reasons: str, *, if_match: int | None
) -> Done:
    """Turn a proposal down, or take an order back: what has come in stays, the rest is not asked for any more."""
    await _existing(tx, redemption_id, recovery_id)
    command = WithdrawRecovery(
        recovery_id=recovery_id,
        reasons_digest=await keep_words(tx, redemption_id, (reasons,)),
        withdrawn_by=officer,
        on=tx.today,
    )
    done = await tx.handle(recoveries, recoveries_stream(redemption_id), command, if_match=if_match)
    await clear_deadline(tx, OVERDUE, _subject(redemption_id, recovery_id))
    return done


async def record_repayment(
    tx: Transaction, redemption_id: str, recovery_id: str, repayment_id: str, officer: str,
    *, amount: int, received_on: date, if_match: int | None,
) -> Done:  # fmt: skip
    """Record money that has come in, all of what is asked for or a part of it."""
    paid = await _paid(tx, redemption_id)
    await _existing(tx, redemption_id, recovery_id)
    command = RecordRepayment(
        recovery_id=recovery_id,
        repayment_id=repayment_id,
        payments=paid.payments,
        paid_on=paid.on,
        amount=amount,
        received_on=received_on,
        recorded_by=officer,
        on=tx.today,
    )
    done = await tx.handle(recoveries, recoveries_stream(redemption_id), command, if_match=if_match)
    if find(done.state, recovery_id).stage == "recovered":
        await clear_deadline(tx, OVERDUE, _subject(redemption_id, recovery_id))
    return done


async def reverse_repayment(
    tx: Transaction, redemption_id: str, recovery_id: str, repayment_id: str, officer: str, reasons: str,
    *, if_match: int | None,
) -> Done:  # fmt: skip
    """Take a repayment out again that was recorded by mistake; it is asked for as before."""
    known = await _existing(tx, redemption_id, recovery_id)
    if repayment_id not in {repayment.fact.repayment_id for repayment in known.repayments}:
        raise UnknownSubjectError(repayment_id)
    command = ReverseRepayment(
        recovery_id=recovery_id,
        repayment_id=repayment_id,
        reasons_digest=await keep_words(tx, redemption_id, (reasons,)),
        reversed_by=officer,
        on=tx.today,
    )
    done = await tx.handle(recoveries, recoveries_stream(redemption_id), command, if_match=if_match)
    recovery = find(done.state, recovery_id)
    if recovery.stage == "ordered" and not recovery.overdue:
        await _wait(tx, recovery)
    return done


async def fall_overdue(tx: Transaction, subject: str) -> None:
    """Say that the last day has passed, where something is still asked for."""
    redemption_id, recovery_id = subject.split("/")
    command = FallOverdue(recovery_id=recovery_id, on=tx.today)
    done = await tx.handle(recoveries, recoveries_stream(redemption_id), command)
    recovery = find(done.state, recovery_id)
    if recovery.stage == "ordered" and not recovery.overdue:
        await _wait(tx, recovery)  # Woken too early: wait on.


def find(state: Recoveries, recovery_id: str) -> Recovery:
    """Give a claw-back by its id; raises `UnknownSubjectError` when there is none."""
    recovery = state.find(recovery_id)
    if recovery is None:
        raise UnknownSubjectError(recovery_id)
    return recovery


async def _existing(tx: Transaction, redemption_id: str, recovery_id: str) -> Recovery:
    return find((await tx.load(recoveries, recoveries_stream(redemption_id))).state, recovery_id)


async def _paid(tx: Transaction, redemption_id: str) -> Disbursed:
    """Give a redemption that was paid; only what has left can be asked back."""
    state = (await tx.load(redemption, stream(redemption_id))).state
    if isinstance(state, Unopened):
        raise UnknownSubjectError(redemption_id)
    if not isinstance(state, Disbursed):
        raise refuse("redemption-not-in-this-stage", article=ARTICLE, value=stage_of(state), kind="state")
    return state


async def _holds(tx: Transaction, sanction_id: str | None, parties: tuple[str, ...]) -> bool:
    """Tell whether a measure is in force against one of the parties."""
    in_force = sanctions.c.until.is_(None) | (sanctions.c.until >= tx.today)
    found = sa.select(sanctions.c.sanction_id).where(
        sanctions.c.sanction_id == sanction_id, sanctions.c.party_id.in_(parties), in_force
    )
    return (await tx.connection.execute(found)).first() is not None


def _subject(redemption_id: str, recovery_id: str) -> str:
    return f"{redemption_id}/{recovery_id}"


async def _wait(tx: Transaction, recovery: Recovery) -> None:
    proposal = recovery.proposal
    subject = _subject(proposal.redemption_id, proposal.recovery_id)
    await set_deadline(tx, OVERDUE, subject, start_of(proposal.due_on + timedelta(days=1)))
