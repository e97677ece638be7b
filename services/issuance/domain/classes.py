"""Classes of claimants with a part of the quota that is theirs until an instant; what they leave is everybody's."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime

from services.issuance.domain.claimant import Claimant
from shared.events.issuance.periods import QuotaClass
from shared.events.issuance.quotas import ClassQuotaReleased
from shared.events.issuance.vouchers import ClassPart
from shared.kernel.decider import Decider, message
from shared.kernel.districts import DIVISIONS
from shared.kernel.refusal import Reason
from shared.measures.terms import VoucherTerms

ARTICLE = "12"
CERTIFIED, TEAM, DISTRICT = "certified", "team", "district:"
_DIVISION_CODES = frozenset(DIVISIONS.values())


@message
class Parts:
    """How the classes' parts of a quota stand, in the order of the plan, in fen.

    `rests` is what each class has left to draw on; `released` what it left when its time was over. A quota without
    classes has no parts.
    """

    rests: tuple[int, ...] = ()
    released: tuple[int, ...] = ()


UNDIVIDED = Parts()
"""The parts of a quota without classes."""


def set_aside(classes: Sequence[QuotaClass]) -> Parts:
    """Give the parts as they are before anybody has drawn on them."""
    return Parts(rests=tuple(each.amount for each in classes), released=(0,) * len(classes))


def is_over(each: QuotaClass, at: datetime) -> bool:
    """Tell whether a class has nothing of its own any more; the instant `until` is the first at which it has not."""
    return each.until is not None and at >= each.until


def as_of(parts: Parts, classes: Sequence[QuotaClass], at: datetime) -> Parts:
    """Say how the parts stand at an instant: what a class has left when its time is over is everybody's."""
    if not parts.rests:
        return parts
    over = [is_over(each, at) for each in classes]
    if not any(rest and ended for rest, ended in zip(parts.rests, over, strict=True)):
        return parts
    return Parts(
        rests=tuple(0 if ended else rest for rest, ended in zip(parts.rests, over, strict=True)),
        released=tuple(
            released + rest if ended else released
            for released, rest, ended in zip(parts.released, parts.rests, over, strict=True)
        ),
    )


def common(remaining: int, parts: Parts) -> int:
    """Say how much of what a period has left is everybody's, in fen."""
    return remaining - sum(parts.rests)


def own_classes(
    claimant: Claimant | None, day: date, classes: Sequence[QuotaClass], terms: VoucherTerms
) -> tuple[int, ...]:
    """Number the classes that a claimant belongs to on a day, in the order of the plan, from 0."""
    if claimant is None:
        return ()
    return tuple(number for number, each in enumerate(classes) if belongs(claimant, day, each, terms))


def belongs(claimant: Claimant, day: date, each: QuotaClass, terms: VoucherTerms) -> bool:
    """Tell whether a claimant belongs to a class on a day; certificates count as for the allowance (art. 12)."""
    match each.who:
        case "certified":
            return claimant.kind == "enterprise" and claimant.is_certified(day, terms.allowance_certificates)
        case "team":
            return claimant.kind == "team"
        case who:
            return claimant.district is not None and who == DISTRICT + claimant.district


def reachable(remaining: int, parts: Parts, own: Sequence[int]) -> int:
    """Say how much a member of these classes, or of none, can be paid from, in fen."""
    return common(remaining, parts) + sum(parts.rests[number] for number in own)


def draw(
    amount: int, parts: Parts, classes: Sequence[QuotaClass], own: Sequence[int]
) -> tuple[Parts, tuple[ClassPart, ...]]:
    """Pay `amount` fen from a claimant's own classes first, in the order of the plan; what they lack is common money.

    Gives the parts after it and what was taken from each. There must be enough within reach.
    """
    rests, taken = [*parts.rests], []
    for number in own:
        fen = min(amount, rests[number])
        if fen:
            rests[number] -= fen
            amount -= fen
            taken.append(ClassPart(name=classes[number].name, amount=fen))
    return replace(parts, rests=tuple(rests)), tuple(taken)


def class_faults(
    classes: Sequence[QuotaClass], quota: int, opens_at: datetime, closes_at: datetime
) -> tuple[Reason, ...]:
    """List what stands against the classes of a plan."""
    promised = sum(each.amount for each in classes)
    faults = [
        Reason(code="class-parts-over-quota", article=ARTICLE, value=promised, limit=quota)
        if promised > quota
        else None,
        *_twice("name", [each.name for each in classes]),
        *_twice("who", [each.who for each in classes]),
        *(fault for number, each in enumerate(classes) for fault in _faults(number, each, opens_at, closes_at)),
    ]
    return tuple(fault for fault in faults if fault is not None)


def _twice(part: str, named: Sequence[str]) -> Iterator[Reason]:
    """Object to what names another class too: nobody could tell whose money a claim has taken."""
    for number, name in enumerate(named):
        if name in named[:number]:
            yield Reason(code="class-named-twice", article=ARTICLE, value=name, within=(number, part))


def _faults(number: int, each: QuotaClass, opens_at: datetime, closes_at: datetime) -> Iterator[Reason]:
    """Judge one class of the plan by itself."""
    if each.amount <= 0:
        yield Reason(code="class-part-not-positive", article=ARTICLE, value=each.amount, within=(number, "amount"))
    if each.until is not None and not opens_at < each.until <= closes_at:
        code = "class-ends-outside-period"
        yield Reason(code=code, article=ARTICLE, value=each.until, limit=closes_at, within=(number, "until"))
    if not _is_known(each.who):
        yield Reason(code="class-unknown", article=ARTICLE, value=each.who, within=(number, "who"))


def _is_known(who: str) -> bool:
    return who in {CERTIFIED, TEAM} or who.removeprefix(DISTRICT) in _DIVISION_CODES - {who}


@message
class ReleaseParts:
    """Say that classes' time may be over; `released` is what each has left for everybody, in the order of the plan."""

    period_id: str
    classes: tuple[QuotaClass, ...]
    released: tuple[int, ...]
    at: datetime


@message
class Released:
    """The classes whose rest is written down, by name."""

    names: frozenset[str] = frozenset()


def decide(command: ReleaseParts, state: Released) -> list[ClassQuotaReleased]:
    """Write down once what each class has left that is over; the due list may come early, late or twice."""
    return [
        ClassQuotaReleased(period_id=command.period_id, name=each.name, amount=fen, at=command.at)
        for each, fen in zip(command.classes, command.released, strict=True)
        if is_over(each, command.at) and each.name not in state.names
    ]


def evolve(state: Released, event: ClassQuotaReleased) -> Released:
    """Remember one."""
    return Released(names=state.names | {event.name})


class_release: Decider[ReleaseParts, ClassQuotaReleased, Released] = Decider(decide, evolve, initial=Released())
