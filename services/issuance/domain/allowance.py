"""The yearly allowance of a claimant: how much it is on a day, what returns to it, what each fact does to its sums."""

from datetime import date
from typing import Literal, NamedTuple, assert_never

from services.issuance.domain.claimant import Claimant
from shared.events.issuance.vouchers import (
    LapseCause,
    VoucherCancelled,
    VoucherClaimed,
    VoucherExpired,
    VoucherLapsed,
    VoucherRedeemed,
)
from shared.measures.terms import Terms, VoucherTerms


class Allowance(NamedTuple):
    """What may be claimed in a year, in fen, and the measure that says so."""

    amount: int
    parameter: str


def allowance_on(day: date, claimant: Claimant, terms: VoucherTerms) -> Allowance:
    """Give the allowance that holds on a day: the higher one needs an enterprise with a certificate valid on it."""
    if claimant.kind == "enterprise" and claimant.is_certified(day, terms.allowance_certificates):
        return Allowance(terms.annual_allowance_certified, "annual_allowance_certified")
    return Allowance(terms.annual_allowance_other, "annual_allowance_other")


type ReturningEnd = Literal["cancellation", "expiry", "lapse", "partial_approval"]
"""The ends of a voucher that `returns_to_allowance` may name; a sanction's revocation is none."""


def returning(end: ReturningEnd, unused: int, terms: Terms) -> int:
    """Say how much of a voucher's unused money returns to the allowance, in fen: all of it or none (reading 4)."""
    return unused if end in terms.voucher.returns_to_allowance else 0


def returning_on_lapse(cause: LapseCause, unused: int, terms: Terms) -> int:
    """Say how much returns when a voucher lapses; for want of an application only what does not count (art. 15(3))."""
    if cause == "not_applied" and terms.redemption.lapse_counts_in_annual_total:
        return 0
    return returning("lapse", unused, terms)


class Posting(NamedTuple):
    """What a fact adds to the sums of a claimant's year, in fen; what is released counts against nothing any more."""

    reserved: int = 0
    spent: int = 0
    released: int = 0


type Moving = VoucherClaimed | VoucherCancelled | VoucherExpired | VoucherLapsed | VoucherRedeemed
"""The facts that move an allowance. A revocation is none: what a sanction takes stays reserved (reading 4)."""


def posting(event: Moving) -> Posting:
    """Reserve at the claim, spend at the payment, release what the fact says (readings 3 and 4)."""
    if isinstance(event, VoucherClaimed):
        return Posting(event.amount)
    match event:
        case VoucherCancelled() | VoucherExpired() | VoucherLapsed():
            return Posting(reserved=-event.released, released=event.released)
        case VoucherRedeemed(paid=paid, released=released):
            return Posting(reserved=-(paid + released), spent=paid, released=released)
    assert_never(event)
