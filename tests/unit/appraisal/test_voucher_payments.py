"""What was clawed back counts against the year in which it was paid, unless that was a mistake (art. 17)."""

from datetime import date
from typing import Any

import pytest

from services.appraisal.projections.voucher_payments import voucher_payments
from shared.kernel.money import yuan
from shared.projections.projection import PoisonEventError, Rows
from tests.standing import recorded
from tests.unit.appraisal.facts import paid, recovered, reversed_repayment

NEW_YEARS_EVE, NEW_YEAR = date(2026, 12, 31), date(2027, 1, 1)


def folded(*facts: Any) -> dict[str, tuple[int, int, int]]:
    """Give for each redemption its year, what was paid and what has come back."""
    rows: Rows = {}
    voucher_payments.fold(rows, [recorded(number, fact) for number, fact in enumerate(facts, start=1)])
    return {
        row["redemption_id"]: (row["year"], row["paid"], row["recovered"]) for row in rows.values() if row is not None
    }


def test_money_that_comes_back_later_counts_against_the_year_of_its_payment() -> None:
    facts = [
        paid("prv_1", yuan(40_000), NEW_YEARS_EVE),
        paid("prv_1", yuan(30_000), NEW_YEAR, redemption_id="rdm_2"),
        recovered("prv_1", yuan(10_000), NEW_YEAR),
        recovered("prv_1", yuan(5_000), NEW_YEAR),
    ]
    assert folded(*facts) == {"rdm_1": (2026, yuan(40_000), yuan(15_000)), "rdm_2": (2027, yuan(30_000), 0)}


def test_a_repayment_recorded_by_mistake_counts_no_more() -> None:
    back = [paid("prv_1", yuan(40_000), NEW_YEARS_EVE), recovered("prv_1", yuan(40_000), NEW_YEARS_EVE)]
    assert folded(*back)["rdm_1"] == (2026, yuan(40_000), yuan(40_000))
    assert folded(*back, reversed_repayment("prv_1", yuan(40_000), NEW_YEAR))["rdm_1"] == (2026, yuan(40_000), 0)


def test_what_comes_back_of_a_payment_that_was_never_made_stops_the_sums() -> None:
    for fact in (recovered("prv_1", 1, NEW_YEAR), reversed_repayment("prv_1", 1, NEW_YEAR)):
        with pytest.raises(PoisonEventError):
            folded(fact)
