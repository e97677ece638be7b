"""The catalogue of problems, the two languages, and what is given back of a value."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from shared.http.language import Language, language_of
from shared.http.problems import Catalogue, CatalogueError, Writer, echo
from shared.kernel.refusal import Reason, Refused, refuse

ENTRY = "too-dear:\n  title: {zh: 太贵, en: Too dear}\n  remedy: {zh: 少要, en: Ask for less}\n"


def _catalogue(tmp_path: Path, text: str) -> Catalogue:
    file = tmp_path / "problems.yaml"
    file.write_text(text, encoding="utf-8")
    return Catalogue.load(file)


def _document(catalogue: Catalogue, refused: Refused, language: Language = "zh") -> dict[str, object]:
    writer = Writer(catalogue=catalogue, language=language, instance="/v1/x", trace_id="t")
    document: dict[str, object] = msgspec.json.decode(writer.of_refusal(refused).body)
    return document


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "zh"),
        ("*", "zh"),
        ("en", "en"),
        ("en-US,en;q=0.9", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en;q=0.4, zh;q=0.5", "zh"),
        ("fr, en;q=0.2", "en"),
        ("en;q=0", "zh"),
        ("en;q=nonsense", "zh"),
        (";;;,,,en", "en"),
    ],
)
def test_chinese_is_spoken_unless_english_is_preferred(accepted: str, language: Language) -> None:
    assert language_of(accepted) == language


@pytest.mark.parametrize(
    ("waits", "after"),
    [
        ([], None),
        ([timedelta()], "1"),
        ([timedelta(seconds=2)], "2"),
        ([timedelta(seconds=2.1)], "3"),
        ([timedelta(seconds=9), timedelta(seconds=4)], "9"),
    ],
)
def test_what_passes_by_itself_says_after_how_many_seconds(
    tmp_path: Path, waits: list[timedelta], after: str | None
) -> None:
    patient = ENTRY.replace("too-dear", "too-early") + "  waits: true\n"
    now = datetime(2026, 3, 1, 1, tzinfo=UTC)
    reasons = [Reason(code="too-early", article="12", value=now, limit=now + wait) for wait in waits]
    refused = Refused(Reason(code="too-dear", article="12", value=1, limit=2), *reasons)
    writer = Writer(catalogue=_catalogue(tmp_path, ENTRY + patient), language="en", instance="/v1/x", trace_id="t")
    assert writer.of_refusal(refused).headers.get("Retry-After") == after


@pytest.mark.parametrize(("kind", "status"), [("rule", 422), ("state", 409)])
def test_a_conflict_with_what_happened_is_not_a_rule(tmp_path: Path, kind: str, status: int) -> None:
    refused = Refused(Reason(code="too-dear", article="12", kind=kind))  # type: ignore[arg-type]
    assert _document(_catalogue(tmp_path, ENTRY), refused)["status"] == status


def test_of_several_reasons_each_has_its_rule_and_its_remedy(tmp_path: Path) -> None:
    late = ENTRY.replace("too-dear", "too-late").replace("Ask for less", "Come earlier")
    catalogue = _catalogue(tmp_path, ENTRY + late)
    dear, tardy = Reason(code="too-dear", article="12", value=5), Reason(code="too-late", article="15(1)")
    assert _document(catalogue, Refused(dear, tardy), "en")["errors"] == [
        {
            "pointer": "",
            "code": "too-dear",
            "message": "Too dear",
            "value": 5,
            "rule": {"article": "12"},
            "remedy": "Ask for less",
        },
        {
            "pointer": "",
            "code": "too-late",
            "message": "Too dear",
            "value": None,
            "rule": {"article": "15(1)"},
            "remedy": "Come earlier",
        },
    ]
    alone = _document(catalogue, Refused(dear), "en")
    assert alone["errors"] == [{"pointer": "", "code": "too-dear", "message": "Too dear", "value": 5}]
    assert (alone["rule"], alone["remedy"]) == ({"article": "12"}, "Ask for less")


@pytest.mark.parametrize(
    ("at", "zh", "en"),
    [
        (datetime(2026, 3, 1, 1, tzinfo=UTC), "2026-03-01 09:00:00（北京时间）", "2026-03-01 09:00:00 (Beijing time)"),
        (datetime(9999, 12, 31, 23, tzinfo=UTC), "9999-12-31T23:00:00+00:00", "9999-12-31T23:00:00+00:00"),
        (
            datetime(2026, 12, 31, 16, 0, 0, 1_999, tzinfo=UTC),
            "2027-01-01 00:00:00.001（北京时间）",
            "2027-01-01 00:00:00.001 (Beijing time)",
        ),
    ],
)
def test_an_instant_is_said_as_a_clock_in_beijing_shows_it(tmp_path: Path, at: datetime, zh: str, en: str) -> None:
    said = ENTRY + '  detail: {zh: "现在是 {value}", en: "It is {value}"}\n'
    refused = Refused(Reason(code="too-dear", article="12", value=at))
    assert _document(_catalogue(tmp_path, said), refused)["detail"] == f"现在是 {zh}"
    assert _document(_catalogue(tmp_path, said), refused, "en")["detail"] == f"It is {en}"


def test_a_state_is_called_by_its_word_and_given_back_as_its_code(tmp_path: Path) -> None:
    said = ENTRY + '  detail: {zh: "它{value}", en: "It is {value}"}\n  words: {shut: {zh: 已关, en: closed}}\n'
    for value, sentence in (("shut", "它已关"), ("ajar", "它ajar")):
        document = _document(_catalogue(tmp_path, said), Refused(Reason(code="too-dear", article="12", value=value)))
        assert (document["detail"], document["errors"][0]["value"]) == (sentence, value)  # type: ignore[index]


@pytest.mark.parametrize(("values", "zh", "en"), [(("shut", "ajar"), "已关、ajar", "closed, ajar"), ([], "无", "none")])
def test_each_of_several_is_called_by_its_word(tmp_path: Path, values: object, zh: str, en: str) -> None:
    said = ENTRY + '  detail: {zh: "{value}", en: "{value}"}\n  words: {shut: {zh: 已关, en: closed}}\n'
    refused = Refused(Reason(code="too-dear", article="12", value=values))
    assert _document(_catalogue(tmp_path, said), refused)["detail"] == zh
    assert _document(_catalogue(tmp_path, said), refused, "en")["detail"] == en


def test_a_reason_within_something_points_into_it(tmp_path: Path) -> None:
    refused = Refused(Reason(code="too-dear", article="12", within=(0, "amount")))
    for pointer, told in (('  pointer: "#/classes"\n', "#/classes/0/amount"), ("", "")):
        document = _document(_catalogue(tmp_path, ENTRY + pointer), refused, "en")
        assert document["errors"] == [{"pointer": told, "code": "too-dear", "message": "Too dear", "value": None}]


def test_what_is_allowed_is_listed_without_an_english_or_in_chinese() -> None:
    context = {"expected": "'csv', 'xlsx' or 'ods'"}
    assert Catalogue.load().validation("literal_error", "zh", context, "") == "应为 'csv'、'xlsx'、'ods' 之一"
    assert Catalogue.load().validation("literal_error", "en", context, "") == "Should be 'csv', 'xlsx' or 'ods'"


def test_a_code_nobody_has_described_is_still_answered_under_its_name(tmp_path: Path) -> None:
    document = _document(_catalogue(tmp_path, ENTRY), refuse("unheard-of", article="7"), "en")
    assert (document["code"], document["status"], document["rule"]) == ("unheard-of", 422, {"article": "7"})


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (ENTRY.replace("too-dear", "busy"), "busy is said twice"),
        (ENTRY.replace(", en: Too dear", ""), "too-dear needs its title"),
        (ENTRY + "  remdy: {zh: x, en: x}\n", "remdy"),
        (ENTRY + "  words: {shut: {zh: 已关}}\n", "each of its words"),
        (ENTRY + "  words: [shut]\n", "each of its words"),
        ("too-dear: 5\n", "too-dear may say"),
        ("- list\n", "expected a code"),
    ],
)
def test_a_catalogue_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(CatalogueError, match=complaint):
        _catalogue(tmp_path, text)


def test_a_value_is_given_back_short_and_plain() -> None:
    assert echo("x" * 500) == "x" * 200
    assert echo(date(2026, 3, 2)) == "2026-03-02"
    assert echo(10**40) == str(10**40)
    assert echo({"name": "secret"}) is None
    assert echo(list(range(50))) == list(range(20))


def test_every_problem_of_the_kernel_has_a_remedy_in_both_languages() -> None:
    for entry in Catalogue.load().values():
        assert entry.remedy.keys() == {"zh", "en"}, entry.code
        assert entry.title["en"].isascii(), entry.code
        assert not entry.title["zh"].isascii(), entry.code
