"""A yearly round: proposed by one officer, opened by another (art. 11, 14(1))."""

from dataclasses import replace
from datetime import date

from services.appraisal.domain.round import OpenRound, ProposeRound, appraisal_round
from shared.events.appraisal import RoundOpened, RoundProposed
from tests.specification import Specification

spec = Specification(appraisal_round)
TODAY = date(2026, 11, 23)
PROPOSE = ProposeRound(
    round_id="rnd_1", year=2026, proposed_by="officer-1", on=TODAY, pack="beijing-2023", pack_digest="d"
)
PROPOSED = RoundProposed(
    round_id="rnd_1", year=2026, proposed_by="officer-1", on=TODAY, pack="beijing-2023", pack_digest="d"
)
OPEN = OpenRound(approved_by="officer-2", on=TODAY)
OPENED = RoundOpened(round_id="rnd_1", year=2026, approved_by="officer-2", on=TODAY)


def test_one_officer_proposes_and_another_opens() -> None:
    spec.given().when(PROPOSE).then(PROPOSED)
    spec.given(PROPOSED).when(OPEN).then(OPENED)


def test_a_year_to_come_has_nothing_to_appraise() -> None:
    spec.given().when(replace(PROPOSE, year=2027)).then_refused("year-not-begun")
    spec.given().when(replace(PROPOSE, year=2027, on=date(2027, 1, 1))).then(
        replace(PROPOSED, year=2027, on=date(2027, 1, 1))
    )


def test_nobody_opens_the_own_proposal() -> None:
    spec.given(PROPOSED).when(replace(OPEN, approved_by="officer-1")).then_refused("four-eyes")


def test_a_round_opens_once_and_never_unproposed() -> None:
    spec.given(PROPOSED, OPENED).when(OPEN).then_refused("round-not-in-this-stage")
    spec.given().when(OPEN).then_refused("round-not-in-this-stage")
    spec.given(PROPOSED).when(PROPOSE).then_refused("round-not-in-this-stage")
