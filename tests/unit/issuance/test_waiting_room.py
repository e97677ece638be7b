"""The line of a waiting room: who is let in when, who gets a place, and what its token is good for (art. 12, 15(1))."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from services.issuance.domain.claimant import Ban, Claimant
from services.issuance.domain.claiming import Claim, reasons_against
from services.issuance.domain.period import period
from services.issuance.domain.period_phases import Period
from services.issuance.domain.plan import Plan
from services.issuance.domain.plan import Settings as PlanSettings
from services.issuance.domain.planning import ChangePlan, ProposePeriod
from services.issuance.domain.ticket import PASSING, TakePlace, Ticket, take_place
from services.issuance.domain.waiting_room import (
    Admission,
    Line,
    Unfit,
    admits_from,
    after_one_more,
    ahead_of,
    expiry_of,
    line_of,
    spacing_of,
    waiting_in,
)
from services.issuance.waiting_room.tokens import EntryTokens
from shared.events.issuance.periods import PeriodClosed, PeriodWithdrawn, WaitingRoom
from shared.kernel.refusal import Refused
from shared.settings import Settings
from tests.unit.issuance.facts import APPROVED, CLAIMANT, CLOSES, MARCH_1, OPENS, PERIOD, PROPOSED, TERMS

MICROSECOND, SECOND = timedelta(microseconds=1), timedelta(seconds=1)
EARLY = OPENS - timedelta(minutes=30)
ROOM = WaitingRoom(opens_at=EARLY, per_second=2, challenge=False)
USER = "user-1"
COMPANY = Claimant(claimant_id=CLAIMANT, kind="enterprise", certificates=(), bans=())


def _period(*facts: object, room: WaitingRoom | None = ROOM) -> Period:
    state = period.fold([replace(PROPOSED, waiting_room=room), *(facts or (APPROVED,))])  # type: ignore[list-item]
    assert isinstance(state, Period)
    return state


ASKED = TakePlace(
    ticket_id="tkt_1",
    claimant_id=CLAIMANT,
    claimant=COMPANY,
    principal=USER,
    period=_period(),
    held=None,
    at=EARLY,
    on=date(2026, 3, 1),
)
EMPTY = line_of(ROOM, OPENS)


def _line(*arrivals: datetime, room: WaitingRoom = ROOM) -> tuple[Line, list[datetime]]:
    line, slots = line_of(room, OPENS), []
    for at in arrivals:
        slots.append(admits_from(line, at))
        line = after_one_more(line, at)
    return line, slots


def test_whoever_comes_before_the_opening_is_let_in_from_then_on_one_after_the_other() -> None:
    _, slots = _line(*[EARLY] * 5)
    assert slots == [OPENS + place * SECOND / 2 for place in range(5)]


@pytest.mark.parametrize(("per_second", "micros"), [(1, 1_000_000), (3, 333_334), (7, 142_858), (10_000, 100)])
def test_no_second_lets_in_more_than_the_plan_says(per_second: int, micros: int) -> None:
    spacing = spacing_of(replace(ROOM, per_second=per_second))
    assert spacing == micros * MICROSECOND
    assert per_second * spacing >= SECOND


def test_where_nobody_waits_any_more_a_place_lets_in_at_once_and_the_next_one_in_its_distance() -> None:
    late = OPENS + timedelta(minutes=1)
    _, slots = _line(EARLY, late, late, late + 2 * SECOND)
    assert slots == [OPENS, late, late + SECOND / 2, late + 2 * SECOND]


arrivals = st.lists(st.integers(-2_000_000, 3_000_000), min_size=1, max_size=40).map(
    lambda found: [OPENS + offset * MICROSECOND for offset in sorted(found)]
)


@given(arrivals, st.integers(1, 50), st.integers(-2_500_000, 8_000_000))
def test_how_many_wait_is_told_by_counting_alone(come: list[datetime], per_second: int, look: int) -> None:
    line, slots = _line(*come, room=replace(ROOM, per_second=per_second))
    assert all(later - earlier >= line.spacing for earlier, later in pairwise(slots))
    assert all(slot >= max(at, OPENS) for slot, at in zip(slots, come, strict=True))
    at = max(come[-1], OPENS + look * MICROSECOND)
    assert waiting_in(line, at) == sum(slot > at for slot in slots)
    for place, slot in enumerate(slots, start=1):
        assert ahead_of(place, slot, line.spacing, at) == sum(at < before < slot for before in slots[: place - 1])


def test_a_place_counts_for_a_quarter_of_an_hour_and_never_beyond_the_close() -> None:
    assert expiry_of(OPENS, CLOSES) == OPENS + timedelta(minutes=15)
    assert expiry_of(CLOSES - SECOND, CLOSES) == CLOSES


def test_the_first_place_is_the_first_and_lets_in_when_the_period_opens() -> None:
    assert take_place(ASKED, EMPTY) == Ticket(
        ticket_id="tkt_1",
        period_id=PERIOD,
        claimant_id=CLAIMANT,
        principal=USER,
        place=1,
        entered_at=EARLY,
        admits_from=OPENS,
        expires_at=OPENS + timedelta(minutes=15),
    )


HELD = take_place(ASKED, EMPTY)
WITHDRAWN = PeriodWithdrawn(period_id=PERIOD, reason="预算调整", withdrawn_by="officer-li", on=MARCH_1)
CLOSED = PeriodClosed(period_id=PERIOD, issued=0, vouchers=0, at=CLOSES)
BANNED = Ban(sanction_id="snc_1", until=date(2027, 1, 1))


def _against(asked: TakePlace, line: Line = EMPTY) -> list[str]:
    try:
        take_place(asked, line)
    except Refused as refused:
        return [reason.code for reason in refused.reasons]
    return []


@pytest.mark.parametrize(
    ("changed", "codes"),
    [
        ({"at": EARLY - MICROSECOND}, ["waiting-room-not-open"]),
        ({"period": _period(room=None)}, ["no-waiting-room"]),
        ({"claimant": None}, ["claimant-not-registered"]),
        ({"claimant": replace(COMPANY, withheld={USER: True})}, ["user-may-only-read"]),
        ({"claimant": replace(COMPANY, eligible=False)}, ["claimant-not-eligible"]),
        ({"claimant": replace(COMPANY, bans=(BANNED,))}, ["claimant-banned"]),
        ({"period": _period(APPROVED, WITHDRAWN)}, ["period-withdrawn"]),
        ({"period": _period(APPROVED, CLOSED)}, ["period-closed"]),
        ({"at": CLOSES}, ["period-closed", "waiting-room-full"]),
        ({"held": HELD}, ["ticket-unused"]),
        ({"held": HELD, "at": HELD.expires_at - MICROSECOND}, ["ticket-unused"]),
        ({"held": HELD, "at": HELD.expires_at}, []),
        ({"held": HELD, "claimant": None}, ["claimant-not-registered", "ticket-unused"]),
    ],
)
def test_a_place_is_for_a_company_that_may_claim_and_one_at_a_time(changed: dict[str, Any], codes: list[str]) -> None:
    assert _against(replace(ASKED, **changed)) == codes


def test_a_plan_that_is_not_approved_has_no_line_yet() -> None:
    state = period.fold([replace(PROPOSED, waiting_room=ROOM)])
    assert isinstance(state, Period)
    assert _against(replace(ASKED, period=state)) == ["period-not-approved"]


def test_a_place_that_would_let_in_at_the_close_is_none() -> None:
    last = Line(places=9, next_slot=CLOSES - MICROSECOND, spacing=SECOND)
    assert _against(ASKED, last) == []
    assert _against(ASKED, replace(last, next_slot=CLOSES)) == ["waiting-room-full"]


def test_what_passes_leaves_the_key_free_and_what_does_not_is_kept() -> None:
    assert {"waiting-room-not-open", "ticket-unused"} <= PASSING
    assert not PASSING & {"claimant-banned", "no-waiting-room", "waiting-room-full", "period-closed"}


CLAIM = Claim(
    claimant=COMPANY,
    period=_period(),
    amount=100,
    counted=0,
    remaining=20_000_000,
    at=OPENS,
    on=MARCH_1,
    terms=TERMS,
    principal=USER,
)
ADMITTED = Admission(admits_from=OPENS, expires_at=OPENS + SECOND)


@pytest.mark.parametrize(
    ("shown", "at", "codes"),
    [
        (ADMITTED, OPENS, []),
        (ADMITTED, OPENS + SECOND - MICROSECOND, []),
        (ADMITTED, OPENS + SECOND, ["entry-token-expired"]),
        (replace(ADMITTED, admits_from=OPENS + MICROSECOND), OPENS, ["entry-token-early"]),
        (Unfit.MISSING, OPENS, ["entry-token-missing"]),
        (Unfit.INVALID, OPENS, ["entry-token-invalid"]),
        (ADMITTED, OPENS - MICROSECOND, ["period-not-open-yet", "entry-token-early"]),
    ],
)
def test_a_claim_comes_in_its_turn(shown: Admission | Unfit, at: datetime, codes: list[str]) -> None:
    assert [reason.code for reason in reasons_against(CLAIM._replace(shown=shown, at=at))] == codes


@pytest.mark.parametrize("shown", [*Unfit, replace(ADMITTED, admits_from=CLOSES)])
def test_without_a_waiting_room_nothing_has_to_be_shown(shown: Admission | Unfit) -> None:
    assert not reasons_against(CLAIM._replace(period=_period(room=None), shown=shown))


def test_a_turn_is_told_with_its_instant_and_article() -> None:
    (early,) = reasons_against(CLAIM._replace(shown=replace(ADMITTED, admits_from=OPENS + SECOND)))
    assert (early.article, early.value, early.limit, early.kind) == ("15(1)", OPENS, OPENS + SECOND, "state")


SETTINGS = Settings(env="dev", cursor_secret=SecretStr("ours"))
TOKENS = EntryTokens(SETTINGS)
RIGHT = {"period_id": PERIOD, "claimant_id": CLAIMANT, "principal": USER, "key": "tkt_1"}


def test_a_token_says_when_its_own_claim_is_let_in() -> None:
    assert TOKENS.shown(TOKENS.write(HELD), **RIGHT) == Admission(
        admits_from=HELD.admits_from, expires_at=HELD.expires_at
    )


def test_every_instance_writes_and_reads_the_same_tokens() -> None:
    other = EntryTokens(SETTINGS)
    assert other.write(HELD) == TOKENS.write(HELD)
    assert isinstance(other.shown(TOKENS.write(HELD), **RIGHT), Admission)


@pytest.mark.parametrize("part", RIGHT)
def test_a_token_is_good_for_no_other_claim(part: str) -> None:
    assert TOKENS.shown(TOKENS.write(HELD), **RIGHT | {part: "another"}) is Unfit.INVALID


def test_no_token_is_told_from_one_that_is_not_ours() -> None:
    assert TOKENS.shown("", **RIGHT) is Unfit.MISSING
    token = TOKENS.write(HELD)
    stranger = EntryTokens(Settings(env="dev", cursor_secret=SecretStr("a stranger's"))).write(HELD)
    for wrong in ("x", "é", "=", token[:-2], token[4:], stranger, TOKENS.write(replace(HELD, place=2))[:-4] + "AAAA"):
        assert TOKENS.shown(wrong, **RIGHT) is Unfit.INVALID, wrong


def _faults(room: WaitingRoom) -> list[str]:
    plan = Plan(name="x", quota=1, opens_at=OPENS, closes_at=CLOSES, settings=PlanSettings(waiting_room=room))
    command = ProposePeriod(period_id=PERIOD, plan=plan, proposed_by="officer-li", at=EARLY, on=MARCH_1, terms=TERMS)
    try:
        period.decide(command, period.initial)
    except Refused as refused:
        return [reason.code for reason in refused.reasons]
    return []


@pytest.mark.parametrize(
    ("room", "codes"),
    [
        (replace(ROOM, opens_at=OPENS - MICROSECOND), []),
        (replace(ROOM, opens_at=OPENS), ["waiting-room-opens-too-late"]),
        (replace(ROOM, per_second=1), []),
        (replace(ROOM, per_second=0), ["waiting-room-pace-out-of-range"]),
        (replace(ROOM, per_second=10_000), []),
        (replace(ROOM, per_second=10_001), ["waiting-room-pace-out-of-range"]),
        (
            replace(ROOM, opens_at=CLOSES, per_second=-1),
            ["waiting-room-opens-too-late", "waiting-room-pace-out-of-range"],
        ),
    ],
)
def test_a_room_opens_before_its_period_and_lets_in_somebody_each_second(room: WaitingRoom, codes: list[str]) -> None:
    assert _faults(room) == codes


def test_a_changed_room_is_a_changed_plan() -> None:
    def changed(room: WaitingRoom | None) -> int:
        settings = PlanSettings(face_value_max=PROPOSED.face_value_max, waiting_room=room)
        plan = Plan(name=PROPOSED.name, quota=PROPOSED.quota, opens_at=OPENS, closes_at=CLOSES, settings=settings)
        at = datetime(2026, 2, 20, 2, tzinfo=UTC)
        command = ChangePlan(plan=plan, changed_by="officer-li", claims=0, at=at, on=PROPOSED.on, terms=TERMS)
        return len(period.decide(command, _period()))

    assert (changed(ROOM), changed(None), changed(replace(ROOM, challenge=True))) == (0, 1, 1)
