"""A parameter's value changes: two people, a day to come, and never two changes ahead at once."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from services.registry.domain.measure_change import (
    Announced,
    ApproveChange,
    InForceThen,
    ProposeChange,
    Proposed,
    Unchanged,
    WithdrawChange,
    Withdrawn,
    measure_change,
    stage_of,
)
from shared.events.registry.measures import MeasureChangeApproved, MeasureChangeProposed, MeasureChangeWithdrawn
from shared.kernel.calendar import start_of
from shared.measures.terms import Unit
from tests.specification import Specification

spec = Specification(measure_change)
TODAY, NEW_YEAR = date(2026, 12, 30), date(2027, 1, 1)
A_DAY, AN_HOUR, A_SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
CAP = InForceThen(pack="beijing-2023", unit=Unit.FEN, value=5_000_000, first_day=date(2023, 10, 1))
PROPOSE = ProposeChange(
    change_id="mch_1", parameter="face_value_max", value=6_000_000, first_day=NEW_YEAR, article="2", quote="6 万元",
    reason_digest="d", replaced=CAP, proposed_by="officer-1", on=TODAY,
)  # fmt: skip
PROPOSED = MeasureChangeProposed(
    change_id="mch_1", parameter="face_value_max", pack="beijing-2023", value=6_000_000, first_day=NEW_YEAR,
    article="2", quote="6 万元", reason_digest="d", proposed_by="officer-1", on=TODAY,
)  # fmt: skip
LAST_MOMENT = start_of(NEW_YEAR) - AN_HOUR
APPROVE = ApproveChange(change_id="mch_1", approved_by="approver-1", on=date(2026, 12, 31), at=LAST_MOMENT)
APPROVED = MeasureChangeApproved(
    change_id="mch_1", parameter="face_value_max", pack="beijing-2023", value=6_000_000, first_day=NEW_YEAR,
    article="2", quote="6 万元", proposed_by="officer-1", approved_by="approver-1", on=date(2026, 12, 31),
)  # fmt: skip
WITHDRAW = WithdrawChange(change_id="mch_1", withdrawn_by="officer-3", on=date(2026, 12, 31), at=LAST_MOMENT)


def withdrawn(*, announced: bool) -> MeasureChangeWithdrawn:
    return MeasureChangeWithdrawn(
        change_id="mch_1", parameter="face_value_max", announced=announced, withdrawn_by="officer-3",
        on=date(2026, 12, 31),
    )  # fmt: skip


def test_a_proposal_names_value_day_words_and_who() -> None:
    spec.given().when(PROPOSE).then(PROPOSED)


def test_another_person_announces_it_an_hour_before_its_day_at_the_latest() -> None:
    assert datetime(2026, 12, 31, 15, 0, tzinfo=UTC) == LAST_MOMENT  # 23:00 in Beijing
    spec.given(PROPOSED).when(APPROVE).then(APPROVED)
    spec.given(PROPOSED).when(replace(APPROVE, at=LAST_MOMENT + A_SECOND)).then_refused("measure-change-too-late")


def test_nobody_announces_the_own_proposal() -> None:
    spec.given(PROPOSED).when(replace(APPROVE, approved_by="officer-1")).then_refused("four-eyes")


def test_a_change_is_never_retroactive_nor_of_today() -> None:
    spec.given().when(replace(PROPOSE, first_day=TODAY + A_DAY)).then(replace(PROPOSED, first_day=TODAY + A_DAY))
    for day in (TODAY, TODAY - A_DAY):
        spec.given().when(replace(PROPOSE, first_day=day)).then_refused("measure-change-not-ahead")


@pytest.mark.parametrize(
    ("unit", "value", "code"),
    [
        (Unit.PERCENT, 100, None),
        (Unit.PERCENT, 101, "measure-value-out-of-bounds"),
        (Unit.PERCENT, True, "measure-value-wrong-unit"),
        (Unit.QUARTER, 4, None),
        (Unit.QUARTER, 5, "measure-value-out-of-bounds"),
        (Unit.QUARTER, 0, "measure-value-out-of-bounds"),
        (Unit.DAYS, 0, "measure-value-out-of-bounds"),
        (Unit.DAYS, 366, None),
        (Unit.DAYS, 367, "measure-value-out-of-bounds"),
        (Unit.SWITCH, True, None),
        (Unit.SWITCH, 1, "measure-value-wrong-unit"),
        (Unit.CODES, ("rnd", "testing"), None),
        (Unit.CODES, ("rnd", "rnd"), "measure-value-out-of-bounds"),
        (Unit.CODES, ("Not a code",), "measure-value-out-of-bounds"),
        (Unit.CODES, 5, "measure-value-wrong-unit"),
        (Unit.FEN, ("rnd",), "measure-value-wrong-unit"),
    ],
)
def test_a_value_is_of_its_unit_and_within_sane_bounds(unit: Unit, value: Any, code: str | None) -> None:
    former: Any = {Unit.SWITCH: False, Unit.CODES: ("rnd",)}.get(unit, 2)
    command = replace(PROPOSE, value=value, replaced=replace(CAP, unit=unit, value=former))
    if code is None:
        spec.given().when(command).then(replace(PROPOSED, value=value))
    else:
        spec.given().when(command).then_refused(code)


def test_an_unknown_parameter_and_a_value_that_changes_nothing_are_refused() -> None:
    spec.given().when(replace(PROPOSE, replaced=None)).then_refused("measure-unknown")
    spec.given().when(replace(PROPOSE, value=CAP.value)).then_refused("measure-change-changes-nothing")
    later = replace(CAP, first_day=NEW_YEAR)
    spec.given().when(replace(PROPOSE, replaced=later)).then_refused("measure-change-on-first-day-of-another")


def test_while_one_change_is_ahead_no_other_is_proposed() -> None:
    other = replace(PROPOSE, change_id="mch_2", first_day=date(2027, 3, 1), value=7_000_000)
    spec.given(PROPOSED).when(other).then_refused("measure-change-pending")
    spec.given(PROPOSED, APPROVED).when(other).then_refused("measure-change-pending")
    fact = replace(PROPOSED, change_id="mch_2", first_day=date(2027, 3, 1), value=7_000_000)
    spec.given(PROPOSED, withdrawn(announced=False)).when(other).then(fact)
    begun = replace(other, on=NEW_YEAR)
    spec.given(PROPOSED, APPROVED).when(begun).then(replace(fact, on=NEW_YEAR))


def test_a_proposal_that_nobody_approved_in_time_is_in_nobodys_way() -> None:
    spec.given(PROPOSED).when(replace(APPROVE, on=NEW_YEAR, at=start_of(NEW_YEAR))).then_refused(
        "measure-change-too-late"
    )
    other = replace(PROPOSE, change_id="mch_2", first_day=date(2027, 3, 1), on=NEW_YEAR)
    fact = replace(PROPOSED, change_id="mch_2", first_day=date(2027, 3, 1), on=NEW_YEAR)
    spec.given(PROPOSED).when(other).then(fact)


def test_a_proposal_and_what_is_announced_can_be_withdrawn_before_the_day() -> None:
    spec.given(PROPOSED).when(WITHDRAW).then(withdrawn(announced=False))
    spec.given(PROPOSED, APPROVED).when(WITHDRAW).then(withdrawn(announced=True))
    late = replace(WITHDRAW, at=LAST_MOMENT + A_SECOND)
    spec.given(PROPOSED, APPROVED).when(late).then_refused("measure-change-too-late")


def test_what_was_withdrawn_or_announced_is_not_approved_again() -> None:
    for history in ((PROPOSED, APPROVED), (PROPOSED, withdrawn(announced=False)), ()):
        spec.given(*history).when(APPROVE).then_refused("measure-change-not-in-this-stage")
    spec.given(PROPOSED, withdrawn(announced=False)).when(WITHDRAW).then_refused("measure-change-not-in-this-stage")
    spec.given(PROPOSED).when(replace(APPROVE, change_id="mch_9")).then_refused("measure-change-not-in-this-stage")


def test_a_change_is_in_force_from_its_first_day_on() -> None:
    announced = Announced(proposal=PROPOSED, approved_by="approver-1", announced_on=TODAY)
    assert [stage_of(announced, day) for day in (NEW_YEAR - A_DAY, NEW_YEAR)] == ["announced", "in_force"]
    gone = Withdrawn(proposal=PROPOSED, withdrawn_by="o", withdrawn_on=TODAY)
    stages = [stage_of(state, NEW_YEAR) for state in (Unchanged(), Proposed(proposal=PROPOSED), gone)]
    assert stages == ["unchanged", "proposed", "withdrawn"]
