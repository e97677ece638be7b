"""Announced changes laid over a pack: from their first day on, the same everywhere, and nothing before it."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import permutations
from pathlib import Path

import pytest
import yaml

from shared.measures.changes import Change, changed
from shared.measures.looking_back import rules_of
from shared.measures.reader import Measures

MEASURES = Measures.load()
A_DAY = timedelta(days=1)
NEW_YEAR, MARCH = date(2027, 1, 1), date(2027, 3, 1)
CAP = Change(
    change_id="mch_1", pack="beijing-2023", parameter="face_value_max", value=6_000_000, first_day=NEW_YEAR,
    article="京科发〔2026〕40号 第2条", quote="单张最高限额调整为 6 万元",
)  # fmt: skip
CAP_AGAIN = replace(CAP, change_id="mch_3", value=7_000_000, first_day=MARCH, quote="7 万元")
KINDS = replace(CAP, change_id="mch_2", parameter="fields", value=("new_materials",), first_day=MARCH, quote="领域")
EXAMPLES = yaml.safe_load((Path(__file__).parent / "announced.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("example", EXAMPLES["examples"], ids=lambda example: example["name"])
def test_the_examples_that_a_lawyer_reads(example: dict[str, object]) -> None:
    rules = MEASURES.with_changes([Change(change_id=f"mch_{n}", pack="beijing-2023", article="2", quote="q", **one)
                                   for n, one in enumerate(EXAMPLES["announced"])])  # fmt: skip
    day = example["date"]
    assert isinstance(day, date)
    assert rules.citation(str(example["parameter"]), day).value == example["is"]
    assert rules.on(day).pack == example["pack"]


def test_a_change_governs_from_its_first_day_on_and_the_former_value_before_it() -> None:
    rules = MEASURES.with_changes([CAP])
    assert [rules.on(day).voucher.face_value_max for day in (NEW_YEAR - A_DAY, NEW_YEAR)] == [5_000_000, 6_000_000]
    assert rules.on(NEW_YEAR).voucher.registration_days == 15
    cited = rules.citation("face_value_max", NEW_YEAR)
    assert (cited.article, cited.quote, cited.value) == (CAP.article, CAP.quote, 6_000_000)


def test_the_name_and_the_digest_tell_of_the_changes_in_force_and_of_no_others() -> None:
    rules = MEASURES.with_changes([CAP, KINDS, CAP_AGAIN])
    days = (NEW_YEAR - A_DAY, NEW_YEAR, MARCH)
    assert [rules.on(day).pack for day in days] == ["beijing-2023", "beijing-2023+1", "beijing-2023+3"]
    assert rules.on(days[0]).digest == MEASURES.digest == MEASURES.on(days[0]).digest
    assert len({rules.on(day).digest for day in days}) == 3
    assert rules.on(NEW_YEAR).digest == MEASURES.with_changes([CAP]).on(NEW_YEAR).digest
    assert rules.on(NEW_YEAR).digest != MEASURES.with_changes([replace(CAP, value=6_000_001)]).on(NEW_YEAR).digest
    assert (rules.name_on(MARCH), rules.digest_on(MARCH)) == (rules.on(MARCH).pack, rules.on(MARCH).digest)


def test_the_order_in_which_changes_are_heard_of_makes_no_difference() -> None:
    told = [MEASURES.with_changes(each).on(MARCH) for each in permutations([CAP, KINDS, CAP_AGAIN])]
    assert all(terms == told[0] for terms in told)
    assert (told[0].voucher.face_value_max, told[0].eligibility.fields) == (7_000_000, ("new_materials",))


def test_every_value_of_a_parameter_is_listed_with_its_days() -> None:
    history = MEASURES.with_changes([CAP_AGAIN, CAP]).history("face_value_max")
    days = [(rule.held.first_day, rule.held.until, rule.held.value) for rule in history]
    assert days == [
        (date(2023, 10, 1), NEW_YEAR - A_DAY, 5_000_000),
        (NEW_YEAR, MARCH - A_DAY, 6_000_000),
        (MARCH, None, 7_000_000),
    ]


def test_a_change_of_what_the_pack_does_not_have_is_not_passed_over() -> None:
    with pytest.raises(LookupError, match="has no 'face_value_min', which mch_1 changes"):
        MEASURES.with_changes([replace(CAP, parameter="face_value_min")])
    with pytest.raises(LookupError):
        MEASURES.with_changes([replace(CAP, first_day=date(2020, 1, 1))])


def test_without_changes_nothing_is_different() -> None:
    assert MEASURES.with_changes([]) == MEASURES


def test_a_case_of_long_ago_is_looked_back_on_under_the_changes_of_its_day() -> None:
    announced = (CAP,)
    share = [rules_of(name, day, announced).on(day).voucher.face_value_max
             for name, day in (("beijing-2023", NEW_YEAR - A_DAY), ("beijing-2023+1", NEW_YEAR))]  # fmt: skip
    assert share == [5_000_000, 6_000_000]


def test_a_change_ends_where_the_value_it_replaces_would_have_ended() -> None:
    first, second = date(2023, 10, 1), date(2027, 1, 1)
    held = MEASURES.parameters["face_value_max"].values[0]
    dated = replace(
        MEASURES.parameters["face_value_max"],
        values=(replace(held, until=second - A_DAY), replace(held, first_day=second, value=8_000_000)),
    )
    summer = replace(CAP, first_day=date(2026, 7, 1))
    found = [(value.first_day, value.until, value.value) for value in changed(dated, summer).values]
    assert found == [
        (first, date(2026, 6, 30), 5_000_000),
        (date(2026, 7, 1), second - A_DAY, 6_000_000),
        (second, None, 8_000_000),
    ]
