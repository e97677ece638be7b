"""A period is planned by one, approved by another, and opens by the clock (art. 12)."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from services.issuance.domain.last_days import registration_deadline, validity_deadline
from services.issuance.domain.period import (
    ClosePeriod,
    Command,
    Event,
    ExhaustPeriod,
    OpenPeriod,
    PausePeriod,
    ResumePeriod,
    ReturnQuota,
    period,
)
from services.issuance.domain.period_phases import PastPause, Period, Phase, phase_at
from services.issuance.domain.plan import Plan, Settings
from services.issuance.domain.planning import ApprovePeriod, ChangePlan, ProposePeriod, WithdrawPlan
from shared.events.issuance.periods import (
    EntryTerms,
    EntryWindow,
    PeriodClosed,
    PeriodExhausted,
    PeriodOpened,
    PeriodPaused,
    PeriodResumed,
    PeriodWithdrawn,
)
from shared.events.issuance.quotas import QuotaReturned
from shared.kernel.calendar import Deadline
from shared.kernel.refusal import Refused
from tests.specification import Specification
from tests.unit.issuance.facts import (
    ANNOUNCED,
    APPROVED,
    BEFORE,
    CHANGED,
    CLOSES,
    MEASURES,
    OPENS,
    PERIOD,
    PROPOSED,
    TERMS,
    VOUCHER,
)

spec = Specification(period)
MARCH_17, MARCH_31 = date(2026, 3, 17), date(2026, 3, 31)
MOMENT = timedelta(microseconds=1)
WHY = "系统维护"
PLAN = Plan(name=PROPOSED.name, quota=PROPOSED.quota, opens_at=OPENS, closes_at=CLOSES)
PROPOSE = ProposePeriod(period_id=PERIOD, plan=PLAN, proposed_by="officer-li", at=BEFORE, on=PROPOSED.on, terms=TERMS)
SMALLER = replace(PLAN, quota=10_000_000)
CHANGE = ChangePlan(plan=SMALLER, changed_by="officer-zhao", claims=0, at=BEFORE, on=PROPOSED.on, terms=TERMS)
WITHDRAW = WithdrawPlan(reason=WHY, withdrawn_by="officer-li", claims=0, at=BEFORE, on=PROPOSED.on)
APPROVE = ApprovePeriod(approved_by="officer-wang", at=BEFORE, on=PROPOSED.on)
PAUSE = PausePeriod(reason=WHY, paused_by="officer-li", at=OPENS)
RESUME = ResumePeriod(reason=WHY, resumed_by="officer-li", at=OPENS)
CLOSE = ClosePeriod(issued=20_000_000, vouchers=4, at=CLOSES)
BACK = ReturnQuota(voucher_id=VOUCHER, amount=3_000_000, on=MARCH_17)

WITHDRAWN = PeriodWithdrawn(period_id=PERIOD, reason=WHY, withdrawn_by="officer-li", on=PROPOSED.on)
OPENED = PeriodOpened(period_id=PERIOD, at=OPENS)
PAUSED = PeriodPaused(period_id=PERIOD, reason=WHY, paused_by="officer-li", at=OPENS)
RESUMED = PeriodResumed(period_id=PERIOD, reason=WHY, resumed_by="officer-li", at=OPENS)
EXHAUSTED = PeriodExhausted(period_id=PERIOD, at=OPENS)
CLOSED = PeriodClosed(period_id=PERIOD, issued=20_000_000, vouchers=4, at=CLOSES)
RETURNED = QuotaReturned(period_id=PERIOD, voucher_id=VOUCHER, amount=3_000_000, on=MARCH_17)

UNPLANNED: tuple[Event, ...] = ()
PLANNED = (PROPOSED,)
READY = (PROPOSED, APPROVED, ANNOUNCED)
VOID = (*READY, CHANGED)
RUNNING = (*READY, OPENED)
GONE = (*RUNNING, EXHAUSTED)
OVER = (*RUNNING, CLOSED)
DROPPED = (*READY, WITHDRAWN)


def _folded(*facts: Event) -> Period:
    state = period.fold(facts)
    assert isinstance(state, Period)
    return state


@pytest.mark.parametrize(
    ("history", "command", "facts"),
    [
        (UNPLANNED, PROPOSE, [PROPOSED]),
        (PLANNED, CHANGE, [replace(CHANGED, voided_approval_of=None)]),
        (READY, CHANGE, [CHANGED]),
        (PLANNED, WITHDRAW, [WITHDRAWN]),
        (READY, WITHDRAW, [WITHDRAWN]),
        (VOID, WITHDRAW, [WITHDRAWN]),
        (PLANNED, APPROVE, [APPROVED, ANNOUNCED]),
        (VOID, APPROVE, [APPROVED, replace(ANNOUNCED, quota=10_000_000)]),
        (READY, OpenPeriod(at=OPENS), [OPENED]),
        (READY, PAUSE, [PAUSED]),
        (RUNNING, PAUSE, [PAUSED]),
        (GONE, PAUSE, [PAUSED]),
        ((*RUNNING, PAUSED), RESUME, [RESUMED]),
        ((*READY, PAUSED), RESUME, [RESUMED]),
        ((*READY, PAUSED), OpenPeriod(at=OPENS), [OPENED]),
        (READY, ExhaustPeriod(at=OPENS), [EXHAUSTED]),
        (RUNNING, ExhaustPeriod(at=OPENS), [EXHAUSTED]),
        (READY, CLOSE, [CLOSED]),
        (RUNNING, CLOSE, [CLOSED]),
        (GONE, CLOSE, [CLOSED]),
        ((*RUNNING, PAUSED), CLOSE, [CLOSED]),
        (RUNNING, BACK, [RETURNED]),
        (GONE, BACK, [RETURNED]),
        (OVER, BACK, [RETURNED]),
    ],
)
def test_what_is_asked_in_its_time_happens(history: tuple[Event, ...], command: Command, facts: list[Event]) -> None:
    spec.given(*history).when(command).then(*facts)


@pytest.mark.parametrize(
    ("history", "command"),
    [
        *((READY, command) for command in (PROPOSE, APPROVE)),
        *((UNPLANNED, command) for command in (CHANGE, WITHDRAW, APPROVE, PAUSE, RESUME, OpenPeriod(at=OPENS), BACK)),
        *((PLANNED, command) for command in (PAUSE, RESUME, BACK)),
        *((VOID, command) for command in (PAUSE, RESUME, BACK)),
        *((RUNNING, command) for command in (PROPOSE, CHANGE, WITHDRAW, APPROVE)),
        *((GONE, command) for command in (PROPOSE, CHANGE, WITHDRAW, APPROVE)),
        *((OVER, command) for command in (PROPOSE, CHANGE, WITHDRAW, APPROVE, PAUSE, RESUME)),
        *((DROPPED, command) for command in (PROPOSE, CHANGE, WITHDRAW, APPROVE, PAUSE, RESUME, BACK)),
    ],
)
def test_what_is_asked_out_of_its_time_is_refused(history: tuple[Event, ...], command: Command) -> None:
    spec.given(*history).when(command).then_refused("period-not-in-this-state")


@pytest.mark.parametrize("history", [PLANNED, VOID, OVER, DROPPED], ids=["planned", "void", "over", "withdrawn"])
@pytest.mark.parametrize("command", [OpenPeriod(at=CLOSES), ExhaustPeriod(at=CLOSES), CLOSE])
def test_the_due_list_may_come_to_a_period_that_nothing_is_due_for(
    history: tuple[Event, ...], command: Command
) -> None:
    spec.given(*history).when(command).then_nothing()


def test_a_plan_names_all_its_faults_at_once() -> None:
    settings = Settings(face_value_max=0, registration_days=16, validity_months=4)
    hopeless = replace(PROPOSE, plan=replace(PLAN, quota=0, closes_at=OPENS, settings=settings), at=CLOSES)
    spec.given().when(hopeless).then_refused(
        "quota-not-positive",
        "period-ends-before-it-opens",
        "period-already-over",
        "face-value-cap-out-of-range",
        "registration-days-out-of-range",
        "validity-out-of-range",
    )


@pytest.mark.parametrize(
    ("setting", "largest", "code", "article"),
    [
        ("face_value_max", 5_000_000, "face-value-cap-out-of-range", "12"),
        ("registration_days", 15, "registration-days-out-of-range", "15(2)"),
        ("validity_months", 3, "validity-out-of-range", "15(2)"),
    ],
)
def test_a_plan_may_be_stricter_than_the_measures_and_never_looser(
    setting: str, largest: int, code: str, article: str
) -> None:
    def asking(value: int) -> ProposePeriod:
        return replace(PROPOSE, plan=replace(PLAN, settings=Settings(**{setting: value})))  # type: ignore[arg-type]

    for value in (1, largest):
        spec.given().when(asking(value)).then(replace(PROPOSED, **{setting: value}))  # type: ignore[arg-type]
    for value in (0, -1, largest + 1):
        with pytest.raises(Refused) as refusal:
            period.decide(asking(value), period.initial)
        (reason,) = refusal.value.reasons
        assert (reason.code, reason.article, reason.value, reason.limit) == (code, article, value, largest)
        assert reason.parameter == setting


def test_registration_may_end_on_the_last_day_of_claims_and_not_before() -> None:
    on_time, early = (
        replace(PROPOSE, plan=replace(PLAN, settings=Settings(registration_last_day=day)))
        for day in (MARCH_31, date(2026, 3, 30))
    )
    spec.given().when(on_time).then(replace(PROPOSED, registration_last_day=MARCH_31))
    spec.given().when(early).then_refused("registration-ends-too-early")
    midnight = replace(PLAN, closes_at=CLOSES + MOMENT, settings=Settings(registration_last_day=MARCH_31))
    spec.given().when(replace(PROPOSE, plan=midnight)).then_refused("registration-ends-too-early")


def test_validity_may_end_on_the_last_day_of_registration_and_not_before() -> None:
    def asking(**settings: date | int) -> ProposePeriod:
        return replace(PROPOSE, plan=replace(PLAN, settings=Settings(**settings)))  # type: ignore[arg-type]

    spec.given().when(asking(validity_last_day=date(2026, 4, 14))).then_refused("validity-ends-too-early")
    april_15 = date(2026, 4, 15)
    spec.given().when(asking(validity_last_day=april_15)).then(replace(PROPOSED, validity_last_day=april_15))
    tight = asking(registration_last_day=MARCH_31, validity_last_day=MARCH_31)
    spec.given().when(tight).then(replace(PROPOSED, registration_last_day=MARCH_31, validity_last_day=MARCH_31))
    spec.given().when(asking(registration_days=16, validity_last_day=MARCH_31)).then_refused(
        "registration-days-out-of-range", "validity-ends-too-early"
    )


def test_a_change_is_held_against_the_measures_like_a_new_plan() -> None:
    loose = replace(CHANGE, plan=replace(SMALLER, quota=0, settings=Settings(validity_months=4)))
    spec.given(*READY).when(loose).then_refused("quota-not-positive", "validity-out-of-range")


def test_a_change_that_changes_nothing_leaves_the_approval_alone() -> None:
    spec.given(*READY).when(replace(CHANGE, plan=PLAN)).then_nothing()
    told = Settings(face_value_max=5_000_000, registration_days=15, validity_months=3)
    spec.given(*READY).when(replace(CHANGE, plan=replace(PLAN, settings=told))).then_nothing()


@pytest.mark.parametrize("late", [CHANGE, WITHDRAW])
def test_an_approved_plan_stands_from_its_first_instant_or_its_first_claim_on(
    late: ChangePlan | WithdrawPlan,
) -> None:
    spec.given(*READY).when(replace(late, at=OPENS)).then_refused("period-already-open")
    spec.given(*READY).when(replace(late, claims=1)).then_refused("period-already-open")
    assert period.decide(replace(late, at=OPENS - MOMENT), period.fold(READY))
    assert period.decide(replace(late, at=OPENS), period.fold(PLANNED))


def test_nobody_approves_a_plan_in_which_they_had_a_hand() -> None:
    spec.given(PROPOSED).when(replace(APPROVE, approved_by="officer-li")).then_refused("four-eyes")
    for author in ("officer-li", "officer-zhao"):
        spec.given(*VOID).when(replace(APPROVE, approved_by=author)).then_refused("four-eyes")
    by_its_former_approver = (*VOID, replace(CHANGED, quota=1, changed_by="officer-wang"))
    spec.given(*by_its_former_approver).when(APPROVE).then_refused("four-eyes")


def test_a_period_that_would_be_over_is_not_approved() -> None:
    spec.given(PROPOSED).when(replace(APPROVE, at=CLOSES)).then_refused("period-already-over")
    just = replace(APPROVE, at=CLOSES - MOMENT)
    spec.given(PROPOSED).when(just).then(APPROVED, replace(ANNOUNCED, at=CLOSES - MOMENT))


def test_a_plan_whose_window_of_entries_is_over_is_not_announced_any_more() -> None:
    until = OPENS - timedelta(days=1)
    entries = EntryTerms(window=EntryWindow(opens_at=BEFORE, until=until))
    planned, announced = replace(PROPOSED, entries=entries), replace(ANNOUNCED, entries=entries)
    spec.given(planned).when(replace(APPROVE, at=until)).then_refused("entry-window-over")
    late = until - MOMENT
    spec.given(planned).when(replace(APPROVE, at=late)).then(APPROVED, replace(announced, at=late))


def test_a_voided_approval_leaves_a_plan_that_stays_public_and_waits() -> None:
    state = _folded(*VOID)
    assert (state.phase, state.approved_by, state.announced, state.quota) == (Phase.PROPOSED, None, True, 10_000_000)
    assert state.authors == ("officer-li", "officer-zhao")
    assert not _folded(*PLANNED).announced


def test_an_approved_period_opens_at_its_first_instant_and_only_once() -> None:
    spec.given(*READY).when(OpenPeriod(at=OPENS - MOMENT)).then_nothing()
    spec.given(*RUNNING).when(OpenPeriod(at=OPENS)).then_nothing()
    spec.given(*READY, EXHAUSTED).when(OpenPeriod(at=OPENS)).then_nothing()


def test_a_period_closes_at_its_last_instant() -> None:
    spec.given(*RUNNING).when(replace(CLOSE, at=CLOSES - MOMENT)).then_nothing()


def test_a_pause_has_a_reason_until_the_period_is_resumed() -> None:
    paused = _folded(*RUNNING, PAUSED)
    assert paused.pause is not None
    assert (paused.phase, paused.pause.reason, paused.pause.since) == (Phase.OPEN, WHY, OPENS)
    assert _folded(*RUNNING, PAUSED, RESUMED).pause is None
    spec.given(*RUNNING, PAUSED).when(PAUSE).then_refused("period-already-paused")
    spec.given(*RUNNING).when(RESUME).then_refused("period-not-paused")
    spec.given(*RUNNING, PAUSED, RESUMED).when(PAUSE).then(PAUSED)


def test_both_reasons_of_a_pause_that_is_over_are_remembered() -> None:
    later = OPENS + timedelta(hours=1)
    resumed = replace(RESUMED, reason="设备已修复", at=later)
    over = PastPause(reason=WHY, since=OPENS, until=later, resumed_because="设备已修复")
    assert _folded(*RUNNING, PAUSED).past_pauses == ()
    assert _folded(*RUNNING, PAUSED, resumed).past_pauses == (over,)
    assert _folded(*RUNNING, PAUSED, resumed, PAUSED, resumed).past_pauses == (over, over)


def test_what_the_clock_has_closed_is_neither_paused_nor_resumed() -> None:
    spec.given(*RUNNING).when(replace(PAUSE, at=CLOSES)).then_refused("period-already-over")
    spec.given(*RUNNING, PAUSED).when(replace(RESUME, at=CLOSES)).then_refused("period-already-over")
    assert period.decide(replace(PAUSE, at=CLOSES - MOMENT), period.fold(RUNNING))


def test_returned_quota_opens_an_exhausted_period_again_but_not_a_closed_one() -> None:
    assert _folded(*GONE, RETURNED).phase is Phase.OPEN
    assert _folded(*OVER, RETURNED).phase is Phase.CLOSED


def test_what_returns_to_a_period_that_its_entries_had_exhausted_does_not_open_it_before_its_hour() -> None:
    early = (*READY, EXHAUSTED, RETURNED)
    assert _folded(*early).phase is Phase.APPROVED
    spec.given(*early).when(OpenPeriod(at=OPENS - MOMENT)).then_nothing()
    spec.given(*early).when(OpenPeriod(at=OPENS)).then(OPENED)


@pytest.mark.parametrize(
    ("phase", "at", "shown"),
    [
        (Phase.APPROVED, OPENS - MOMENT, Phase.APPROVED),
        (Phase.APPROVED, OPENS, Phase.OPEN),
        (Phase.OPEN, CLOSES - MOMENT, Phase.OPEN),
        (Phase.EXHAUSTED, CLOSES - MOMENT, Phase.EXHAUSTED),
        (Phase.APPROVED, CLOSES, Phase.CLOSED),
        (Phase.OPEN, CLOSES, Phase.CLOSED),
        (Phase.EXHAUSTED, CLOSES, Phase.CLOSED),
        (Phase.PROPOSED, CLOSES, Phase.PROPOSED),
        (Phase.WITHDRAWN, CLOSES, Phase.WITHDRAWN),
    ],
)
def test_a_phase_is_shown_as_the_clock_has_it_whatever_is_written_down(
    phase: Phase, at: datetime, shown: Phase
) -> None:
    assert phase_at(phase, OPENS, CLOSES, at) is shown


def test_the_last_days_of_a_period_end_what_the_count_would_not_have_ended_yet() -> None:
    plain = _folded(PROPOSED)
    strict = replace(plain, registration_last_day=date(2026, 4, 10), validity_last_day=date(2026, 5, 29))
    days = MEASURES.working_days

    def register(period_: Period, day: date) -> date:
        return registration_deadline(period_, day, TERMS.voucher, days).last_day

    def use(period_: Period, day: date) -> date:
        return validity_deadline(period_, day, TERMS.voucher, days).last_day

    assert [register(plain, MARCH_31), register(strict, MARCH_31)] == [date(2026, 4, 15), date(2026, 4, 10)]
    assert [register(plain, date(2026, 3, 2)), register(strict, date(2026, 3, 2))] == [MARCH_17, MARCH_17]
    assert [use(plain, MARCH_17), use(strict, MARCH_17)] == [date(2026, 6, 17), date(2026, 5, 29)]
    assert register(replace(plain, validity_last_day=date(2026, 4, 15)), date(2026, 4, 1)) == date(2026, 4, 15)


def test_a_last_day_that_the_plan_itself_names_is_final_even_in_a_year_without_its_notice() -> None:
    far = _folded(replace(PROPOSED, closes_at=datetime(2031, 1, 1, tzinfo=UTC)))
    counted = registration_deadline(far, date(2030, 12, 20), TERMS.voucher, MEASURES.working_days)
    assert counted.provisional
    named = replace(far, registration_last_day=counted.last_day - timedelta(days=1))
    assert registration_deadline(named, date(2030, 12, 20), TERMS.voucher, MEASURES.working_days) == Deadline(
        last_day=counted.last_day - timedelta(days=1), provisional=False
    )
