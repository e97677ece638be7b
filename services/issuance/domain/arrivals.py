"""Claims in the order of their arrival, decided one after the other against the same period (art. 12: 发完即止)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import NamedTuple

from services.issuance.domain.allowance import allowance_on
from services.issuance.domain.claimant import Claimant
from services.issuance.domain.claiming import Claim, classes_of, parts_for, reasons_against
from services.issuance.domain.classes import UNDIVIDED, Parts, draw
from services.issuance.domain.period_phases import Period
from services.issuance.domain.voucher import ClaimVoucher, voucher
from services.issuance.domain.waiting_room import Shown, Unfit
from shared.events.issuance.vouchers import ClassPart, VoucherClaimed
from shared.kernel.calendar import Deadline
from shared.kernel.decider import message
from shared.kernel.refusal import Reason
from shared.measures.terms import Terms

type Year = tuple[str, int]
"""A claimant and the year of a claim in Beijing: whose allowance it is."""


class Arrival(NamedTuple):
    """A claim as it came in: who asks for how many fen, `at` which instant, `on` which day in Beijing (reading 10).

    `principal` is the user who asks in the claimant's name; `of_entry` tells an entry in its turn from a claim.
    """

    voucher_id: str
    claimant_id: str
    amount: int
    at: datetime
    on: date
    principal: str = ""
    by_channel: bool = False
    """Whether the principal is a channel's."""
    shown: Shown = Unfit.MISSING
    """What it shows at the door of the waiting room, where the period has one."""
    of_entry: bool = False

    @property
    def year(self) -> Year:
        """Whose allowance the claim would be counted in."""
        return self.claimant_id, self.on.year


@message
class Rules:
    """The rules of one day: its terms, and how the days to register are counted by the period (reading 9)."""

    terms: Terms
    register_by: Deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """What a batch of claims is decided on, as it stood before it; money in fen.

    `places` counts the claims granted so far. A claimant that is not in `claimants` is not registered; a year that is
    not in `counted` holds nothing yet. `reserve_waits` tells that somebody waits on the reserve list.
    """

    period: Period
    remaining: int | None
    places: int
    claimants: Mapping[str, Claimant]
    counted: Mapping[Year, int]
    parts: Parts = UNDIVIDED
    reserve_waits: bool = False


class Granted(NamedTuple):
    """A claim that is granted: the fact, the last day to register, and the parts of the classes after it.

    `channel_id` names the channel that made it for the claimant, where one did.
    """

    fact: VoucherClaimed
    register_by: Deadline
    parts: Parts = UNDIVIDED
    channel_id: str | None = None


type Outcome = Granted | tuple[Reason, ...]
"""What becomes of an arrival: a voucher, or every reason against it."""


def decide_in_order(arrivals: Iterable[Arrival], stock: Stock, rules_on: Callable[[date], Rules]) -> list[Outcome]:
    """Decide claims one after the other, each on what those before it have left; the first come is the first served."""
    remaining, places, counted, parts = stock.remaining, stock.places, dict(stock.counted), stock.parts
    outcomes: list[Outcome] = []
    for arrival in arrivals:
        on, year = arrival.on, arrival.year
        rules = rules_on(on)
        claimant = stock.claimants.get(arrival.claimant_id)
        held = counted.get(year, 0)
        claim = Claim(
            claimant=claimant,
            period=stock.period,
            amount=arrival.amount,
            counted=held,
            remaining=remaining,
            at=arrival.at,
            on=on,
            terms=rules.terms,
            principal=arrival.principal,
            by_channel=arrival.by_channel,
            shown=arrival.shown,
            of_entry=arrival.of_entry,
            parts=parts,
            reserve_waits=stock.reserve_waits and not arrival.of_entry,
        )
        reasons = reasons_against(claim)
        if reasons or claimant is None or remaining is None:
            outcomes.append(reasons)
            continue
        taken: tuple[ClassPart, ...] = ()
        if parts.rests:
            parts, taken = _paid(claim)
        remaining -= arrival.amount
        places += 1
        counted[year] = held + arrival.amount
        granted = ClaimVoucher(
            voucher_id=arrival.voucher_id,
            period_id=stock.period.period_id,
            claimant_id=arrival.claimant_id,
            year=on.year,
            amount=arrival.amount,
            allowance=allowance_on(on, claimant, rules.terms.voucher).amount,
            place=places,
            on=on,
            register_by=rules.register_by,
            pack=rules.terms.pack,
            pack_digest=rules.terms.digest,
            parts=taken,
        )
        channel_id = claimant.channel_on(arrival.principal, on) if arrival.by_channel else None
        fact = _claimed(granted)
        outcomes.append(Granted(fact=fact, register_by=rules.register_by, parts=parts, channel_id=channel_id))
    return outcomes


def _paid(claim: Claim) -> tuple[Parts, tuple[ClassPart, ...]]:
    """Pay a granted claim; a class whose time is over at its instant has nothing of its own from then on."""
    return draw(claim.amount, parts_for(claim), claim.period.classes, classes_of(claim))


def left_after(stock: Stock, outcomes: Iterable[Outcome]) -> Stock:
    """Say how the period and the years stand once these outcomes are written down."""
    awards = [outcome for outcome in outcomes if isinstance(outcome, Granted)]
    facts = [award.fact for award in awards]
    counted = dict(stock.counted)
    for fact in facts:
        year = (fact.claimant_id, fact.year)
        counted[year] = counted.get(year, 0) + fact.amount
    taken = sum(fact.amount for fact in facts)
    remaining = None if stock.remaining is None else stock.remaining - taken
    parts = awards[-1].parts if awards else stock.parts
    return replace(stock, remaining=remaining, places=stock.places + len(facts), counted=counted, parts=parts)


def _claimed(granted: ClaimVoucher) -> VoucherClaimed:
    (fact,) = voucher.decide(granted, voucher.initial)
    assert isinstance(fact, VoucherClaimed)
    return fact
