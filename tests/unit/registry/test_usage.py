"""Machine time in a period: its limits, and corrections as new facts (art. 11)."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registry.domain.usage import (
    CorrectUsage,
    Event,
    Recorded,
    RecordUsage,
    Unrecorded,
    minutes_between,
    usage,
)
from shared.events.registry.usage import UsageCorrected, UsageRecorded
from shared.kernel.refusal import Refused
from tests.specification import Specification
from tests.unit.registry.facts import PRV, TODAY

spec = Specification(usage)
FIRST, LAST = date(2026, 10, 1), date(2026, 10, 31)
WHOLE = 31 * 24 * 60
RECORD = RecordUsage(
    usage_id="usg_1", facility_id="fac_1", withdrawn_on=None, provider_id=PRV, source="manual", first_day=FIRST,
    last_day=LAST, minutes=9_600, external_minutes=4_320, overlapped=None, on=TODAY,
)  # fmt: skip
RECORDED = UsageRecorded(
    usage_id="usg_1", facility_id="fac_1", provider_id=PRV, source="manual", first_day=FIRST, last_day=LAST,
    minutes=9_600, external_minutes=4_320, on=TODAY,
)  # fmt: skip


def corrected(minutes: int, external: int, *, before: tuple[int, int] = (9_600, 4_320)) -> UsageCorrected:
    return UsageCorrected(
        usage_id="usg_1", facility_id="fac_1", provider_id=PRV, first_day=FIRST, last_day=LAST,
        minutes_before=before[0], external_minutes_before=before[1], minutes=minutes, external_minutes=external,
        on=TODAY,
    )  # fmt: skip


def test_the_use_of_a_facility_is_recorded() -> None:
    spec.given().when(RECORD).then(RECORDED)
    spec.given(RECORDED).when(RECORD).then_refused("usage-not-in-this-state")


@pytest.mark.parametrize(
    "figures",
    [(0, 0), (WHOLE, 0), (WHOLE, WHOLE), (9_600, 9_600)],
)
def test_the_last_figures_inside_each_bound_are_taken(figures: tuple[int, int]) -> None:
    minutes, external = figures
    spec.given().when(replace(RECORD, minutes=minutes, external_minutes=external)).then(
        replace(RECORDED, minutes=minutes, external_minutes=external)
    )


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"minutes": WHOLE + 1}, ["usage-over-period"]),
        ({"external_minutes": 9_601}, ["usage-external-over-total"]),
        ({"external_minutes": -1}, ["usage-negative"]),
        ({"minutes": -1, "external_minutes": -1}, ["usage-negative"]),
        ({"last_day": date(2026, 9, 30)}, ["usage-period-wrong"]),
        ({"first_day": TODAY, "last_day": TODAY + timedelta(days=1)}, ["usage-not-over", "usage-over-period"]),
        ({"first_day": date(2025, 12, 31)}, ["usage-spans-years"]),
        ({"overlapped": "usg_0"}, ["usage-overlaps"]),
        ({"withdrawn_on": date(2026, 10, 30)}, ["usage-not-over"]),
    ],
)
def test_what_cannot_be_is_refused_with_every_reason(changes: dict[str, Any], codes: list[str]) -> None:
    spec.given().when(replace(RECORD, **changes)).then_refused(*codes)


def test_use_is_recorded_up_to_today_and_up_to_the_day_of_withdrawal() -> None:
    today = replace(RECORD, first_day=TODAY, last_day=TODAY, minutes=1_440, external_minutes=0)
    spec.given().when(today).then(replace(RECORDED, first_day=TODAY, last_day=TODAY, minutes=1_440, external_minutes=0))
    spec.given().when(replace(RECORD, withdrawn_on=LAST)).then(RECORDED)


def test_a_correction_names_the_figures_before_it_and_the_same_figures_correct_nothing() -> None:
    spec.given(RECORDED).when(CorrectUsage(minutes=9_000, external_minutes=0, on=TODAY)).then(corrected(9_000, 0))
    again = CorrectUsage(minutes=1, external_minutes=1, on=TODAY)
    spec.given(RECORDED, corrected(9_000, 0)).when(again).then(corrected(1, 1, before=(9_000, 0)))
    spec.given(RECORDED).when(CorrectUsage(minutes=9_600, external_minutes=4_320, on=TODAY)).then_nothing()
    over = CorrectUsage(minutes=WHOLE + 1, external_minutes=WHOLE + 2, on=TODAY)
    spec.given(RECORDED).when(over).then_refused("usage-external-over-total", "usage-over-period")
    spec.given().when(again).then_refused("usage-not-in-this-state")


@given(st.lists(st.tuples(st.integers(-5, WHOLE + 5), st.integers(-5, WHOLE + 5)), max_size=8))
def test_whatever_is_corrected_the_figures_stay_within_their_bounds_and_the_differences_add_up(
    figures: list[tuple[int, int]],
) -> None:
    history: list[Event] = [RECORDED]
    for minutes, external in figures:
        try:
            history += usage.decide(
                CorrectUsage(minutes=minutes, external_minutes=external, on=TODAY), usage.fold(history)
            )
        except Refused:
            continue
    state = usage.fold(history)
    assert isinstance(state, Recorded)
    assert 0 <= state.external_minutes <= state.minutes <= minutes_between(FIRST, LAST)
    changes = [fact for fact in history if isinstance(fact, UsageCorrected)]
    assert RECORDED.minutes + sum(fact.minutes - fact.minutes_before for fact in changes) == state.minutes


def test_no_record_is_no_record() -> None:
    assert usage.fold([]) == Unrecorded()
