"""A class draws on its own part of the quota first; what it leaves is everybody's from its instant on (art. 12)."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.issuance.domain.arrivals import Arrival, Granted, Outcome, Rules, Stock, decide_in_order, left_after
from services.issuance.domain.claimant import Claimant
from services.issuance.domain.claiming import Claim, grant
from services.issuance.domain.classes import (
    Parts,
    ReleaseParts,
    as_of,
    class_faults,
    class_release,
    common,
    own_classes,
    set_aside,
)
from services.issuance.domain.period import period
from services.issuance.domain.period_phases import Period
from services.issuance.domain.plan import Plan, Settings
from services.issuance.domain.planning import ChangePlan, ProposePeriod
from services.issuance.domain.serving import InLine, serve_in_order
from shared.events.issuance.periods import PeriodPlanChanged, QuotaClass
from shared.events.issuance.quotas import ClassQuotaReleased
from shared.events.issuance.vouchers import ClassPart
from shared.events.registry.claimants import Certificate
from shared.kernel.calendar import Deadline, business_date
from shared.kernel.refusal import Refused
from tests.specification import Specification
from tests.unit.issuance.facts import ANNOUNCED, APPROVED, BEFORE, CLOSES, OPENS, PERIOD, PROPOSED, TERMS

MOMENT = timedelta(microseconds=1)
TENTH = datetime(2026, 3, 10, 16, tzinfo=UTC)
HOLDERS = QuotaClass(name="证书", who="certified", amount=6_000_000, until=TENTH)
TEAMS = QuotaClass(name="团队", who="team", amount=2_000_000)
HAIDIAN = QuotaClass(name="海淀", who="district:110108", amount=4_000_000, until=TENTH + timedelta(days=5))
CLASSES = (HOLDERS, TEAMS, HAIDIAN)
QUOTA = 20_000_000
DAY = date(2026, 3, 1)
_CERTIFICATE = Certificate(kind="national_high_tech", valid_from=DAY, valid_until=date(2026, 3, 5))


def _named(name: str, **more: Any) -> Claimant:
    return replace(Claimant(claimant_id=name, kind="enterprise", certificates=(), bans=()), **more)


STRANGER = _named("clm_stranger")
HOLDER = _named("clm_holder", certificates=(_CERTIFICATE,))
TEAM = _named("clm_team", kind="team")
BOTH = _named("clm_both", certificates=(_CERTIFICATE,), district="110108")
NEIGHBOUR = _named("clm_neighbour", district="110105")
PEOPLE = (STRANGER, HOLDER, TEAM, BOTH, NEIGHBOUR)


def _planned(*classes: QuotaClass) -> Period:
    state = period.fold([replace(PROPOSED, classes=classes), APPROVED, replace(ANNOUNCED, classes=classes)])
    assert isinstance(state, Period)
    return state


def _stock(*classes: QuotaClass, remaining: int = QUOTA, parts: Parts | None = None) -> Stock:
    return Stock(
        period=_planned(*classes),
        remaining=remaining,
        places=0,
        claimants={each.claimant_id: each for each in PEOPLE},
        counted={},
        parts=parts or set_aside(classes),
    )


def _rules(day: date) -> Rules:
    return Rules(terms=TERMS, register_by=Deadline(last_day=day + timedelta(days=15), provisional=False))


def _arrival(who: Claimant, amount: int, at: datetime = OPENS, number: int = 1) -> Arrival:
    return Arrival(voucher_id=f"vch_{number}", claimant_id=who.claimant_id, amount=amount, at=at, on=business_date(at))


def _decided(stock: Stock, *arrivals: Arrival) -> list[Outcome]:
    return decide_in_order(arrivals, stock, _rules)


def _granted(outcome: Outcome) -> Granted:
    assert isinstance(outcome, Granted), outcome
    return outcome


def _limit(outcome: Outcome) -> object:
    assert not isinstance(outcome, Granted)
    (reason,) = outcome
    assert reason.code == "quota-exhausted"
    return reason.limit


def test_a_member_is_paid_from_its_classes_in_the_plans_order_and_the_rest_from_the_common_part() -> None:
    stock = _stock(*CLASSES, parts=Parts(rests=(1_000_000, 2_000_000, 3_000_000), released=(0, 0, 0)))
    outcome = _granted(_decided(stock, _arrival(BOTH, 5_000_000))[0])
    assert outcome.fact.parts == (ClassPart(name="证书", amount=1_000_000), ClassPart(name="海淀", amount=3_000_000))
    assert outcome.parts == Parts(rests=(0, 2_000_000, 0), released=(0, 0, 0))


def test_who_is_in_no_class_takes_the_common_part_and_not_a_fen_more() -> None:
    stock = _stock(*CLASSES, remaining=13_000_000)  # 12 of it are the classes' own
    refused, granted = _decided(stock, _arrival(STRANGER, 1_000_001), _arrival(STRANGER, 1_000_000))
    assert _limit(refused) == 1_000_000
    assert _granted(granted).fact.parts == ()
    assert _granted(granted).parts == set_aside(CLASSES)


def test_a_member_reaches_its_own_parts_and_the_common_one_and_no_other() -> None:
    stock = _stock(*CLASSES, remaining=12_500_000)
    outcomes = _decided(stock, *(_arrival(who, 5_000_000) for who in (TEAM, NEIGHBOUR)))
    assert [_limit(outcome) for outcome in outcomes] == [2_500_000, 500_000]


@pytest.mark.parametrize(
    ("at", "reach"), [(TENTH - MOMENT, 8_000_000), (TENTH, 14_000_000), (TENTH + MOMENT, 14_000_000)]
)
def test_from_its_instant_on_the_rest_of_a_class_is_everybodys(at: datetime, reach: int) -> None:
    parts = as_of(set_aside(CLASSES), CLASSES, at)
    assert common(QUOTA, parts) == reach
    assert sum(parts.rests) + sum(parts.released) == sum(each.amount for each in CLASSES)


def test_a_claim_at_the_instant_takes_what_the_class_has_left_and_one_before_it_does_not() -> None:
    stock = _stock(HOLDERS, remaining=6_000_000)
    before, at = _decided(stock, _arrival(STRANGER, 1, TENTH - MOMENT), _arrival(STRANGER, 5_000_000, TENTH))
    assert _limit(before) == 0
    assert _granted(at).fact.parts == ()
    assert _granted(at).parts == Parts(rests=(0,), released=(6_000_000,))


def test_while_somebody_waits_the_rest_of_an_ended_class_is_no_claims_and_not_its_members_either() -> None:
    holder = replace(HOLDER, certificates=(replace(_CERTIFICATE, valid_until=business_date(TENTH)),))
    people = {each.claimant_id: each for each in (*PEOPLE, holder)}
    stock = replace(_stock(HOLDERS, HAIDIAN, remaining=13_000_000), claimants=people, reserve_waits=True)
    stranger, member, neighbour, paid = _decided(
        stock,
        _arrival(STRANGER, 3_000_001, TENTH),  # three million are common
        _arrival(holder, 3_000_001, TENTH),
        _arrival(BOTH, 5_000_000, TENTH),
        _arrival(STRANGER, 2_000_000, TENTH),
    )
    assert [_limit(each) for each in (stranger, member)] == [3_000_000, 3_000_000]
    assert _granted(neighbour).fact.parts == (ClassPart(name="海淀", amount=4_000_000),)
    assert _granted(paid).parts == Parts(rests=(6_000_000, 0), released=(0, 0))
    (entry,) = _decided(stock, _arrival(STRANGER, 5_000_000, TENTH)._replace(of_entry=True))
    assert _granted(entry).parts == Parts(rests=(0, 4_000_000), released=(6_000_000, 0))


def test_what_was_released_stays_released_for_a_claim_that_stood_behind_another_of_its_company() -> None:
    stock = _stock(HOLDERS, remaining=6_000_000)
    first, late = _decided(stock, _arrival(STRANGER, 1_000_000, TENTH), _arrival(HOLDER, 1_000_000, OPENS, number=2))
    assert _granted(first).parts == _granted(late).parts == Parts(rests=(0,), released=(6_000_000,))
    assert _granted(late).fact.parts == ()


def test_a_class_without_an_instant_keeps_its_part_to_the_close() -> None:
    stock = _stock(TEAMS, remaining=2_000_000)
    assert _limit(_decided(stock, _arrival(STRANGER, 1, CLOSES - MOMENT))[0]) == 0


@pytest.mark.parametrize(
    ("who", "day", "own"),
    [
        (STRANGER, DAY, ()),
        (TEAM, DAY, (1,)),
        (HOLDER, DAY - timedelta(days=1), ()),
        (HOLDER, DAY, (0,)),
        (HOLDER, date(2026, 3, 5), (0,)),
        (HOLDER, date(2026, 3, 6), ()),
        (BOTH, DAY, (0, 2)),
        (NEIGHBOUR, DAY, ()),
        (replace(TEAM, certificates=(_CERTIFICATE,)), DAY, (1,)),
        (None, DAY, ()),
    ],
)
def test_who_belongs_to_a_class_on_a_day(who: Claimant | None, day: date, own: tuple[int, ...]) -> None:
    assert own_classes(who, day, CLASSES, TERMS.voucher) == own


def test_a_rehearsal_reaches_as_far_as_the_claim_itself() -> None:
    asked = Claim(
        claimant=STRANGER,
        period=_planned(*CLASSES),
        amount=1_000_000,
        counted=0,
        remaining=13_000_000,
        at=OPENS,
        on=DAY,
        terms=TERMS,
        parts=set_aside(CLASSES),
    )
    assert grant(asked).remaining_quota == 12_000_000
    with pytest.raises(Refused, match="quota-exhausted"):
        grant(asked._replace(amount=1_000_001))


@pytest.mark.parametrize(
    ("who", "remaining", "granted"),
    [
        (STRANGER, 13_000_000, 1_000_000),
        (STRANGER, 12_000_000, 0),
        (TEAM, 12_500_000, 2_500_000),
        (TEAM, 20_000_000, 4_000_000),
    ],
)
def test_an_entry_that_would_have_less_gets_what_is_within_its_reach(
    who: Claimant, remaining: int, granted: int
) -> None:
    wish = InLine(
        entry_id="ent_1",
        claimant_id=who.claimant_id,
        principal="",
        amount=4_000_000,
        or_less=True,
        voucher_id="vch_1",
    )
    stock = _stock(*CLASSES, remaining=remaining)
    ((_, outcome),) = serve_in_order([wish], stock, _rules, at=OPENS, on=DAY, strictly=False)
    assert (outcome.fact.amount if isinstance(outcome, Granted) else 0) == granted
    exactly = replace(wish, or_less=False)
    ((_, outcome),) = serve_in_order([exactly], stock, _rules, at=OPENS, on=DAY, strictly=False)
    assert isinstance(outcome, Granted) is (granted == wish.amount)


NO_FAULT: list[str] = []


@pytest.mark.parametrize(
    ("classes", "codes"),
    [
        (CLASSES, NO_FAULT),
        ((replace(TEAMS, amount=QUOTA),), NO_FAULT),
        ((replace(TEAMS, amount=QUOTA + 1),), ["class-parts-over-quota"]),
        ((replace(TEAMS, amount=QUOTA), replace(HOLDERS, amount=1)), ["class-parts-over-quota"]),
        ((replace(TEAMS, amount=1),), NO_FAULT),
        ((replace(TEAMS, amount=0),), ["class-part-not-positive"]),
        ((replace(TEAMS, amount=-1),), ["class-part-not-positive"]),
        ((TEAMS, replace(HOLDERS, name=TEAMS.name)), ["class-named-twice"]),
        ((TEAMS, replace(TEAMS, name="别的")), ["class-named-twice"]),
        ((replace(TEAMS, until=OPENS),), ["class-ends-outside-period"]),
        ((replace(TEAMS, until=OPENS + MOMENT),), NO_FAULT),
        ((replace(TEAMS, until=CLOSES),), NO_FAULT),
        ((replace(TEAMS, until=CLOSES + MOMENT),), ["class-ends-outside-period"]),
        ((replace(HAIDIAN, who="district:110302"),), NO_FAULT),
        ((replace(HAIDIAN, who="district:310104"),), ["class-unknown"]),
        ((replace(HAIDIAN, who="110108"),), ["class-unknown"]),
        ((replace(HAIDIAN, who="enterprise"),), ["class-unknown"]),
    ],
)
def test_a_plan_whose_classes_cannot_be_is_refused(classes: tuple[QuotaClass, ...], codes: list[str]) -> None:
    assert [fault.code for fault in class_faults(classes, QUOTA, OPENS, CLOSES)] == codes
    assert all(fault.article == "12" for fault in class_faults(classes, QUOTA, OPENS, CLOSES))


def test_a_fault_of_one_class_says_which_and_what_of_it() -> None:
    wrong = replace(HAIDIAN, amount=0, until=OPENS, who="enterprise")
    again = replace(TEAMS, amount=QUOTA)
    faults = class_faults((TEAMS, wrong, again), QUOTA, OPENS, CLOSES)
    assert [(fault.code, fault.within) for fault in faults] == [
        ("class-parts-over-quota", ()),
        ("class-named-twice", (2, "name")),
        ("class-named-twice", (2, "who")),
        ("class-part-not-positive", (1, "amount")),
        ("class-ends-outside-period", (1, "until")),
        ("class-unknown", (1, "who")),
    ]


def test_what_the_parts_come_to_and_what_there_is_are_named() -> None:
    (fault,) = class_faults((replace(TEAMS, amount=QUOTA + 5),), QUOTA, OPENS, CLOSES)
    assert (fault.value, fault.limit) == (QUOTA + 5, QUOTA)


PLAN = Plan(name=PROPOSED.name, quota=QUOTA, opens_at=OPENS, closes_at=CLOSES, settings=Settings(classes=CLASSES))
spec = Specification(period)


def test_the_classes_are_part_of_the_plan_and_a_change_of_them_voids_its_approval() -> None:
    proposal = ProposePeriod(
        period_id=PERIOD, plan=PLAN, proposed_by="officer-li", at=BEFORE, on=PROPOSED.on, terms=TERMS
    )
    proposed = replace(PROPOSED, classes=CLASSES)
    spec.given().when(proposal).then(proposed)
    change = ChangePlan(
        plan=replace(PLAN, settings=Settings(classes=(TEAMS,))),
        changed_by="officer-li",
        claims=0,
        at=BEFORE,
        on=PROPOSED.on,
        terms=TERMS,
    )
    (changed,) = period.decide(change, _planned(*CLASSES))
    assert isinstance(changed, PeriodPlanChanged)
    assert (changed.classes, changed.voided_approval_of) == ((TEAMS,), "officer-wang")
    assert period.decide(replace(change, plan=PLAN), _planned(*CLASSES)) == []


def test_a_plan_with_impossible_classes_is_not_proposed() -> None:
    twice = replace(PLAN, settings=Settings(classes=(TEAMS, TEAMS)))
    with pytest.raises(Refused, match="class-named-twice"):
        period.decide(
            ProposePeriod(period_id=PERIOD, plan=twice, proposed_by="o", at=BEFORE, on=PROPOSED.on, terms=TERMS),
            period.initial,
        )


releases = Specification(class_release)


def _release(at: datetime) -> ReleaseParts:
    return ReleaseParts(period_id=PERIOD, classes=CLASSES, released=(1_500_000, 0, 4_000_000), at=at)


def _left(each: QuotaClass, amount: int, at: datetime) -> ClassQuotaReleased:
    return ClassQuotaReleased(period_id=PERIOD, name=each.name, amount=amount, at=at)


def test_what_a_class_left_is_written_down_once_when_its_time_is_over() -> None:
    later = TENTH + timedelta(days=5)
    releases.given().when(_release(TENTH - MOMENT)).then()
    releases.given().when(_release(TENTH)).then(_left(HOLDERS, 1_500_000, TENTH))
    releases.given(_left(HOLDERS, 1_500_000, TENTH)).when(_release(TENTH + MOMENT)).then()
    releases.given(_left(HOLDERS, 1_500_000, TENTH)).when(_release(later)).then(_left(HAIDIAN, 4_000_000, later))
    releases.given().when(_release(later)).then(_left(HOLDERS, 1_500_000, later), _left(HAIDIAN, 4_000_000, later))


LINES = st.lists(st.tuples(st.sampled_from(PEOPLE), st.integers(1, 5_000_000), st.integers(0, 6)), max_size=25)
AMOUNTS = st.integers(1, 8_000_000)


@st.composite
def divided(draw: st.DrawFn) -> tuple[QuotaClass, ...]:
    """Classes of any size, some of which end within the days of the line."""
    ends = st.none() | st.integers(1, 6).map(lambda days: OPENS + timedelta(days=days))
    chosen = draw(st.lists(st.sampled_from(CLASSES), unique=True, min_size=1))
    return tuple(replace(each, amount=draw(AMOUNTS), until=draw(ends)) for each in chosen)


@for_all(divided(), LINES, st.integers(0, 10_000_000), st.integers(0, 25))
def test_no_fen_is_lost_none_is_given_twice_and_no_class_pays_a_stranger(
    classes: tuple[QuotaClass, ...], line: list[tuple[Claimant, int, int]], beside: int, cut: int
) -> None:
    """`beside` is what the quota has besides the parts; days come in order, as arrivals do."""
    promised = sum(each.amount for each in classes)
    stock = _stock(*classes, remaining=promised + beside)
    arrivals = [
        _arrival(who, amount, OPENS + timedelta(days=day), number)
        for number, (who, amount, day) in enumerate(sorted(line, key=lambda each: each[2]))
    ]
    whole = _decided(stock, *arrivals)
    head = _decided(stock, *arrivals[:cut])
    assert whole == head + _decided(left_after(stock, head), *arrivals[cut:])
    paid = dict.fromkeys((each.name for each in classes), 0)
    everybodys = beside
    over: set[str] = set()
    for arrival, outcome in zip(arrivals, whole, strict=True):
        for each in classes:  # counted another way: by name, released one by one
            if each.until is not None and arrival.at >= each.until and each.name not in over:
                over.add(each.name)
                everybodys += each.amount - paid[each.name]
        if not isinstance(outcome, Granted):
            continue
        own = {classes[n].name for n in own_classes(stock.claimants[arrival.claimant_id], arrival.on, classes,
                                                     TERMS.voucher)}  # fmt: skip
        for part in outcome.fact.parts:
            assert part.name in own - over
            assert part.amount > 0
            paid[part.name] += part.amount
        everybodys -= outcome.fact.amount - sum(part.amount for part in outcome.fact.parts)
        assert everybodys >= 0
        assert all(paid[each.name] <= each.amount for each in classes)
        rests = [0 if each.name in over else each.amount - paid[each.name] for each in classes]
        assert list(outcome.parts.rests) == rests
        assert outcome.fact.amount == sum(part.amount for part in outcome.fact.parts) or not any(
            rest for rest, each in zip(rests, classes, strict=True) if each.name in own
        ), "common money is touched only when the claimant's own parts are used up"
    after = left_after(stock, whole)
    assert after.remaining is not None
    assert after.remaining >= sum(after.parts.rests)
    assert after.remaining + sum(o.fact.amount for o in whole if isinstance(o, Granted)) == promised + beside
