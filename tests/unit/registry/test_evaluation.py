"""A service agency's year is evaluated on the records, by two people, once it is over (faq 5)."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from services.registry.domain.evaluation import (
    ApproveEvaluation,
    HeldDelegation,
    ProposeEvaluation,
    ReportedLaboratory,
    WithdrawEvaluation,
    evaluation,
    figures_of,
)
from shared.events.registry.evaluations import (
    AgencyEvaluated,
    AgencyEvaluationProposed,
    AgencyEvaluationWithdrawn,
    EvaluationFigures,
)
from tests.specification import Specification

spec = Specification(evaluation)
A_DAY = timedelta(days=1)
FIRST, LAST = date(2025, 1, 1), date(2025, 12, 31)
TODAY = date(2026, 1, 1)
FIGURES = EvaluationFigures(
    laboratories_reported=2, laboratories_entered=1, laboratories_catalogued=3, delegations=4, providers=1
)
PROPOSE = ProposeEvaluation(
    agency_id="sag_1", year=2025, was_listed=True, figures=FIGURES, assessment_digest="a", proposed_by="officer-1",
    on=TODAY, pack="beijing-2023", pack_digest="d",
)  # fmt: skip
PROPOSED = AgencyEvaluationProposed(
    agency_id="sag_1", year=2025, figures=FIGURES, assessment_digest="a", proposed_by="officer-1", on=TODAY,
    pack="beijing-2023", pack_digest="d",
)  # fmt: skip
APPROVE = ApproveEvaluation(approved_by="officer-2", on=TODAY)
EVALUATED = AgencyEvaluated(
    agency_id="sag_1", year=2025, figures=FIGURES, assessment_digest="a", proposed_by="officer-1",
    approved_by="officer-2", on=TODAY,
)  # fmt: skip
WITHDRAW = WithdrawEvaluation(withdrawn_by="officer-1", on=TODAY)
WITHDRAWN = AgencyEvaluationWithdrawn(agency_id="sag_1", year=2025, withdrawn_by="officer-1", on=TODAY)


def test_one_officer_evaluates_and_another_approves() -> None:
    spec.given().when(PROPOSE).then(PROPOSED)
    spec.given(PROPOSED).when(APPROVE).then(EVALUATED)
    spec.given(PROPOSED).when(replace(APPROVE, approved_by="officer-1")).then_refused("four-eyes")


def test_a_year_is_evaluated_from_its_end_on() -> None:
    spec.given().when(replace(PROPOSE, on=LAST)).then_refused("evaluation-year-not-over")
    spec.given().when(replace(PROPOSE, year=2026)).then_refused("evaluation-year-not-over")


def test_who_was_not_on_the_list_is_not_evaluated() -> None:
    spec.given().when(replace(PROPOSE, was_listed=False)).then_refused("agency-not-listed-in-year")


def test_a_year_is_evaluated_once_and_a_withdrawn_proposal_may_be_made_anew() -> None:
    spec.given(PROPOSED).when(PROPOSE).then_refused("evaluation-not-in-this-stage")
    spec.given(PROPOSED, EVALUATED).when(PROPOSE).then_refused("evaluation-not-in-this-stage")
    spec.given(PROPOSED, EVALUATED).when(WITHDRAW).then_refused("evaluation-not-in-this-stage")
    spec.given(PROPOSED).when(WITHDRAW).then(WITHDRAWN)
    spec.given(PROPOSED, WITHDRAWN).when(APPROVE).then_refused("evaluation-not-in-this-stage")
    spec.given(PROPOSED, WITHDRAWN).when(PROPOSE).then(PROPOSED)


@pytest.mark.parametrize(
    ("reported_on", "stays", "figures"),
    [
        (FIRST - A_DAY, (), (0, 0, 0)),
        (FIRST, (), (1, 0, 0)),
        (LAST, ((LAST, None),), (1, 1, 1)),
        (LAST, ((LAST + A_DAY, None),), (1, 0, 0)),
        (FIRST - A_DAY, ((FIRST - A_DAY, None),), (0, 0, 1)),
        (FIRST - A_DAY, ((FIRST - A_DAY, LAST),), (0, 0, 0)),
        (FIRST - A_DAY, ((FIRST - A_DAY, LAST + A_DAY),), (0, 0, 1)),
        (FIRST - A_DAY, ((FIRST - A_DAY, FIRST), (LAST, None)), (0, 1, 1)),
    ],
)
def test_laboratories_count_by_their_days(
    reported_on: date, stays: tuple[tuple[date, date | None], ...], figures: tuple[int, int, int]
) -> None:
    found = figures_of(2025, [ReportedLaboratory(reported_on=reported_on, stays=stays)], [])
    assert (found.laboratories_reported, found.laboratories_entered, found.laboratories_catalogued) == figures


@pytest.mark.parametrize(
    ("first_day", "last_day", "ended_on", "counts"),
    [
        (LAST, LAST + A_DAY, None, 1),
        (LAST + A_DAY, LAST + A_DAY, None, 0),
        (FIRST - A_DAY, FIRST, None, 1),
        (FIRST - A_DAY, FIRST - A_DAY, None, 0),
        (FIRST - A_DAY, LAST, FIRST, 0),
        (FIRST - A_DAY, LAST, FIRST + A_DAY, 1),
        (LAST, LAST, LAST, 0),
    ],
)
def test_a_delegation_counts_when_it_was_in_force_on_a_day_of_the_year(
    first_day: date, last_day: date, ended_on: date | None, counts: int
) -> None:
    held = HeldDelegation(provider_id="prv_1", first_day=first_day, last_day=last_day, ended_on=ended_on)
    found = figures_of(2025, [], [held, held])
    assert (found.delegations, found.providers) == (2 * counts, counts)
