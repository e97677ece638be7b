"""The field centres of faq 5: their names, their days, and who acts for them."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from services.registry.domain.field_centre import AppointFieldCentre, field_centre
from services.registry.field_centres import FILE, field_centre_on, field_centres
from shared.events.registry.laboratories import FieldCentreAppointed
from shared.measures.document import RuleFileError
from tests.specification import Specification
from tests.unit.registry.facts import TODAY
from tests.unit.registry.institutions import FCT

spec = Specification(field_centre)
APPOINT = AppointFieldCentre(field_centre_id=FCT, principal="centre-1", appointed_by="officer-1", on=TODAY)
APPOINTED = FieldCentreAppointed(field_centre_id=FCT, principal="centre-1", appointed_by="officer-1", on=TODAY)


def test_the_source_names_six_field_centres() -> None:
    assert [centre.name for centre in field_centres()] == [
        "北京生产力促进中心",
        "北京新材料发展中心",
        "北京科学仪器装备协作服务中心",
        "中关村绿创环境治理产业技术创新战略委员会",
        "北京工业设计促进中心",
        "北京市科学技术委员会农村发展中心",
    ]
    assert {centre.article for centre in field_centres()} == {"faq 5"}


def test_a_field_centre_is_listed_from_its_first_day() -> None:
    first = field_centres()[0]
    assert field_centre_on(first.field_centre_id, date(2019, 12, 31)) is None
    assert field_centre_on(first.field_centre_id, date(2020, 1, 1)) == first
    assert field_centre_on(FCT, TODAY) is None
    over = replace(first, until=TODAY)
    assert (over.is_listed_on(TODAY), over.is_listed_on(date(2026, 11, 24))) == (True, False)


@pytest.mark.parametrize(
    ("good", "wrong"),
    [
        ("name: 北京新材料发展中心", "name: 北京新能源发展中心"),
        ("fct_01dxeayx01fdfaa3n9tp6yhkh5", "fct_short"),
        ("fct_01dxeayx01fdfaa3n9tp6yhkh5", "fct_01dxeayx00fbgb6fbc8b7dp50n"),
        ("from: 2020-01-01, name: 北京新材料发展中心", "name: 北京新材料发展中心"),
    ],
)
def test_a_wrong_list_is_refused_with_its_file(tmp_path: Path, good: str, wrong: str) -> None:
    text = FILE.read_text(encoding="utf-8")
    assert text.count(f"{good}") >= 1
    file = tmp_path / "field_centres.yaml"
    file.write_text(text.replace(good, wrong), encoding="utf-8")
    with pytest.raises(RuleFileError, match=r"field_centres\.yaml"):
        field_centres(file)


def test_the_office_says_who_acts_for_a_centre_and_may_say_it_anew() -> None:
    spec.given().when(APPOINT).then(APPOINTED)
    spec.given(APPOINTED).when(APPOINT).then_nothing()
    spec.given(APPOINTED).when(replace(APPOINT, principal="centre-2")).then(replace(APPOINTED, principal="centre-2"))
