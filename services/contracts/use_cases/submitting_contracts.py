"""A provider submits a signed contract; issuance is asked to commit its vouchers (art. 15(2))."""

from collections.abc import Sequence
from datetime import date, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.contracts.domain.contract import Event, State, contract
from services.contracts.domain.project import project
from services.contracts.domain.submission import SubmitContract
from services.contracts.tables import voucher_uses
from services.contracts.tables import vouchers as vouchers_known
from services.contracts.use_cases.answering_projects import proposed_to
from services.contracts.use_cases.checking_standing import parties, products_not_valid
from services.contracts.use_cases.proposing_projects import stream as project_stream
from shared.events.contracts import NewProductPurchase, VoucherUse
from shared.procedures.due import set_deadline
from shared.store.transaction import Handled, Transaction

COMMITMENT_UNANSWERED = "commitment-unanswered"
"""Deadline of a submitted contract: nobody has answered for its vouchers."""
ANSWER_WITHIN = timedelta(minutes=10)


def stream(contract_id: str) -> str:
    """Name the stream of a contract."""
    return f"contract-{contract_id}"


async def submit(
    tx: Transaction,
    *,
    contract_id: str,
    project_id: str,
    provider_id: str | None,
    amount: int,
    signed_on: date,
    starts_on: date,
    ends_on: date,
    vouchers: tuple[VoucherUse, ...],
    voucher_clause: bool,
    new_products: tuple[NewProductPurchase, ...],
    document_digest: str,
) -> Handled[Event, State]:
    """Submit; amounts in fen. Raises `UnknownSubjectError` for a project that was not proposed to this provider."""
    proposed = await proposed_to(tx, project_id, provider_id)
    command = SubmitContract(
        contract_id=contract_id,
        project=(await tx.load(project, project_stream(project_id))).state,
        parties=await parties(
            tx,
            claimant_id=proposed.claimant_id,
            provider_id=proposed.provider_id,
            service_id=proposed.service_id,
        ),
        amount=amount,
        signed_on=signed_on,
        starts_on=starts_on,
        ends_on=ends_on,
        vouchers=vouchers,
        taken=await _take(tx, contract_id, vouchers),
        latest_claim=await _latest_claim(tx, vouchers),
        voucher_clause=voucher_clause,
        new_products=new_products,
        products_not_valid=await products_not_valid(tx, (bought.product_id for bought in new_products)),
        document_digest=document_digest,
        terms=tx.measures.on(tx.today),
        on=tx.today,
    )
    handled = await tx.handle(contract, stream(contract_id), command)
    await set_deadline(tx, COMMITMENT_UNANSWERED, contract_id, tx.now + ANSWER_WITHIN)
    return handled


async def _latest_claim(tx: Transaction, uses: Sequence[VoucherUse]) -> date | None:
    """Name the day of the last claim among the vouchers whose claim is known here."""
    known = vouchers_known.c.voucher_id.in_([use.voucher_id for use in uses])
    found = await tx.connection.execute(sa.select(vouchers_known.c.claimed_on).where(known))
    return max(found.scalars(), default=None)


async def _take(tx: Transaction, contract_id: str, vouchers: Sequence[VoucherUse]) -> frozenset[str]:
    """Take the vouchers for this contract and name those that another one has.

    The table's key decides between two contracts at the same moment, in a fixed order so that they cannot wait for each
    other; a refusal undoes it all.
    """
    wanted = sorted({use.voucher_id for use in vouchers})
    if not wanted:
        return frozenset()
    rows = [{"voucher_id": voucher_id, "contract_id": contract_id} for voucher_id in wanted]
    statement = insert(voucher_uses).values(rows).on_conflict_do_nothing().returning(voucher_uses.c.voucher_id)
    got = set((await tx.connection.execute(statement)).scalars())
    return frozenset(wanted) - got
