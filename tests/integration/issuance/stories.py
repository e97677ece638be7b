"""A season in an issuing office, with every end a voucher can come to; and read models that have heard all of it."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.issuance.app import CONTEXT as ISSUANCE
from services.issuance.domain.voucher_stages import Voucher
from services.issuance.use_cases.cancelling import cancel_voucher
from shared.events.contracts import ContractCompleted, ContractSubmitted
from shared.events.redemption import FundsDisbursed, VoucherPayment
from shared.events.registry.channels import ChannelAuthorised, ChannelScope
from shared.events.registry.claimants import ClaimantEligibilityChanged
from shared.events.registry.standing import PartySanctioned
from shared.kernel.calendar import business_date
from shared.kernel.ids import new_id
from shared.projections.projection import Rows
from shared.projections.rows import save_rows
from shared.store.transaction import read_log
from tests.integration.issuance.office import CONTEXT, Office

FACE = 5_000_000
PAID = 4_000_000
PROVIDER = "prv_1"
A_DAY = timedelta(days=1)
FIRST_DAY = date(2026, 3, 2)
SECOND_DAY = date(2026, 3, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    """What there is: a claimant with vouchers of every kind, and another one whose vouchers a sanction took."""

    period_id: str
    claimant_id: str
    banned_id: str
    paid: Voucher
    used: Voucher
    committed: Voucher
    cancelled: Voucher
    expired: Voucher
    claimed: Voucher
    revoked: Voucher
    revoked_committed: Voucher


async def season(office: Office) -> Season:
    """Live through a season: 2 March claims, 3 March contracts and their ends, then sixteen days of waiting."""
    period_id = await office.open_period(12 * FACE)
    claimant_id, banned_id = await office.register(), await office.register()
    paid, used, committed, expired = [await office.claim(period_id, claimant_id, FACE) for _ in range(4)]
    revoked, revoked_committed = [await office.claim(period_id, banned_id, FACE) for _ in range(2)]
    office.clock.at += A_DAY
    for voucher in (paid, used):
        contract = await office.submit(_contract(office), [voucher], provider_id=PROVIDER)
        await office.tell(completed(contract, office))
        if voucher is paid:
            await office.tell(disbursed(contract, paid, PAID, office))
    await office.submit(_contract(office), [committed], provider_id="prv_2")
    await office.submit(_contract(office), [revoked_committed], provider_id="prv_2")
    await office.tell(
        PartySanctioned(
            sanction_id=f"snc-{banned_id}",
            party_id=banned_id,
            party_kind="claimant",
            measure="disqualify",
            proposed_by="officer-li",
            approved_by="officer-wang",
            until=date(2029, 3, 2),
            on=business_date(office.clock.now()),
        )
    )
    await office.wait_until(office.clock.now() + 16 * A_DAY)
    cancelled = await office.claim(period_id, claimant_id, FACE)
    await office.do(lambda tx: cancel_voucher(tx, voucher_id=cancelled.voucher_id, claimant_id=claimant_id))
    claimed = await office.claim(period_id, claimant_id, FACE)
    return Season(
        period_id=period_id,
        claimant_id=claimant_id,
        banned_id=banned_id,
        paid=paid,
        used=used,
        committed=committed,
        cancelled=cancelled,
        expired=expired,
        claimed=claimed,
        revoked=revoked,
        revoked_committed=revoked_committed,
    )


async def told_season(engine: AsyncEngine) -> Season:
    """Live through a season, and let every read model hear of it."""
    office = Office(engine)
    found = await season(office)
    await office.close()
    await catch_up(engine)
    return found


def _contract(office: Office) -> str:
    return new_id("ctr", office.clock.now())


def completed(contract: ContractSubmitted, office: Office) -> ContractCompleted:
    """Complete a contract today."""
    return ContractCompleted(
        contract_id=contract.contract_id,
        claimant_id=contract.claimant_id,
        provider_id=contract.provider_id,
        vouchers=contract.vouchers,
        amount=contract.amount,
        invoiced_amount=contract.amount,
        paid_amount=contract.amount,
        actual_amount=contract.amount,
        ended_on=contract.ends_on,
        redeem_by=contract.ends_on,
        provisional=False,
        on=business_date(office.clock.now()),
    )


def disbursed(contract: ContractSubmitted, voucher: Voucher, fen: int, office: Office) -> FundsDisbursed:
    """Pay so much of a voucher today."""
    return FundsDisbursed(
        redemption_id=f"rdm-{contract.contract_id}",
        contract_id=contract.contract_id,
        claimant_id=contract.claimant_id,
        provider_id=contract.provider_id,
        payments=(VoucherPayment(voucher_id=voucher.voucher_id, amount=voucher.amount, paid=fen),),
        total=fen,
        ordered_by="officer-li",
        approved_by="officer-wang",
        on=business_date(office.clock.now()),
    )


def authorised(
    claimant_id: str, principal: str, office: Office, *scopes: ChannelScope, days: tuple[int, int] = (0, 0)
) -> ChannelAuthorised:
    """Have a company let a channel act for it, from the first of these days to the last, counted from today."""
    first, last = (business_date(office.clock.now()) + timedelta(days=number) for number in days)
    return ChannelAuthorised(
        authorisation_id=new_id("ath", office.clock.now()),
        channel_id=f"chn_{principal}",
        principal=principal,
        claimant_id=claimant_id,
        scopes=scopes or ("claims",),
        valid_from=first,
        valid_until=last,
        document_digest="",
        authorised_by=f"user-of-{claimant_id}",
        on=first,
    )


def judged(
    claimant_id: str, office: Office, outcome: Literal["pass", "fail", "needs_review"]
) -> ClaimantEligibilityChanged:
    """Say what the registry makes of a claimant today."""
    return ClaimantEligibilityChanged(
        claimant_id=claimant_id,
        outcome=outcome,
        rules=(),
        occasion="profile",
        until=None,
        on=business_date(office.clock.now()),
        pack=office.measures.pack,
        pack_digest=office.measures.digest,
    )


async def catch_up(engine: AsyncEngine) -> int:
    """Bring every read model level with the log, as relay and consumers would; say where it ends."""
    async with engine.begin() as connection:
        log = await read_log(connection, CONTEXT, after=0, limit=100_000)
        for projection in ISSUANCE.projections:
            await connection.execute(sa.delete(projection.table))
            rows: Rows = {}
            projection.fold(rows, log)
            await save_rows(connection, projection.table, rows)
        await say_published(connection, log[-1].position)
    return log[-1].position


async def say_published(connection: AsyncConnection, position: int) -> None:
    """Have the whole log published up to a position; no partition holds anything back."""
    statement = sa.text(
        "INSERT INTO relay_positions (partition, position, next_offset) VALUES (-1, :at, 0)"
        " ON CONFLICT (partition) DO UPDATE SET position = :at"
    )
    await connection.execute(statement, {"at": position})
