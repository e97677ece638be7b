"""A fact names the row it concerns by its fields."""

from dataclasses import dataclass
from datetime import date

from shared.projections.keys import row_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    provider_id: str
    first_day: date


USED = Used(provider_id="prv_1", first_day=date(2026, 3, 2))


def test_one_field_is_a_key_of_one() -> None:
    assert row_of("provider_id")(USED) == (("prv_1",),)


def test_a_key_of_several_may_take_a_part_of_a_field() -> None:
    assert row_of("provider_id", "first_day.year")(USED) == (("prv_1", 2026),)
