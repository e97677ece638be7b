"""The money of issuance in double entry: what each fact moves from which account to which (art. 12, 15, 17).

Money flows `budget → quota → reserved → committed → payable → paid`; on its way it may end elsewhere. An account's
balance is what was debited to it less what was credited, in fen; all balances together are always zero. Nothing is ever
taken back but by the reverse line of a later fact.
"""

from functools import lru_cache
from typing import Literal, NamedTuple, assert_never

from shared.events.issuance.quotas import QuotaGranted, QuotaReturned, QuotaWithdrawn
from shared.events.issuance.vouchers import (
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

type Account = Literal[
    "budget",
    "quota",
    "reserved",
    "committed",
    "payable",
    "paid",
    "clawed_back",
    "released",
    "lapsed",
    "withheld",
    "revoked",
    "returned",
]
"""Where money can lie:

`budget` is where the periods' quotas come from (never positive); `quota` what a period still has to give;
`reserved` claimed, not registered; `committed` registered for a contract; `payable` used, waiting for redemption;
`paid` disbursed; `clawed_back` disbursed and come back (art. 17); `released` given back by the claimant or approved for
less; `lapsed` expired, never applied for or refused; `withheld` ended likewise, but by the rules of the day still
counted in the year; `revoked` taken by a sanction; `returned` offsets what went from an end back to its period's quota
(never positive).
"""

ACCOUNTS: tuple[Account, ...] = (
    "budget",
    "quota",
    "reserved",
    "committed",
    "payable",
    "paid",
    "clawed_back",
    "released",
    "lapsed",
    "withheld",
    "revoked",
    "returned",
)
"""In the order in which money passes through them."""
OUTSTANDING: tuple[Account, ...] = ("reserved", "committed", "payable")
"""What the city may still have to pay."""
COUNTED: tuple[Account, ...] = (*OUTSTANDING, "withheld", "revoked")
"""What a claimant's year holds besides what was paid: it counts towards the allowance (art. 12, reading 4)."""
SPENT: tuple[Account, ...] = ("paid", "clawed_back")
"""What a claimant's year has spent: money that came back was spent all the same (art. 17)."""

_LAY_IN: dict[LiveStage, Account] = {"claimed": "reserved", "committed": "committed", "used": "payable"}


class LedgerLine(NamedTuple):
    """A line of the ledger: `fen`, more than nothing, go from the account `credit` to the account `debit`."""

    debit: Account
    credit: Account
    fen: int


type Posted = (
    QuotaGranted
    | QuotaWithdrawn
    | QuotaReturned
    | VoucherClaimed
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
"""The facts that move money. A period's approval moves it by the grant that comes with it."""


def ledger_lines_of(fact: Posted) -> tuple[LedgerLine, ...]:
    """Say what a fact moves; nothing else is needed to know it."""
    if isinstance(fact, VoucherClaimed):  # as most are
        return _claimed(fact.amount)
    flows: tuple[tuple[Account, Account, int], ...]
    match fact:
        case QuotaGranted(amount=amount):
            flows = (("budget", "quota", amount),)
        case QuotaWithdrawn(amount=amount):
            flows = (("quota", "budget", amount),)
        case QuotaReturned(amount=amount):
            flows = (("returned", "quota", amount),)
        case VoucherCommitted(amount=amount):
            flows = (("reserved", "committed", amount),)
        case VoucherCommitmentReleased(amount=amount):
            flows = (("committed", "reserved", amount),)
        case VoucherUsed(amount=amount):
            flows = (("committed", "payable", amount),)
        case VoucherCancelled(amount=amount, released=released):
            flows = (("reserved", "released", released), ("reserved", "withheld", amount - released))
        case VoucherExpired(amount=amount, released=released, cause=cause):
            lay_in: Account = "reserved" if cause == "not_registered" else "committed"
            flows = ((lay_in, "lapsed", released), (lay_in, "withheld", amount - released))
        case VoucherLapsed(amount=amount, released=released):
            flows = (("payable", "lapsed", released), ("payable", "withheld", amount - released))
        case VoucherRevoked(amount=amount, stage=stage):
            flows = ((_LAY_IN[stage], "revoked", amount),)
        case VoucherRedeemed(paid=paid, revoked=True):
            flows = (("revoked", "paid", paid),)
        case VoucherRedeemed(amount=amount, paid=paid, released=released):
            kept = amount - paid - released
            flows = (("payable", "paid", paid), ("payable", "released", released), ("payable", "withheld", kept))
        case VoucherClawedBack(recovered=recovered):
            flows = (("paid", "clawed_back", recovered),)
        case VoucherClawBackReversed(recovered=recovered):
            flows = (("clawed_back", "paid", recovered),)
        case _:
            assert_never(fact)
    return tuple([LedgerLine(debit, credit, fen) for credit, debit, fen in flows if fen])


@lru_cache(maxsize=1024)
def _claimed(amount: int) -> tuple[LedgerLine, ...]:
    """Every read model of money asks for it, and amounts are few: making it is dearer than finding it."""
    return (LedgerLine("reserved", "quota", amount),)
