"""A provider's year is the sum of its facts, in whatever order they come."""

from datetime import date
from typing import Any

from hypothesis import given as for_all
from hypothesis import strategies as st

from services.appraisal.app import CONTEXT, create_app
from services.appraisal.projections.service_records import service_records
from shared.http.application import catalogue_of
from shared.kernel.money import yuan
from shared.projections.projection import Rows
from shared.settings import Settings
from tests.standing import recorded
from tests.unit.appraisal.facts import completed, registered

DAYS = st.sampled_from([date(2025, 12, 31), date(2026, 1, 1), date(2026, 11, 23)])
PROVIDERS, CLAIMANTS = st.sampled_from(["prv_1", "prv_2"]), st.sampled_from(["clm_1", "clm_2", "clm_3"])
FACTS = st.one_of(
    st.builds(registered, PROVIDERS, CLAIMANTS, DAYS),
    st.builds(completed, PROVIDERS, CLAIMANTS, st.integers(1, 10**10), DAYS),
)


def folded(facts: list[Any]) -> Rows:
    rows: Rows = {}
    service_records.fold(rows, [recorded(number, fact) for number, fact in enumerate(facts, start=1)])
    return rows


def test_a_year_adds_up_contracts_and_amounts() -> None:
    day = date(2026, 3, 2)
    facts = [
        registered("prv_1", "clm_1", day),
        registered("prv_1", "clm_2", day),
        completed("prv_1", "clm_1", yuan(80_000), day),
    ]
    assert folded(facts) == {
        ("prv_1", 2026): {
            "provider_id": "prv_1",
            "year": 2026,
            "contracts_registered": 2,
            "contracts_completed": 1,
            "actual_amount": yuan(80_000),
        }
    }


def test_a_fact_counts_in_the_year_it_was_recorded_in() -> None:
    rows = folded([registered("prv_1", "clm_1", date(2025, 12, 31)), registered("prv_1", "clm_2", date(2026, 1, 1))])
    assert sorted(key[1] for key in rows) == [2025, 2026]


@for_all(st.lists(FACTS, max_size=12).flatmap(lambda facts: st.tuples(st.just(facts), st.permutations(facts))))
def test_the_order_of_facts_changes_nothing(both: tuple[list[Any], list[Any]]) -> None:
    as_happened, as_delivered = both
    assert folded(as_happened) == folded(as_delivered)


@for_all(st.lists(FACTS, max_size=12))
def test_nothing_is_lost_and_nothing_invented(facts: list[Any]) -> None:
    rows = [row for row in folded(facts).values() if row is not None]
    assert sum(row["actual_amount"] for row in rows) == sum(getattr(fact, "actual_amount", 0) for fact in facts)


def test_the_service_starts_with_a_policy_for_every_operation_and_explains_its_reasons() -> None:
    assert create_app(Settings(env="dev")).title == CONTEXT.title
    assert {"year-not-begun", "round-of-year-exists", "round-not-in-this-stage", "four-eyes"} <= set(
        catalogue_of(CONTEXT)
    )
