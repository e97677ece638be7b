"""The provider hands in the evidence; the office checks its form (art. 15(3))."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.redemption.domain.commands import Accept, Apply, Correct, ReturnForCorrection
from services.redemption.domain.redemption import Event, redemption
from services.redemption.domain.stages import Returned, State
from services.redemption.tables import evidence as evidence_table
from services.redemption.tables import invoices
from services.redemption.use_cases.keeping_words import keep_words
from services.redemption.use_cases.opening_windows import stop_waiting, stream, wait_until
from services.redemption.use_cases.owning import check_provider, existing
from shared.events.redemption import Evidence
from shared.kernel.refusal import Reason, Refused
from shared.store.transaction import Handled, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """An invoice by its number, unique in the city, and its amount in fen."""

    number: str
    amount: int


async def apply(
    tx: Transaction, redemption_id: str, provider_id: str, evidence: tuple[Evidence, ...], handed_in: Sequence[Invoice],
    *, if_match: int | None,
) -> Handled[Event, State]:  # fmt: skip
    """Apply for the voucher money of a completed contract."""
    await check_provider(tx, redemption_id, provider_id)
    terms = tx.measures.on(tx.today)
    command = Apply(
        evidence=evidence,
        invoices_total=sum(invoice.amount for invoice in handed_in),
        share_max_percent=terms.redemption.contract_share_max,
        on=tx.today,
        pack=terms.pack,
        pack_digest=terms.digest,
    )
    handled = await tx.handle(redemption, stream(redemption_id), command, if_match=if_match)
    await _use_once(tx, redemption_id, handed_in)
    await _file(tx, redemption_id, evidence)
    await stop_waiting(tx, redemption_id)
    return handled


async def correct(
    tx: Transaction, redemption_id: str, provider_id: str, evidence: tuple[Evidence, ...], handed_in: Sequence[Invoice],
    *, if_match: int | None,
) -> Handled[Event, State]:  # fmt: skip
    """Hand in again what the formal check returned."""
    await check_provider(tx, redemption_id, provider_id)
    total = sum(invoice.amount for invoice in handed_in)
    command = Correct(evidence=evidence, invoices_total=total, on=tx.today)
    handled = await tx.handle(redemption, stream(redemption_id), command, if_match=if_match)
    await tx.connection.execute(sa.delete(invoices).where(invoices.c.redemption_id == redemption_id))
    await _use_once(tx, redemption_id, handed_in)
    await _file(tx, redemption_id, evidence)
    await stop_waiting(tx, redemption_id)
    return handled


async def accept(tx: Transaction, redemption_id: str, officer: str, *, if_match: int | None) -> Handled[Event, State]:
    """Pass the formal check."""
    await existing(tx, redemption_id)
    command = Accept(checked_by=officer, on=tx.today)
    return await tx.handle(redemption, stream(redemption_id), command, if_match=if_match)


async def return_for_correction(
    tx: Transaction, redemption_id: str, officer: str, reasons: tuple[str, ...], *, if_match: int | None
) -> Handled[Event, State]:
    """Give an application back with what is to be put right."""
    await existing(tx, redemption_id)
    command = ReturnForCorrection(
        reasons=reasons,
        reasons_digest=await keep_words(tx, redemption_id, reasons),
        checked_by=officer,
        working_days=tx.measures.working_days,
        roll=tx.measures.on(tx.today).redemption.roll_to_working_day,
        on=tx.today,
    )
    handled = await tx.handle(redemption, stream(redemption_id), command, if_match=if_match)
    if isinstance(handled.state, Returned):
        await wait_until(tx, redemption_id, handled.state.correct_by)
    return handled


async def _file(tx: Transaction, redemption_id: str, evidence: tuple[Evidence, ...]) -> None:
    """Let the panel read the documents."""
    rows = [{"document_id": item.document_id, "redemption_id": redemption_id} for item in evidence]
    await tx.connection.execute(insert(evidence_table).on_conflict_do_nothing(), rows)


async def _use_once(tx: Transaction, redemption_id: str, handed_in: Sequence[Invoice]) -> None:
    """Take the invoices for this redemption; one that is taken already refuses the application (art. 16)."""
    numbers = sorted(invoice.number for invoice in handed_in)
    twice = sorted({number for number in numbers if numbers.count(number) > 1})
    rows = [
        {"number": invoice.number, "redemption_id": redemption_id, "amount": invoice.amount}
        for invoice in sorted(handed_in, key=lambda invoice: invoice.number)
        if invoice.number not in twice
    ]
    statement = insert(invoices).on_conflict_do_nothing().returning(invoices.c.number)
    taken = set((await tx.connection.execute(statement, rows)).scalars()) if rows else set()
    used = twice + [row["number"] for row in rows if row["number"] not in taken]
    if used:
        raise Refused(*(Reason(code="invoice-already-used", article="16", value=number) for number in used))
