"""Entries served in order, by the very rules a claim is granted by (art. 12)."""

from collections.abc import Callable, Iterable
from datetime import date, datetime

from services.issuance.domain.arrivals import Arrival, Granted, Outcome, Rules, Stock, decide_in_order, left_after
from services.issuance.domain.claiming import SOLD_OUT
from shared.kernel.decider import message


@message
class InLine:
    """An entry in its turn; `voucher_id` is the name of the voucher that it would bring. Money in fen."""

    entry_id: str
    claimant_id: str
    principal: str
    amount: int
    or_less: bool
    voucher_id: str


type Served = tuple[InLine, Outcome]
"""What becomes of an entry: a voucher, or every reason against it."""


def serve_in_order(
    line: Iterable[InLine],
    stock: Stock,
    rules_on: Callable[[date], Rules],
    *,
    at: datetime,
    on: date,
    strictly: bool,
) -> list[Served]:
    """Serve entries one after the other at an instant, each on what those before it have left.

    `strictly`: the first one there is not enough for stays where it is, and nobody overtakes it; else it is passed
    over. Who fails a rule that has nothing to do with the quota is told so, and is in nobody's way.
    """
    served: list[Served] = []
    for entry in line:
        arrival = Arrival(
            voucher_id=entry.voucher_id,
            claimant_id=entry.claimant_id,
            amount=_amount(entry, stock.remaining or 0),
            at=at,
            on=on,
            principal=entry.principal,
            of_entry=True,
        )
        (outcome,) = decide_in_order([arrival], stock, rules_on)
        if entry.or_less and (within_reach := _less(outcome)):
            (outcome,) = decide_in_order([arrival._replace(amount=within_reach)], stock, rules_on)
        if strictly and not isinstance(outcome, Granted):
            outcome = tuple(reason for reason in outcome if reason.code != SOLD_OUT)
            if not outcome:
                break
        served.append((entry, outcome))
        stock = left_after(stock, [outcome])
    return served


def _less(outcome: Outcome) -> int:
    """Say how much is within reach of an entry for which there is too little: the rest is for classes it is not in."""
    short = () if isinstance(outcome, Granted) else (r.limit for r in outcome if r.code == SOLD_OUT)
    return next((limit for limit in short if isinstance(limit, int)), 0)


def _amount(entry: InLine, remaining: int) -> int:
    """Give what is asked for: less than wished where less is there, something is, and the claimant would have it."""
    return min(entry.amount, remaining) if entry.or_less and remaining > 0 else entry.amount
