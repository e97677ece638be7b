"""A partner's list: read, compared, approved by another person, and in force from a day to come (art. 19)."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from services.registry.domain.mutual_recognition import (
    ApproveEdition,
    Difference,
    DropEdition,
    ProposeEdition,
    differences,
    digest_of_list,
    mutual_list,
    read_institution,
)
from services.registry.domain.row_text import RowFault
from shared.events.registry.recognition import (
    AcceptingInstitution,
    MutualListApproved,
    MutualListDropped,
    MutualListProposed,
)
from tests.integration.registry.bodies import fresh_code
from tests.specification import Specification

spec = Specification(mutual_list)
TODAY, A_DAY = date(2026, 11, 23), timedelta(days=1)
FIRST_DAY = date(2027, 1, 1)
ONE, TWO, THREE = (
    AcceptingInstitution(credit_code=fresh_code("12"), name=f"天津市第{n}研究中心", services="检测") for n in "一二三"
)
LIST = (ONE, TWO)
PROPOSE = ProposeEdition(
    edition_id="med_1", region="tianjin", first_day=FIRST_DAY, institutions=LIST, proposed_by="officer-1", on=TODAY
)
PROPOSED = MutualListProposed(
    edition_id="med_1", region="tianjin", first_day=FIRST_DAY, institutions=2, list_digest=digest_of_list(LIST),
    proposed_by="officer-1", on=TODAY,
)  # fmt: skip
APPROVE = ApproveEdition(edition_id="med_1", institutions=LIST, approved_by="approver-1", on=FIRST_DAY - A_DAY)
APPROVED = MutualListApproved(
    edition_id="med_1", region="tianjin", first_day=FIRST_DAY, institutions=LIST, list_digest=digest_of_list(LIST),
    proposed_by="officer-1", approved_by="approver-1", on=FIRST_DAY - A_DAY,
)  # fmt: skip
NEXT = replace(PROPOSE, edition_id="med_2", first_day=FIRST_DAY + A_DAY)


def test_a_list_is_proposed_by_one_and_approved_by_another_the_day_before_it_begins() -> None:
    spec.given().when(PROPOSE).then(PROPOSED)
    spec.given(PROPOSED).when(APPROVE).then(APPROVED)
    spec.given(PROPOSED).when(replace(APPROVE, approved_by="officer-1")).then_refused("four-eyes")
    spec.given(PROPOSED).when(replace(APPROVE, on=FIRST_DAY)).then_refused("edition-not-ahead")


def test_a_list_never_begins_today_or_before() -> None:
    spec.given().when(replace(PROPOSE, first_day=TODAY)).then_refused("edition-not-ahead")
    spec.given().when(replace(PROPOSE, first_day=TODAY + A_DAY)).then(replace(PROPOSED, first_day=TODAY + A_DAY))


def test_editions_follow_one_another() -> None:
    spec.given(PROPOSED).when(NEXT).then_refused("edition-waits-for-approval")
    again = replace(NEXT, first_day=FIRST_DAY)
    spec.given(PROPOSED, APPROVED).when(again).then_refused("edition-not-after-the-latest")
    fact = replace(PROPOSED, edition_id="med_2", first_day=FIRST_DAY + A_DAY)
    spec.given(PROPOSED, APPROVED).when(NEXT).then(fact)
    late = replace(NEXT, on=FIRST_DAY, first_day=FIRST_DAY + 2 * A_DAY)
    overtaken = replace(fact, on=FIRST_DAY, first_day=FIRST_DAY + 2 * A_DAY)
    spec.given(replace(PROPOSED, first_day=FIRST_DAY - A_DAY)).when(late).then(overtaken)


def test_a_dropped_edition_is_in_nobodys_way_and_is_not_approved() -> None:
    dropped = MutualListDropped(edition_id="med_1", region="tianjin", dropped_by="officer-2", on=TODAY)
    drop = DropEdition(edition_id="med_1", dropped_by="officer-2", on=TODAY)
    spec.given(PROPOSED).when(drop).then(dropped)
    for command in (APPROVE, drop):
        spec.given(PROPOSED, dropped).when(command).then_refused("edition-not-waiting")
    spec.given(PROPOSED, dropped).when(replace(PROPOSE, edition_id="med_2")).then(replace(PROPOSED, edition_id="med_2"))


def test_what_an_edition_changes_is_said_by_credit_code() -> None:
    renamed = replace(ONE, name="天津市改名研究中心")
    told = {each.kind: each for each in differences((ONE, TWO), (renamed, THREE))}
    assert told["changed"] == Difference(kind="changed", before=ONE, after=renamed)
    assert (told["removed"].before, told["added"].after) == (TWO, THREE)
    assert differences(LIST, tuple(reversed(LIST))) == ()
    assert digest_of_list(LIST) == digest_of_list(tuple(reversed(LIST))) != digest_of_list((ONE,))


@pytest.mark.parametrize(
    ("column", "text", "code"),
    [
        ("credit_code", "12120000401200000A", "row-credit-code-invalid"),
        ("name", "一", "row-text-length"),
        ("services", "", "row-lacks-value"),
    ],
)
def test_a_row_that_names_no_institution_says_which_column(column: str, text: str, code: str) -> None:
    cells = {"credit_code": ONE.credit_code.lower(), "name": ONE.name, "services": ONE.services}
    assert read_institution(cells) == ONE
    assert read_institution(cells | {column: text}) == RowFault(code=code, column=column)
