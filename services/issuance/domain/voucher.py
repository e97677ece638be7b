"""A voucher's life: claimed, committed to a contract, used, redeemed; or ended before (art. 12, 15, 17)."""

from dataclasses import replace
from datetime import date
from typing import NamedTuple, assert_never

from services.issuance.domain.allowance import returning
from services.issuance.domain.clawing_back import (
    ClawBackVoucher,
    ClawedBack,
    ReverseClawBack,
    clawed_back,
    put_right,
    with_reversed,
)
from services.issuance.domain.voucher_contract import (
    CommitVoucher,
    ExpireUnused,
    ReleaseCommitment,
    UseVoucher,
    commitment_released,
    committed,
    expired_unused,
    used,
)
from services.issuance.domain.voucher_payment import LapseVoucher, RedeemVoucher, lapsed, redeemed
from services.issuance.domain.voucher_stages import LIVE, Stage, State, Unclaimed, Voucher
from shared.events.issuance.vouchers import (
    ClassPart,
    VoucherCancelled,
    VoucherClaimed,
    VoucherClawBackReversed,
    VoucherClawedBack,
    VoucherCommitmentReleased,
    VoucherCommitted,
    VoucherExpired,
    VoucherLapsed,
    VoucherRedeemed,
    VoucherRevoked,
    VoucherUsed,
)
from shared.kernel.calendar import Deadline
from shared.kernel.decider import Decider, message
from shared.kernel.refusal import refuse
from shared.measures.terms import Terms


class ClaimVoucher(NamedTuple):
    """Write down a granted claim: its `place` in the period, and the `allowance` that it stays within."""

    voucher_id: str
    period_id: str
    claimant_id: str
    year: int
    amount: int
    allowance: int
    place: int
    on: date
    register_by: Deadline
    pack: str
    pack_digest: str
    parts: tuple[ClassPart, ...] = ()


@message
class CancelVoucher:
    """Give the voucher back before its activity is registered.

    Here and below `terms` are the rules of the day that decides what returns to the allowance (reading 10).
    """

    on: date
    terms: Terms


@message
class ExpireUnregistered:
    """Say that the last day to register may have passed; `terms` are those of the day on which it expires."""

    on: date
    terms: Terms


@message
class RevokeVoucher:
    """A sanction takes the voucher (art. 17)."""

    sanction_id: str
    on: date


type Command = (
    ClaimVoucher
    | CancelVoucher
    | CommitVoucher
    | ReleaseCommitment
    | UseVoucher
    | ExpireUnregistered
    | ExpireUnused
    | LapseVoucher
    | RedeemVoucher
    | RevokeVoucher
    | ClawBackVoucher
    | ReverseClawBack
)
type Event = (
    VoucherClaimed
    | VoucherCancelled
    | VoucherCommitted
    | VoucherCommitmentReleased
    | VoucherUsed
    | VoucherExpired
    | VoucherLapsed
    | VoucherRevoked
    | VoucherRedeemed
    | VoucherClawedBack
    | VoucherClawBackReversed
)


def decide(command: Command, state: State) -> list[Event]:
    """Say what happens to a voucher, or refuse.

    Facts of other contexts may come late, twice, or before a fact of a third context that they presuppose: a payment or
    a lapse tells of the completion, too, when that is still on its way. What comes after the end changes nothing, but a
    payment is money that has left: one that no rule explains is refused, to be looked at.
    """
    match command, state:
        case ClaimVoucher(), Unclaimed():
            return [_claimed(command)]
        case CancelVoucher(on=on, terms=terms), Voucher(stage=Stage.CLAIMED) as held if on <= held.register_by:
            released = returning("cancellation", held.amount, terms)
            return [VoucherCancelled(**held.identity, released=released, on=on)]
        case CommitVoucher(), Voucher() as held:
            return [*committed(command, held)]
        case ReleaseCommitment(), Voucher() as held:
            return [*commitment_released(command, held)]
        case ReleaseCommitment(), Unclaimed():
            return []  # A contract may be rejected because there is no such voucher.
        case UseVoucher(contract_id=contract_id, on=on), Voucher() as held:
            return [*used(held, contract_id, on)]
        case ExpireUnregistered(on=on, terms=terms), Voucher() as held:
            if held.stage is not Stage.CLAIMED or on <= held.register_by:
                return []
            return [_expired_unregistered(held, terms)]
        case ExpireUnused(), Voucher() as held:
            return [*expired_unused(command, held)]
        case LapseVoucher(), Voucher() as held:
            return [*lapsed(command, held)]
        case RedeemVoucher(), Voucher() as held:
            return [*redeemed(command, held)]
        case RevokeVoucher(sanction_id=sanction_id, on=on), Voucher() as held:
            return _revoked(held, sanction_id, on)
        case ClawBackVoucher(contract_id=contract_id), Voucher() as held:
            paid = held.paid if held.belongs_to(contract_id, Stage.REDEEMED) else 0
            return [*clawed_back(command, held.identity, paid, held.claw_backs)]
        case ReverseClawBack(), Voucher() as held:
            return [*put_right(command, held.claw_backs)]
        case CancelVoucher(on=on), Voucher(stage=Stage.CLAIMED) as held:
            raise refuse("registration-too-late", article="15(2)", value=on, limit=held.register_by, kind="state")
        case (
            (
                ClaimVoucher()
                | CancelVoucher()
                | CommitVoucher()
                | ReleaseCommitment()
                | UseVoucher()
                | ExpireUnregistered()
                | ExpireUnused()
                | LapseVoucher()
                | RedeemVoucher()
                | RevokeVoucher()
                | ClawBackVoucher()
                | ReverseClawBack()
            ),
            _,
        ):
            raise refuse("voucher-not-in-this-state", article="15", value=_name_of(state), kind="state")
    assert_never(command)


def evolve(state: State, event: Event) -> State:
    """Fold one fact into the voucher."""
    if isinstance(event, VoucherClaimed):
        return Voucher(
            voucher_id=event.voucher_id,
            period_id=event.period_id,
            claimant_id=event.claimant_id,
            year=event.year,
            amount=event.amount,
            place=event.place,
            claimed_on=event.on,
            register_by=event.register_by,
            register_by_provisional=event.provisional,
            stage=Stage.CLAIMED,
            pack=event.pack,
        )
    assert isinstance(state, Voucher), state  # a stream begins with its claim
    match event:
        case VoucherCommitted(contract_id=contract_id, valid_until=day, provisional=provisional):
            return replace(
                state,
                stage=Stage.COMMITTED,
                contract_id=contract_id,
                valid_until=day,
                valid_until_provisional=provisional,
            )
        case VoucherCommitmentReleased(contract_id=contract_id, on=on):
            return replace(
                state,
                stage=Stage.CLAIMED,
                contract_id=None,
                valid_until=None,
                valid_until_provisional=False,
                released_from=(*state.released_from, contract_id),
                free_since=on,
            )
        case VoucherUsed():
            return replace(state, stage=Stage.USED)
        case VoucherCancelled(released=released, on=on):
            return replace(state, stage=Stage.CANCELLED, released=released, ended_on=on)
        case VoucherExpired(released=released, on=on):
            return replace(state, stage=Stage.EXPIRED, released=released, ended_on=on)
        case VoucherLapsed(released=released, on=on):
            return replace(state, stage=Stage.LAPSED, released=released, ended_on=on)
        case VoucherRevoked(on=on):
            return replace(state, stage=Stage.REVOKED, ended_on=on)
        case VoucherRedeemed(paid=paid, released=released, on=on):
            return replace(state, stage=Stage.REDEEMED, paid=paid, released=released, ended_on=on)
        case VoucherClawedBack():
            return replace(state, claw_backs=(*state.claw_backs, ClawedBack(fact=event)))
        case VoucherClawBackReversed(repayment_id=repayment_id):
            return replace(state, claw_backs=with_reversed(state.claw_backs, repayment_id))
    assert_never(event)


def _claimed(claim: ClaimVoucher) -> VoucherClaimed:
    return VoucherClaimed(
        voucher_id=claim.voucher_id,
        period_id=claim.period_id,
        claimant_id=claim.claimant_id,
        year=claim.year,
        amount=claim.amount,
        allowance=claim.allowance,
        place=claim.place,
        on=claim.on,
        register_by=claim.register_by.last_day,
        provisional=claim.register_by.provisional,
        pack=claim.pack,
        pack_digest=claim.pack_digest,
        parts=claim.parts,
    )


def _expired_unregistered(held: Voucher, terms: Terms) -> VoucherExpired:
    released = returning("expiry", held.amount, terms)
    return VoucherExpired(
        **held.identity, released=released, cause="not_registered", contract_id=None, on=held.expires_on
    )


def _revoked(held: Voucher, sanction_id: str, on: date) -> list[Event]:
    if held.stage not in LIVE:
        return []
    stage, contract_id = LIVE[held.stage], held.contract_id
    return [VoucherRevoked(**held.identity, stage=stage, contract_id=contract_id, sanction_id=sanction_id, on=on)]


def _name_of(state: State) -> str:
    return state.stage.value if isinstance(state, Voucher) else "unclaimed"


voucher: Decider[Command, Event, State] = Decider(decide, evolve, initial=Unclaimed())
