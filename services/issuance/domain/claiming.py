"""Whether a claim may be granted: every rule that stands against it, all at once (art. 7, 12, 15(1), 17)."""

from collections.abc import Callable
from datetime import date, datetime
from typing import NamedTuple, Protocol

from services.issuance.domain.allowance import allowance_on
from services.issuance.domain.claimant import Claimant
from services.issuance.domain.classes import UNDIVIDED, Parts, as_of, is_over, own_classes, reachable
from services.issuance.domain.entries import against_claiming
from services.issuance.domain.period_phases import Period, Phase, phase_at
from services.issuance.domain.waiting_room import NOT_LET_IN, Shown, Unfit, against_admission
from shared.kernel.decider import message
from shared.kernel.refusal import Reason, refuse_unless
from shared.measures.terms import Terms


class Applicant(Protocol):
    """Who asks for something of a period: a claimant, by a user, on a day."""

    @property
    def claimant(self) -> Claimant | None:
        """The claimant as it stands; None for one that is not registered."""
        ...

    @property
    def principal(self) -> str:
        """The user who asks for it."""
        ...

    @property
    def on(self) -> date:
        """The day in Beijing."""
        ...

    @property
    def by_channel(self) -> bool:
        """Whether a channel asks, that the claimant must have authorised."""
        ...


SOLD_OUT = "quota-exhausted"


class Claim(NamedTuple):
    """A claim and the facts it is decided on, in fen; a tuple, as one is made for every claim and soon let go.

    `counted` is what the claimant's year already holds, reserved and spent; `remaining` what the period still has, None
    while there is nothing to share out. `terms` are those of the day of the claim (reading 10).
    """

    claimant: Claimant | None
    period: Period
    amount: int
    counted: int
    remaining: int | None
    at: datetime
    on: date
    terms: Terms
    principal: str = ""
    """The user who claims for the claimant."""
    by_channel: bool = False
    """Whether a channel claims, that the claimant must have authorised."""
    shown: Shown = Unfit.MISSING
    """What it shows at the door of the waiting room, where the period has one."""
    of_entry: bool = False
    """Whether an entry asks, in its turn: no hour of opening holds for it, and no other entry is before it."""
    parts: Parts = UNDIVIDED
    """How the parts of the period's classes stand; none where the quota is not divided."""
    reserve_waits: bool = False
    """Whether others wait on the reserve list: what classes leave at their end is theirs before it is a claim's."""


def reasons_against(claim: Claim) -> tuple[Reason, ...]:
    """List every rule that the claim fails; none means that it may be granted.

    A channel that is not authorised is told that and nothing of the claimant.
    """
    stranger = channel_is_authorised(claim)
    if stranger is not None:
        return (stranger,)
    return tuple(reason for rule in RULES if (reason := rule(claim)) is not None)


@message
class Grant:
    """What a claim may be granted: the allowance of its year, and what year and period have left after it, in fen."""

    allowance: int
    remaining_allowance: int
    remaining_quota: int


def grant(claim: Claim) -> Grant:
    """Grant a claim, or raise Refused with every rule that it fails."""
    refuse_unless(*reasons_against(claim))
    assert claim.claimant is not None  # or it would have been refused
    assert claim.remaining is not None
    allowance = allowance_on(claim.on, claim.claimant, claim.terms.voucher).amount
    return Grant(
        allowance=allowance,
        remaining_allowance=allowance - claim.counted - claim.amount,
        remaining_quota=claim.remaining - claim.amount,
    )


def channel_is_authorised(claim: Applicant) -> Reason | None:
    """A channel claims for whoever has let it, on the days it was let (art. 15(1))."""
    if not claim.by_channel or (claim.claimant and claim.claimant.channel_on(claim.principal, claim.on)):
        return None
    return Reason(code="channel-not-authorised", article="15(1)", value="claims")


def claimant_is_registered(claim: Applicant) -> Reason | None:
    """Only who has registered on the site may claim (art. 15(1)); who was removed from a company has none."""
    is_stranger = claim.claimant is None or claim.claimant.withheld.get(claim.principal) is False
    return Reason(code="claimant-not-registered", article="15(1)") if is_stranger else None


def user_may_act(claim: Applicant) -> Reason | None:
    """A user whom the owner lets only look does not claim (art. 10(1))."""
    only_looks = claim.claimant is not None and claim.claimant.withheld.get(claim.principal) is True
    return Reason(code="user-may-only-read", article="10(1)", kind="state") if only_looks else None


def claimant_is_eligible(claim: Applicant) -> Reason | None:
    """Who has come to fail a condition of art. 7 claims nothing until it is met again."""
    fails = claim.claimant is not None and not claim.claimant.eligible
    return Reason(code="claimant-not-eligible", article="7") if fails else None


def claimant_is_not_banned(claim: Applicant) -> Reason | None:
    """Whoever is disqualified may not claim until the ban is over (art. 17)."""
    ban = claim.claimant.ban_on(claim.on) if claim.claimant else None
    return Reason(code="claimant-banned", article="17", value=ban.until, parameter="ban_years") if ban else None


def face_value_is_in_range(claim: Claim) -> Reason | None:
    """The claimant chooses the amount, up to the cap of the period, and never above that of the day (art. 12)."""
    cap = min(claim.period.face_value_max, claim.terms.voucher.face_value_max)
    if 0 < claim.amount <= cap:
        return None
    return Reason(
        code="face-value-out-of-range", article="12", value=claim.amount, limit=cap, parameter="face_value_max"
    )


def allowance_suffices(claim: Claim) -> Reason | None:
    """The year's vouchers stay within the allowance that holds on the day (art. 12)."""
    if claim.claimant is None:
        return None
    allowance = allowance_on(claim.on, claim.claimant, claim.terms.voucher)
    if claim.counted + claim.amount <= allowance.amount:
        return None
    return Reason(
        code="allowance-exceeded",
        article="12",
        value=claim.counted + claim.amount,
        limit=allowance.amount,
        parameter=allowance.parameter,
    )


def period_is_open(claim: Claim) -> Reason | None:
    """Claims are taken in an approved period, from its first instant to its last (art. 12, 15(1))."""
    period = claim.period
    if period.phase is Phase.PROPOSED:
        return Reason(code="period-not-approved", article="12", kind="state")
    if period.phase is Phase.WITHDRAWN:
        return Reason(code="period-withdrawn", article="12", value=period.withdrawn_because, kind="state")
    if claim.at < period.opens_at and not claim.of_entry:
        return Reason(code="period-not-open-yet", article="15(1)", value=claim.at, limit=period.opens_at, kind="state")
    if period.phase is Phase.CLOSED or claim.at >= period.closes_at:
        return period_closed(claim)
    return None


def period_is_not_paused(claim: Claim) -> Reason | None:
    """While the office has paused a period, for a reason that everybody may read, it takes no claims (art. 12)."""
    period = claim.period
    if period.pause is None or phase_at(period.phase, period.opens_at, period.closes_at, claim.at) is Phase.CLOSED:
        return None
    return Reason(code="period-paused", article="12", value=period.pause.reason, limit=period.pause.since, kind="state")


def entries_come_first(claim: Claim) -> Reason | None:
    """While entries are drawn, or are being decided, the period's money is theirs (art. 12)."""
    return None if claim.of_entry else against_claiming(claim.period, claim.at)


def claim_comes_in_its_turn(claim: Claim) -> Reason | None:
    """Where a period has a waiting room, a claim shows the token of its place, in its time (art. 15(1))."""
    return None if claim.of_entry else against_admission(claim.period.waiting_room, claim.shown, claim.at)


def quota_suffices(claim: Claim) -> Reason | None:
    """First come, first served, until the quota is gone (art. 12: 发完即止); the rest of a class is for its members."""
    if claim.remaining is None:
        return None
    within_reach = claim.remaining
    if claim.parts.rests:
        parts = parts_for(claim)
        within_reach = reachable(claim.remaining, parts, classes_of(claim))
    return None if claim.amount <= within_reach else quota_exhausted(claim.amount, within_reach)


def parts_for(claim: Claim) -> Parts:
    """Say how the parts stand for a claim: what a class leaves at its end is everybody's, and first theirs who wait."""
    return claim.parts if claim.reserve_waits else as_of(claim.parts, claim.period.classes, claim.at)


def classes_of(claim: Claim) -> tuple[int, ...]:
    """Number the classes that the claimant belongs to on the day, and that are not over, in the plan's order."""
    classes = claim.period.classes
    own = own_classes(claim.claimant, claim.on, classes, claim.terms.voucher)
    return tuple(number for number in own if not is_over(classes[number], claim.at))


def quota_exhausted(amount: int, remaining: int) -> Reason:
    """Say that the period has less than was asked for, as far as the claimant may have it."""
    return Reason(code=SOLD_OUT, article="12", value=amount, limit=max(remaining, 0), kind="state")


def only_money_lacks(period: Period, amount: int, at: datetime) -> bool:
    """Tell whether a period with nothing left has nothing else against a claim: every other reason is told as well."""
    in_range, in_time = 0 < amount <= period.face_value_max, period.opens_at <= at < period.closes_at
    return in_range and in_time and period.pause is None


def period_closed(claim: Claim) -> Reason:
    """Say that the period's last instant has passed."""
    return Reason(code="period-closed", article="12", value=claim.at, limit=claim.period.closes_at, kind="state")


RULES: tuple[Callable[[Claim], Reason | None], ...] = (
    claimant_is_registered,
    user_may_act,
    claimant_is_eligible,
    claimant_is_not_banned,
    face_value_is_in_range,
    allowance_suffices,
    period_is_open,
    period_is_not_paused,
    entries_come_first,
    claim_comes_in_its_turn,
    quota_suffices,
)
"""In the order in which a refusal names them."""

PASSING = NOT_LET_IN | frozenset(
    {"period-not-approved", "period-not-open-yet", "period-paused", "period-draws", "entries-being-decided"}
)
"""Reasons that pass with time or by an act of the office: whoever was refused for one may ask the same again."""
