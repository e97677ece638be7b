"""What issuance does when other contexts tell it something.

Registry and contracts key their facts by claimant, redemption by provider: a payment may therefore arrive before the
completion it presupposes, and the voucher's decider knows what to do then. Within one context nothing overtakes.
A fact that contradicts what issuance knows raises Refused and stops there, to be looked at: money is never guessed.
"""

from collections.abc import Iterable
from typing import Any

import structlog

from services.issuance import claimants, ledger
from services.issuance.bookkeeping import note_provider
from services.issuance.deadlines import EXPIRE_UNREGISTERED, await_registration
from services.issuance.domain.claimant import BARRING
from services.issuance.domain.clawing_back import ClawBackVoucher, ReverseClawBack
from services.issuance.domain.commitment import AnsweredNo, RefuseCommitment, Submission, commit_all, refusal_of
from services.issuance.domain.last_days import validity_deadline
from services.issuance.domain.period import period
from services.issuance.domain.period_phases import Period
from services.issuance.domain.voucher import Command, Event, RevokeVoucher, voucher
from services.issuance.domain.voucher_contract import ExpireUnused, ReleaseCommitment, UseVoucher
from services.issuance.domain.voucher_payment import LapseVoucher, RedeemVoucher
from services.issuance.domain.voucher_stages import Stage, Voucher
from services.issuance.tables import appointed, authorisations, closed, withheld
from shared.bus.reactions import Reactions
from shared.events.contracts import ContractCompleted, ContractLapsed, ContractRejected, ContractSubmitted, VoucherUse
from shared.events.definition import Recorded
from shared.events.issuance.vouchers import (
    LapseCause,
    VoucherCancelled,
    VoucherExpired,
    VoucherLapsed,
    VoucherRedeemed,
)
from shared.events.redemption import (
    FundsDisbursed,
    FundsRecovered,
    RedemptionLapsed,
    RedemptionRefused,
    RepaymentReversed,
)
from shared.events.registry.claimants import (
    ClaimantCertificatesChanged,
    ClaimantEligibilityChanged,
    ClaimantProfileChanged,
    ClaimantRegistered,
)
from shared.events.registry.standing import PartySanctioned, SanctionLifted
from shared.kernel.calendar import Deadline
from shared.kernel.refusal import Refused
from shared.procedures.acting import following_users
from shared.procedures.acting_by_channel import following_channels
from shared.procedures.due import clear_deadline
from shared.procedures.duties import following_appointments
from shared.store.transaction import Loaded, Transaction

_log = structlog.get_logger(__name__)


async def _register(tx: Transaction, event: Recorded[ClaimantRegistered]) -> None:
    known = event.data
    await claimants.register(tx.connection, known.claimant_id, known.kind, known.certificates, known.district)


async def _judge(tx: Transaction, event: Recorded[ClaimantEligibilityChanged]) -> None:
    """Heed the finding on art. 7 from now on; a question for a person bars nobody, for declaring suffices (15(1))."""
    await claimants.judge(tx.connection, event.data.claimant_id, eligible=event.data.outcome != "fail")


async def _locate(tx: Transaction, event: Recorded[ClaimantProfileChanged]) -> None:
    await claimants.locate(tx.connection, event.data.claimant_id, event.data.district)


async def _certify(tx: Transaction, event: Recorded[ClaimantCertificatesChanged]) -> None:
    await claimants.certify(tx.connection, event.data.claimant_id, event.data.certificates)


async def _sanction(tx: Transaction, event: Recorded[PartySanctioned]) -> None:
    """Bar the claimant and take its vouchers (art. 17); other parties and lighter measures concern others."""
    sanction = event.data
    if sanction.party_kind != "claimant" or sanction.measure not in BARRING:
        return
    revoke = RevokeVoucher(sanction_id=sanction.sanction_id, on=sanction.on)
    for voucher_id in await claimants.ban(tx.connection, sanction):
        await clear_deadline(tx, EXPIRE_UNREGISTERED, voucher_id)
        await tx.handle(voucher, f"voucher-{voucher_id}", revoke)


async def _lift(tx: Transaction, event: Recorded[SanctionLifted]) -> None:
    await claimants.lift(tx.connection, event.data.sanction_id)


async def _commit(tx: Transaction, event: Recorded[ContractSubmitted]) -> None:
    """Commit all vouchers of the contract, or refuse with the reasons of all (art. 15(2)).

    The day of the submission decides, however late the message comes; a second message is answered as the first was.
    """
    contract = event.data
    refusals = f"contract-{contract.contract_id}"
    if isinstance((await tx.load(refusal_of, refusals)).state, AnsweredNo):
        return
    voucher_ids = sorted({use.voucher_id for use in contract.vouchers})
    held = {voucher_id: await tx.load(voucher, f"voucher-{voucher_id}") for voucher_id in voucher_ids}
    submission = Submission(
        contract_id=contract.contract_id,
        claimant_id=contract.claimant_id,
        uses=contract.vouchers,
        on=contract.on,
        valid_until=await _validity(tx, contract, held.values()),
    )
    try:
        commitments = commit_all(submission, {voucher_id: loaded.state for voucher_id, loaded in held.items()})
    except Refused as refusal:
        no = RefuseCommitment(
            contract_id=contract.contract_id,
            claimant_id=contract.claimant_id,
            reasons=refusal.reasons,
            on=tx.today,
        )
        await tx.handle(refusal_of, refusals, no)
        return
    for voucher_id in voucher_ids:
        if commitments[voucher_id]:
            await clear_deadline(tx, EXPIRE_UNREGISTERED, voucher_id)
            tx.append(f"voucher-{voucher_id}", held[voucher_id].version, commitments[voucher_id])
    await note_provider(tx.connection, contract.contract_id, contract.provider_id)


async def _validity(tx: Transaction, contract: ContractSubmitted, held: Iterable[Loaded[Any]]) -> dict[str, Deadline]:
    """Count for each period how long its vouchers are valid from the day of the submission (art. 15(2))."""
    measures = tx.measures.on(contract.on).voucher
    valid_until: dict[str, Deadline] = {}
    for period_id in {loaded.state.period_id for loaded in held if isinstance(loaded.state, Voucher)}:
        terms = (await tx.load(period, f"period-{period_id}")).state
        if not isinstance(terms, Period):
            raise TypeError(f"{period_id} has vouchers but no plan")
        valid_until[period_id] = validity_deadline(terms, contract.on, measures, tx.measures.working_days)
    return valid_until


async def _release(tx: Transaction, event: Recorded[ContractRejected]) -> None:
    """Free the vouchers of a contract that was not registered; their time to register goes on as before."""
    release = ReleaseCommitment(contract_id=event.data.contract_id, on=event.data.on)
    for voucher_id in _named(event.data.vouchers):
        handled = await tx.handle(voucher, f"voucher-{voucher_id}", release)
        if handled.events and isinstance(handled.state, Voucher):
            await await_registration(tx, voucher_id, handled.state.register_by)


async def _use(tx: Transaction, event: Recorded[ContractCompleted]) -> None:
    done = event.data
    for voucher_id in _named(done.vouchers):
        command = UseVoucher(contract_id=done.contract_id, on=done.on)
        await tx.handle(voucher, f"voucher-{voucher_id}", command)


async def _expire(tx: Transaction, event: Recorded[ContractLapsed]) -> None:
    lapsed = event.data
    command = ExpireUnused(contract_id=lapsed.contract_id, on=lapsed.on, terms=tx.measures.on(lapsed.on))
    await _end(tx, dict.fromkeys(_named(lapsed.vouchers), command))


async def _redeem(tx: Transaction, event: Recorded[FundsDisbursed]) -> None:
    """Post what was paid; the rest of each face value returns to the allowance, if the rules say so (readings 3, 4)."""
    paid = event.data
    terms = tx.measures.on(paid.on)
    commands: dict[str, Command] = {}
    for payment in sorted(paid.payments, key=lambda payment: payment.voucher_id):
        commands[payment.voucher_id] = RedeemVoucher(
            contract_id=paid.contract_id,
            redemption_id=paid.redemption_id,
            paid=payment.paid,
            on=paid.on,
            terms=terms,
        )
        await _alarm_if_revoked(tx, payment.voucher_id, paid)
    await _end(tx, commands)


async def _alarm_if_revoked(tx: Transaction, voucher_id: str, paid: FundsDisbursed) -> None:
    """Call for the claw-back of money that was paid on a voucher a sanction has taken (art. 17)."""
    held = (await tx.load(voucher, f"voucher-{voucher_id}")).state
    if isinstance(held, Voucher) and held.stage is Stage.REVOKED:
        _log.error(
            "voucher.paid_though_revoked",
            voucher_id=voucher_id,
            redemption_id=paid.redemption_id,
            paid_on=paid.on.isoformat(),
            revoked_on=str(held.ended_on),
        )


async def _claw_back(tx: Transaction, event: Recorded[FundsRecovered]) -> None:
    """Post what came back, voucher by voucher; neither allowance nor quota gets any of it (art. 17)."""
    came_in = event.data
    for part in sorted(came_in.recoveries, key=lambda part: part.voucher_id):
        command = ClawBackVoucher(
            contract_id=came_in.contract_id,
            redemption_id=came_in.redemption_id,
            recovery_id=came_in.recovery_id,
            repayment_id=came_in.repayment_id,
            recovered=part.amount,
            on=came_in.on,
        )
        await tx.handle(voucher, f"voucher-{part.voucher_id}", command)


async def _reverse_claw_back(tx: Transaction, event: Recorded[RepaymentReversed]) -> None:
    command = ReverseClawBack(repayment_id=event.data.repayment_id, on=event.data.on)
    for part in sorted(event.data.recoveries, key=lambda part: part.voucher_id):
        await tx.handle(voucher, f"voucher-{part.voucher_id}", command)


async def _lapse_refused(tx: Transaction, event: Recorded[RedemptionRefused]) -> None:
    refused = event.data
    command = _lapse(tx, refused, "refused")
    await _end(tx, dict.fromkeys(_named(refused.vouchers), command))


async def _lapse_not_applied(tx: Transaction, event: Recorded[RedemptionLapsed]) -> None:
    lapsed = event.data
    command = _lapse(tx, lapsed, "not_applied")
    await _end(tx, dict.fromkeys(_named(lapsed.vouchers), command))


def _lapse(tx: Transaction, fact: RedemptionRefused | RedemptionLapsed, cause: LapseCause) -> LapseVoucher:
    return LapseVoucher(contract_id=fact.contract_id, cause=cause, on=fact.on, terms=tx.measures.on(fact.on))


async def _end(tx: Transaction, commands: dict[str, Command]) -> None:
    """Bring vouchers to their end, and settle what that moves once for all of them."""
    facts: list[Event] = []
    for voucher_id, command in commands.items():
        facts.extend((await tx.handle(voucher, f"voucher-{voucher_id}", command)).events)
    moving = (VoucherCancelled, VoucherExpired, VoucherLapsed, VoucherRedeemed)
    await ledger.settle(tx, (fact for fact in facts if isinstance(fact, moving)))


def _named(uses: Iterable[VoucherUse]) -> list[str]:
    """List the vouchers of a contract in the order in which they are locked everywhere."""
    return sorted({use.voucher_id for use in uses})


REACTIONS: Reactions = {
    ClaimantRegistered: _register,
    ClaimantProfileChanged: _locate,
    ClaimantCertificatesChanged: _certify,
    ClaimantEligibilityChanged: _judge,
    **following_users(withheld),
    **following_channels(authorisations, closed),
    **following_appointments(appointed),
    PartySanctioned: _sanction,
    SanctionLifted: _lift,
    ContractSubmitted: _commit,
    ContractRejected: _release,
    ContractCompleted: _use,
    ContractLapsed: _expire,
    FundsDisbursed: _redeem,
    FundsRecovered: _claw_back,
    RepaymentReversed: _reverse_claw_back,
    RedemptionRefused: _lapse_refused,
    RedemptionLapsed: _lapse_not_applied,
}
