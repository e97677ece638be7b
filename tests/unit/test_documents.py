"""What is written for people leads where it says: links, headings, files."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from services.cli import app
from services.commands.environment import load_context
from services.crosschecks import CROSS_CHECKS
from shared.auditing import checks
from shared.settings import CONTEXTS, Settings

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("bench/*.md")])
EXAMPLE = ("GET", "/v1/measures/face_value_max")
"""An operation whose path is told with a value in it."""
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CHECKED = re.compile(r"^\| ((?:[A-Z]\d+(?:, )?)+) \|", re.MULTILINE)
_FILE = re.compile(r"`((?:services|shared|deploy|tests|bench|docs)/[\w./-]+)`")


def _prose(page: Path) -> str:
    return _FENCED.sub("", page.read_text(encoding="utf-8"))


def _anchors(page: Path) -> set[str]:
    """Name a page's headings as a reader of Markdown on the web links to them."""
    headings = re.findall(r"^#+ +(.+)$", _prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _missing(page: Path) -> Iterator[str]:
    for link in _LINK.findall(_prose(page)):
        path, _, anchor = unquote(link).partition("#")
        if re.match(r"\w+:", path):
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            yield link
    yield from (named for named in _FILE.findall(_prose(page)) if not (ROOT / named).exists())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_leads_to_what_there_is(page: Path) -> None:
    assert list(_missing(page)) == []


def test_every_decision_is_in_the_list_of_decisions_in_its_order() -> None:
    folder = ROOT / "docs" / "adr"
    listed = re.findall(r"^\| \[\d+\]\(([^)]+)\)", (folder / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert listed == sorted(page.name for page in folder.glob("0*.md"))


def test_every_page_is_led_to_from_the_first_one() -> None:
    reached, ahead = set[Path](), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page in reached or page.suffix != ".md" or not page.is_file():
            continue
        reached.add(page)
        ahead += [(page.parent / link.partition("#")[0]).resolve() for link in _LINK.findall(_prose(page))]
    assert set(PAGES) <= reached


def test_whatever_a_page_names_of_the_interfaces_is_there() -> None:
    told = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    interfaces = [_json(document) for document in (ROOT / "docs" / "api").glob("*.json")]
    operations = {
        (method.upper(), _nameless(path))
        for interface in interfaces
        for path, methods in interface["paths"].items()
        for method in methods
    }
    types = {name for interface in interfaces for name in interface["components"]["schemas"]}
    types |= {_json(schema)["title"] for schema in (ROOT / "docs" / "events" / "schemas").glob("*.json")}
    asked = {(method, _nameless(path)) for method, path in re.findall(r"`(GET|POST|PUT|DELETE) (/v1/[\w/{}.-]+)", told)}
    assert sorted(asked - operations - {EXAMPLE}) == []
    assert sorted(set(re.findall(r"`([A-Z][a-z]+[A-Z]\w+)`", told)) - types) == []


def test_whatever_a_page_tells_to_run_is_there() -> None:
    told = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    commands = {str(each.name) for each in app.registered_groups}
    for each in app.registered_commands:
        commands.add(each.name or str(getattr(each.callback, "__name__", "")).replace("_", "-"))
    assert sorted(set(re.findall(r"`make ([a-z-]+)", told)) - targets) == []
    assert sorted(set(re.findall(r"`cxq ([a-z-]+)", told)) - commands) == []


def test_every_check_of_the_audit_is_listed_once_and_no_other(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8")
    listed = [name for names in re.findall(_CHECKED, page) for name in names.split(", ")]
    assert len(listed) == len(set(listed))
    settings = Settings(env="dev", state_dir=tmp_path)
    contexts = [load_context(name) for name in CONTEXTS]
    checked = {check.id for context in contexts for check in checks(settings, context)} | {c.id for c in CROSS_CHECKS}
    assert checked == set(listed)


def _json(document: Path) -> Any:
    return json.loads(document.read_text(encoding="utf-8"))


def _nameless(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)
