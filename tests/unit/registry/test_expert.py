"""Experts: enrolled once, with all their employers, their fields, a load and the days they are away."""

from dataclasses import replace
from datetime import date, timedelta

from services.registry.domain.expert import ChangeAbsences, ChangeProfile, EnrolExpert, expert
from shared.events.registry.experts import Absence, ExpertAbsencesChanged, ExpertEnrolled, ExpertProfileChanged
from tests.specification import Specification

spec = Specification(expert)
TODAY, A_DAY = date(2026, 11, 23), timedelta(days=1)
ENROLLED = ExpertEnrolled(expert_id="exp_1", principal="zhou", employer_id="prv_1", on=TODAY)
CHANGE = ChangeProfile(employers=("prv_2", "prv_1", "prv_2"), fields=("new_materials",), load_max=2, on=TODAY)
CHANGED = ExpertProfileChanged(
    expert_id="exp_1", employers=("prv_1", "prv_2"), fields=("new_materials",), load_max=2, on=TODAY
)
WEEK = Absence(first_day=TODAY + A_DAY, last_day=TODAY + 7 * A_DAY)
AWAY = ChangeAbsences(absences=(WEEK,), on=TODAY)
GONE = ExpertAbsencesChanged(expert_id="exp_1", absences=(WEEK,), on=TODAY)


def test_an_expert_is_enrolled_once_and_changed_only_then() -> None:
    enrol = EnrolExpert(expert_id="exp_1", principal="zhou", employer_id="prv_1", on=TODAY)
    spec.given().when(enrol).then(ENROLLED)
    spec.given(ENROLLED).when(enrol).then_refused("expert-already-enrolled")
    for command in (CHANGE, AWAY):
        spec.given().when(command).then_refused("expert-not-enrolled")


def test_what_is_the_same_changes_nothing() -> None:
    spec.given(ENROLLED).when(CHANGE).then(CHANGED)
    spec.given(ENROLLED, CHANGED).when(CHANGE).then_nothing()
    same = ChangeProfile(employers=("prv_1",), fields=(), load_max=None, on=TODAY)
    spec.given(ENROLLED).when(same).then_nothing()
    spec.given(ENROLLED, CHANGED, GONE).when(AWAY).then_nothing()


def test_absences_are_of_days_to_come_in_order_and_apart() -> None:
    spec.given(ENROLLED).when(AWAY).then(GONE)
    later = Absence(first_day=WEEK.last_day + A_DAY, last_day=WEEK.last_day + A_DAY)
    both = replace(GONE, absences=(WEEK, later))
    spec.given(ENROLLED).when(replace(AWAY, absences=(later, WEEK))).then(both)
    touching = replace(later, first_day=WEEK.last_day)
    spec.given(ENROLLED).when(replace(AWAY, absences=(WEEK, touching))).then_refused("absences-overlap")
    reversed_ = Absence(first_day=TODAY + 2 * A_DAY, last_day=TODAY + A_DAY)
    spec.given(ENROLLED).when(replace(AWAY, absences=(reversed_,))).then_refused("absence-days-reversed")


def test_an_absence_may_have_begun_but_not_be_over() -> None:
    running = Absence(first_day=TODAY - A_DAY, last_day=TODAY)
    spec.given(ENROLLED).when(replace(AWAY, absences=(running,))).then(replace(GONE, absences=(running,)))
    over = Absence(first_day=TODAY - A_DAY, last_day=TODAY - A_DAY)
    spec.given(ENROLLED).when(replace(AWAY, absences=(over,))).then_refused("absence-is-over")


def test_all_absences_can_be_taken_back() -> None:
    spec.given(ENROLLED, GONE).when(replace(AWAY, absences=())).then(replace(GONE, absences=()))
