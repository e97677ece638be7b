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
from shared.kernel.money import format_yuan
from shared.measures.reader import Measures
from shared.measures.working_days import load_working_days

MEASURES = Measures.load()
WORKING_DAYS = load_working_days()
EXAMPLES = [
    pytest.param(example, id=f"{file.stem}: {example['name']}")
    for file in sorted((Path(__file__).parent / "examples").glob("*.yaml"))
    for example in yaml.safe_load(file.read_text(encoding="utf-8"))["examples"]
]


def amount(written: object) -> int:
    """Read `50,000.00 元` as fen and leave other numbers as they are; what is written must be what we would print."""
    if isinstance(written, int):
        return written
    fen = int(str(written).removesuffix(" 元").replace(",", "").replace(".", ""))
    assert format_yuan(fen) == written
    return fen


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
    if "parameter" in example:
        check_number(example)
        return
    deadline, expected = deadline_of(example)
    assert deadline == Deadline(expected, provisional=example.get("provisional", False))
    assert business_date(deadline.due_at) == expected + timedelta(days=1)
    if "in_time" in example:
        assert datetime.fromisoformat(example["in_time"]) < deadline.due_at
        assert datetime.fromisoformat(example["in_time"]) + timedelta(microseconds=1) == deadline.due_at
        assert datetime.fromisoformat(example["too_late"]) == deadline.due_at
