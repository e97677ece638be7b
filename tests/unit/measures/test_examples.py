"""The examples of each article, written for lawyers, against the terms and the calendar."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.kernel.calendar import (
    Deadline,
    business_date,
    days_after,
    deadline_on,
    months_after,
    working_days_after,
    years_after,
)
from shared.measures.working_days import load_working_days
from tests.unit.measures.acts import ACTS, MEASURES, amount, banned_until, leaves_after, pays

WORKING_DAYS = load_working_days()
EXAMPLES = [
    pytest.param(example, id=f"{file.stem}: {example['name']}")
    for file in sorted((Path(__file__).parent / "examples").glob("*.yaml"))
    for example in yaml.safe_load(file.read_text(encoding="utf-8"))["examples"]
]


def check_number(example: dict[str, Any]) -> None:
    """Compare a parameter with the nearest numbers on both of its sides."""
    value = MEASURES.citation(example["parameter"], example["date"]).value
    match example:
        case {"is": expected}:
            assert value is expected
        case {"within": within, "beyond": beyond}:
            assert amount(within) == value
            assert amount(beyond) == amount(within) + 1
        case {"enough": enough, "short": short}:
            assert amount(enough) == value
            assert amount(short) == amount(enough) - 1
        case _:
            pytest.fail(f"nothing to check in {example}")


def check_act(example: dict[str, Any]) -> None:
    """Let the decider of an act judge it: allowed, or refused with exactly this code."""
    act = next(iter(example.keys() & ACTS.keys()))
    expected = () if example.get("allowed") else (example["refused"],)
    assert ACTS[act](example[act], example["date"]) == expected


def deadline_of(example: dict[str, Any]) -> tuple[Deadline, date]:
    """Count the period an example speaks of, by the terms of its first day; and the last day it expects."""
    match example:
        case {"claimed_on": day, "register_by": expected}:
            voucher = MEASURES.on(day).voucher
            last_day, roll = days_after(day, voucher.registration_days), voucher.roll_to_working_day
        case {"registered_on": day, "valid_until": expected}:
            voucher = MEASURES.on(day).voucher
            last_day, roll = months_after(day, voucher.validity_months), voucher.roll_to_working_day
        case {"contract_ends_on": day, "apply_by": expected}:
            redemption = MEASURES.on(day).redemption
            last_day, roll = months_after(day, redemption.redemption_application_months), redemption.roll_to_working_day
        case {"redemption_notice_from": day, "ends_on": expected}:
            notice = MEASURES.on(day).redemption.redemption_notice_working_days
            return working_days_after(day, notice, WORKING_DAYS), expected
        case {"appraisal_notice_from": day, "ends_on": expected}:
            notice = MEASURES.on(day).appraisal.appraisal_notice_working_days
            return working_days_after(day, notice, WORKING_DAYS), expected
        case {"founded_on": day, "young_until": expected}:
            age = MEASURES.on(date(2026, 11, 22)).eligibility.age_years_max
            return deadline_on(years_after(day, age), WORKING_DAYS, roll=False), expected
        case _:
            pytest.fail(f"nothing to check in {example}")
    return deadline_on(last_day, WORKING_DAYS, roll=roll), expected


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_of_the_articles_hold(example: dict[str, Any]) -> None:
    match example:
        case {"parameter": _}:
            check_number(example)
        case {"redeem": facts, "date": day, "pays": expected}:
            assert pays(facts, day) == amount(expected)
        case {"banned_on": day, "banned_until": expected}:
            assert banned_until(day) == expected
        case {"exit_requested_on": day, "listed_until": expected}:
            assert leaves_after(day) == expected
        case _ if example.keys() & ACTS.keys():
            check_act(example)
        case _:
            check_deadline(example)


def check_deadline(example: dict[str, Any]) -> None:
    """Count a period, and see that its last instant is in time and the next one too late."""
    deadline, expected = deadline_of(example)
    assert deadline == Deadline(expected, provisional=example.get("provisional", False))
    assert business_date(deadline.due_at) == expected + timedelta(days=1)
    if "in_time" in example:
        assert datetime.fromisoformat(example["in_time"]) < deadline.due_at
        assert datetime.fromisoformat(example["in_time"]) + timedelta(microseconds=1) == deadline.due_at
        assert datetime.fromisoformat(example["too_late"]) == deadline.due_at
