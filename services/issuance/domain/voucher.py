"""A voucher's life: claimed, committed to a contract, used, redeemed; or ended before (art. 12, 15, 17)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, NamedTuple, assert_never

from services.issuance.domain.allowance import returning, returning_on_lapse
from services.issuance.domain.clawing_back import (
    ClawBackVoucher,
    ClawedBack,
    ReverseClawBack,
    clawed_back,
    put_right,
    with_reversed,
)
from shared.events.issuance.vouchers import (
    ClassPart,
    ExpiryCause,
    LapseCause,
    LiveStage,
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
from shared.kernel.refusal import Reason, refuse, refuse_unless
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
class CommitVoucher:
    """Register the activity: the voucher is to pay `amount` of a contract submitted `on` a day (art. 15(2))."""

    contract_id: str
    claimant_id: str
    amount: int
    on: date
    valid_until: Deadline


@message
class ReleaseCommitment:
    """Undo a commitment: the contract was not registered after all."""

    contract_id: str
    on: date


@message
class UseVoucher:
    """The contract was completed within the voucher's validity."""

    contract_id: str
    on: date


@message
class ExpireUnregistered:
    """Say that the last day to register may have passed; `terms` are those of the day on which it expires."""

    on: date
    terms: Terms


@message
class ExpireUnused:
    """The contract was not completed within the voucher's validity."""

    contract_id: str
    on: date
    terms: Terms


@message
class LapseVoucher:
    """The used voucher will not be paid: nobody applied in time, or the application was refused."""

    contract_id: str
    cause: LapseCause
    on: date
    terms: Terms


@message
class RedeemVoucher:
    """The voucher was paid, with `paid` fen."""

    contract_id: str
    redemption_id: str
    paid: int
    on: date
    terms: Terms


@message
class RevokeVoucher:
    """A sanction takes the voucher (art. 17)."""

    sanction_id: str
    on: date


class Stage(StrEnum):
    """How far a voucher has come."""

    CLAIMED = "claimed"
    COMMITTED = "committed"
    USED = "used"
    REDEEMED = "redeemed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    LAPSED = "lapsed"
    REVOKED = "revoked"


LIVE: Mapping[Stage, LiveStage] = {Stage.CLAIMED: "claimed", Stage.COMMITTED: "committed", Stage.USED: "used"}
"""The stages in which something can still become of a voucher, and what events call them."""


@message
class Unclaimed:
    """There is no such voucher."""


@message
class Voucher:
    """A voucher as it stands, in fen; `contract_id` and `valid_until` are those of its present or last contract."""

    voucher_id: str
    period_id: str
    claimant_id: str
    year: int
    amount: int
    place: int
    claimed_on: date
    register_by: date
    register_by_provisional: bool
    stage: Stage
    pack: str
    contract_id: str | None = None
    valid_until: date | None = None
    valid_until_provisional: bool = False
    paid: int = 0
    released: int = 0
    ended_on: date | None = None
    released_from: tuple[str, ...] = ()
    """The contracts that came to nothing; none of them gets the voucher again."""
    claw_backs: tuple[ClawedBack, ...] = ()


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
type State = Unclaimed | Voucher


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
            return [VoucherCancelled(**_identity(held), released=released, on=on)]
        case CommitVoucher(contract_id=contract_id), Voucher() as held:
            if _belongs_to(held, contract_id, Stage.COMMITTED) or contract_id in held.released_from:
                return []
            refuse_unless(*_against_commitment(command, held))
            deadline = command.valid_until
            return [
                VoucherCommitted(
                    **_identity(held),
                    contract_id=contract_id,
                    on=command.on,
                    valid_until=deadline.last_day,
                    provisional=deadline.provisional,
                )
            ]
        case ReleaseCommitment(contract_id=contract_id, on=on), Voucher() as held:
            if not _belongs_to(held, contract_id, Stage.COMMITTED):
                return []
            return [VoucherCommitmentReleased(**_identity(held), contract_id=contract_id, on=on)]
        case ReleaseCommitment(), Unclaimed():
            return []  # A contract may be rejected because there is no such voucher.
        case UseVoucher(contract_id=contract_id, on=on), Voucher() as held:
            return _used(held, contract_id, on)
        case ExpireUnregistered(on=on, terms=terms), Voucher() as held:
            if held.stage is not Stage.CLAIMED or on <= held.register_by:
                return []
            return [_expired(held, "not_registered", None, expires_on(held), terms)]
        case ExpireUnused(contract_id=contract_id, on=on, terms=terms), Voucher() as held:
            if not _belongs_to(held, contract_id, Stage.COMMITTED):
                return []
            return [_expired(held, "not_used", contract_id, on, terms)]
        case LapseVoucher(contract_id=contract_id, cause=cause, on=on, terms=terms), Voucher() as held:
            if not _belongs_to(held, contract_id, Stage.COMMITTED, Stage.USED):
                return []
            released = returning_on_lapse(cause, held.amount, terms)
            lapsed = VoucherLapsed(**_identity(held), released=released, contract_id=contract_id, cause=cause, on=on)
            return [*_used(held, contract_id, on), lapsed]
        case RedeemVoucher(), Voucher() as held:
            return _redeemed(command, held)
        case RevokeVoucher(sanction_id=sanction_id, on=on), Voucher() as held:
            return _revoked(held, sanction_id, on)
        case ClawBackVoucher(contract_id=contract_id), Voucher() as held:
            paid = held.paid if _belongs_to(held, contract_id, Stage.REDEEMED) else 0
            return [*clawed_back(command, _identity(held), paid, held.claw_backs)]
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
        case VoucherCommitmentReleased(contract_id=contract_id):
            return replace(
                state,
                stage=Stage.CLAIMED,
                contract_id=None,
                valid_until=None,
                valid_until_provisional=False,
                released_from=(*state.released_from, contract_id),
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


def expires_on(held: Voucher) -> date:
    """Say on which day a voucher that nobody registers expires: the one after its last, however late the sweep."""
    return held.register_by + timedelta(days=1)


def _against_commitment(command: CommitVoucher, held: Voucher) -> tuple[Reason | None, ...]:
    """List all that keeps a voucher from paying a contract (art. 12, 15(2))."""
    voucher_id = held.voucher_id
    if held.claimant_id != command.claimant_id:
        # Whose it is and how it stands is nobody else's business: to others it does not exist.
        return (unknown_voucher(voucher_id),)
    amount_differs = held.amount != command.amount
    late = held.stage is Stage.CLAIMED and command.on > held.register_by
    return (
        Reason(code="voucher-not-claimed", article="15(2)", value=voucher_id, limit=held.stage.value, kind="state")
        if held.stage is not Stage.CLAIMED
        else None,
        Reason(code="registration-too-late", article="15(2)", value=voucher_id, limit=held.register_by)
        if late
        else None,
        Reason(code="voucher-amount-differs", article="12", value=voucher_id, limit=held.amount)
        if amount_differs
        else None,
    )


def unknown_voucher(voucher_id: str) -> Reason:
    """Say that the claimant has no such voucher."""
    return Reason(code="voucher-unknown", article="15(2)", value=voucher_id)


def _used(held: Voucher, contract_id: str, on: date) -> list[Event]:
    if not _belongs_to(held, contract_id, Stage.COMMITTED):
        return []
    return [VoucherUsed(**_identity(held), contract_id=contract_id, on=on)]


def _expired(held: Voucher, cause: ExpiryCause, contract_id: str | None, on: date, terms: Terms) -> VoucherExpired:
    released = returning("expiry", held.amount, terms)
    return VoucherExpired(**_identity(held), released=released, cause=cause, contract_id=contract_id, on=on)


def _revoked(held: Voucher, sanction_id: str, on: date) -> list[Event]:
    if held.stage not in LIVE:
        return []
    stage, contract_id = LIVE[held.stage], held.contract_id
    return [VoucherRevoked(**_identity(held), stage=stage, contract_id=contract_id, sanction_id=sanction_id, on=on)]


def _redeemed(command: RedeemVoucher, held: Voucher) -> list[Event]:
    """Post a payment; one that no rule explains must not pass in silence, for the money is gone.

    A revoked voucher is not paid (art. 17). Only a payment of the day of the sanction, or earlier, may have left before
    redemption could hear of it: it is posted, and the rest of the voucher does not return.
    """
    if _belongs_to(held, command.contract_id, Stage.REDEEMED):
        return []
    if not _belongs_to(held, command.contract_id, Stage.COMMITTED, Stage.USED, Stage.REVOKED):
        raise refuse("voucher-not-payable", article="15(5)", value=held.stage.value, kind="state")
    revoked_on = held.ended_on if held.stage is Stage.REVOKED else None
    if revoked_on is not None and command.on > revoked_on:
        raise refuse("voucher-revoked", article="17", value=command.on, limit=revoked_on, kind="state")
    if not 0 <= command.paid <= held.amount:
        raise refuse("paid-above-face-value", article="12", value=command.paid, limit=held.amount)
    unused = held.amount - command.paid
    redeemed = VoucherRedeemed(
        **_identity(held),
        contract_id=command.contract_id,
        redemption_id=command.redemption_id,
        paid=command.paid,
        released=0 if revoked_on is not None else returning("partial_approval", unused, command.terms),
        revoked=revoked_on is not None,
        on=command.on,
    )
    return [*_used(held, command.contract_id, command.on), redeemed]


def _belongs_to(held: Voucher, contract_id: str, *stages: Stage) -> bool:
    return held.contract_id == contract_id and held.stage in stages


def _identity(held: Voucher) -> dict[str, Any]:
    return {
        "voucher_id": held.voucher_id,
        "period_id": held.period_id,
        "claimant_id": held.claimant_id,
        "year": held.year,
        "amount": held.amount,
    }


def _name_of(state: State) -> str:
    return state.stage.value if isinstance(state, Voucher) else "unclaimed"


voucher: Decider[Command, Event, State] = Decider(decide, evolve, initial=Unclaimed())
