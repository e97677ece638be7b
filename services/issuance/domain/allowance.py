"""The yearly allowance of a claimant: how much it is on a day, and what each fact does to its sums (art. 12)."""

from dataclasses import dataclass
from datetime import date
from typing import assert_never

from services.issuance.domain.claimant import Claimant
from shared.events.issuance import (
    VoucherCancelled,
    VoucherClaimed,
    VoucherExpired,
    VoucherLapsed,
    VoucherRedeemed,
)
from shared.kernel.decider import message
from shared.measures.terms import VoucherTerms


@message
class Allowance:
    """What may be claimed in a year, in fen, and the measure that says so."""

    amount: int
    parameter: str


def allowance_on(day: date, claimant: Claimant, terms: VoucherTerms) -> Allowance:
    """Give the allowance that holds on a day: the higher one needs an enterprise with a certificate valid on it."""
    if claimant.kind == "enterprise" and claimant.is_certified(day, terms.allowance_certificates):
        return Allowance(amount=terms.annual_allowance_certified, parameter="annual_allowance_certified")
    return Allowance(amount=terms.annual_allowance_other, parameter="annual_allowance_other")


@dataclass(frozen=True, slots=True)
class Posting:
    """What a fact adds to the sums of a claimant's year, in fen; what is released counts against nothing any more."""

    reserved: int = 0
    spent: int = 0
    released: int = 0


type Moving = VoucherClaimed | VoucherCancelled | VoucherExpired | VoucherLapsed | VoucherRedeemed
"""The facts that move an allowance. A revocation is none: what a sanction takes stays reserved (reading 4)."""


def posting(event: Moving) -> Posting:
    """Reserve at the claim, spend at the payment, release what was not used (readings 3 and 4)."""
    match event:
        case VoucherClaimed(amount=amount):
            return Posting(reserved=amount)
        case VoucherCancelled(amount=amount) | VoucherExpired(amount=amount) | VoucherLapsed(amount=amount):
            return Posting(reserved=-amount, released=amount)
        case VoucherRedeemed(amount=amount, paid=paid, released=released):
            return Posting(reserved=-amount, spent=paid, released=released)
    assert_never(event)
