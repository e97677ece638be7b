"""What the commands answer, with which exit code, where no server is needed."""

import asyncio
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import jwt
import pytest
import typer

from services.commands import documents
from services.commands.development import duration
from services.commands.environment import ROOT
from services.commands.problems import CommandProblem, Exit
from services.commands.running import assert_rules_begun
from services.commands.telling import plain_progress
from shared.measures.reader import Measures
from shared.settings import CONTEXTS
from tests.unit.cli.conftest import Cxq

HEAVY = ("fastapi", "sqlalchemy", "aiokafka", "asyncpg", "uvicorn", "alembic")


def broken() -> dict[str, str]:
    raise KeyError("gone")


@pytest.fixture
def development(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert state.is_dir()
    monkeypatch.setenv("CXQ_ENV", "dev")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("15d", timedelta(days=15)),
        ("12h", timedelta(hours=12)),
        ("1d12h30m", timedelta(days=1, hours=12, minutes=30)),
        ("45s", timedelta(seconds=45)),
    ],
)
def test_durations_are_read_as_people_write_them(text: str, expected: timedelta) -> None:
    assert duration(text) == expected


@pytest.mark.parametrize("text", ["", "15", "d", "15x", "-3d", "1d 2h", "1d1d", "9999999d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        duration(text)


@pytest.mark.usefixtures("development")
def test_the_clock_moves_for_everybody_who_asks_afterwards(cxq: Cxq) -> None:
    assert json.loads(cxq("clock", "show", "--json").answer)["offset_seconds"] == 0
    moved = json.loads(cxq("clock", "advance", "15d", "--json").answer)
    assert moved["offset_seconds"] == 15 * 86_400
    assert json.loads(cxq("clock", "show", "--json").answer)["offset_seconds"] == 15 * 86_400
    assert "15 days" in cxq("clock").answer


def test_outside_development_the_clock_cannot_be_moved(cxq: Cxq, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("APP_PASSWORD", "CURSOR_SECRET", "JWKS_URL"):
        monkeypatch.setenv(f"CXQ_{name}", "set")
    outcome = cxq("clock", "advance", "15d")
    assert (outcome.code, outcome.answer) == (4, "")
    assert "CXQ_ENV=dev" in outcome.told


@pytest.mark.usefixtures("development")
def test_a_token_carries_role_principal_and_party(cxq: Cxq) -> None:
    outcome = cxq("token", "claimant", "--principal", "user-1", "--party", "clm_1", "--lifetime", "1h")
    claims = jwt.decode(outcome.answer.strip(), options={"verify_signature": False})
    assert (claims["role"], claims["sub"], claims["party"]) == ("claimant", "user-1", "clm_1")
    assert claims["exp"] - claims["iat"] == 3600
    assert outcome.told == ""


@pytest.mark.usefixtures("development")
def test_a_role_that_does_not_exist_gets_no_token(cxq: Cxq) -> None:
    outcome = cxq("token", "emperor")
    assert outcome.code == 2
    assert "claimant" in outcome.told


def test_a_service_that_does_not_exist_is_answered_with_those_that_do(cxq: Cxq) -> None:
    outcome = cxq("serve", "treasury")
    assert outcome.code == 2
    assert "registry" in outcome.told


def test_without_settings_one_line_says_what_is_missing(cxq: Cxq) -> None:
    outcome = cxq("parked", "issuance")
    assert outcome.code == 4
    assert outcome.told.count("\n") == 1
    assert "CXQ_APP_PASSWORD" in outcome.told
    assert "Traceback" not in outcome.told


@pytest.mark.usefixtures("development")
def test_a_server_that_does_not_answer_is_one_line(cxq: Cxq, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXQ_POSTGRES_URL", "postgresql://postgres@127.0.0.1:1")
    outcome = cxq("migrate", "issuance")
    assert outcome.code == 3
    assert outcome.told.count("\n") == 1
    assert "make run" in outcome.told


@pytest.mark.usefixtures("development")
def test_a_read_model_that_does_not_exist_is_answered_with_those_that_do(cxq: Cxq) -> None:
    outcome = cxq("rebuild", "issuance", "horoscopes")
    assert outcome.code == 2
    assert "voucher_balances" in outcome.told


def test_a_fault_of_ours_is_one_line_and_its_story_is_kept(
    cxq: Cxq, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "openapi_documents", broken)
    outcome = cxq("openapi", "--check")
    assert outcome.code == 70
    assert "Traceback" not in outcome.told
    log = state / "logs" / "cxq.log"
    assert str(log) in outcome.told
    assert "KeyError: 'gone'" in log.read_text()


def test_a_stray_cancellation_is_a_fault_of_ours_too(cxq: Cxq, monkeypatch: pytest.MonkeyPatch) -> None:
    def cancelled() -> dict[str, str]:
        raise asyncio.CancelledError

    monkeypatch.setattr(documents, "openapi_documents", cancelled)
    outcome = cxq("openapi", "--check")
    assert outcome.code == 70
    assert outcome.told.count("\n") == 1


def test_the_story_of_a_fault_is_told_to_whoever_debugs(cxq: Cxq, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXQ_LOG_LEVEL", "debug")
    monkeypatch.setattr(documents, "openapi_documents", broken)
    assert "Traceback" in cxq("openapi", "--check").told


def test_api_documents_that_are_not_what_the_code_says_are_found(
    cxq: Cxq, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "openapi_documents", lambda: {"issuance.json": "{}\n", "registry.json": "{}\n"})
    folder = str(tmp_path / "api")
    assert cxq("openapi", "--check", "--folder", folder).code == 1
    assert cxq("openapi", "--folder", folder).code == 0
    assert cxq("openapi", "--check", "--folder", folder).code == 0
    (tmp_path / "api" / "registry.json").write_text("{ }\n")
    (tmp_path / "api" / "treasury.json").write_text("{}\n")
    outcome = cxq("openapi", "--check", "--folder", folder)
    assert outcome.code == 1
    assert "registry.json, treasury.json" in outcome.told
    cxq("openapi", "--folder", folder)
    assert sorted(file.name for file in (tmp_path / "api").iterdir()) == ["issuance.json", "registry.json"]


def test_every_service_has_its_document_and_no_two_runs_differ() -> None:
    found = documents.openapi_documents()
    assert sorted(found) == sorted(f"{name}.json" for name in CONTEXTS)
    assert all(json.loads(text)["paths"] for text in found.values())
    assert documents.openapi_documents() == found


def test_elsewhere_than_on_a_terminal_progress_is_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    seconds = iter([0.0, 0.5, 1.0, 1.5, 2.0])
    report = plain_progress("Rebuilding", lambda: next(seconds))
    for done in (100, 1_000, 1_500, 2_000):
        report(done, 4_000)
    assert capsys.readouterr().err.splitlines() == [
        "Rebuilding: 1,000 of 4,000 (1,000/s, 3 s left)",
        "Rebuilding: 2,000 of 4,000 (1,000/s, 2 s left)",
    ]


@pytest.mark.parametrize("arguments", ['["--help"]', '["token", "officer"]'])
def test_a_quick_command_loads_nothing_heavy(arguments: str, tmp_path: Path) -> None:
    program = f"""
import sys
from services.cli import main
try:
    main({arguments})
except SystemExit as ended:
    assert ended.code == 0, ended.code
loaded = [name for name in {HEAVY!r} if name in sys.modules]
assert not loaded, loaded
"""
    subprocess.run(  # noqa: S603 (ourselves)
        [sys.executable, "-c", program],
        env={"CXQ_ENV": "dev", "CXQ_STATE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
    )


def test_every_command_says_what_it_does(cxq: Cxq) -> None:
    page = cxq("--help").answer
    for command in (
        "up", "demo", "migrate", "serve", "worker", "audit", "rebuild", "republish", "rehear", "parked", "unpark",
        "token", "openapi", "clock",
    ):  # fmt: skip
        assert f" {command} " in page
        assert cxq(command, "--help").code == 0
    assert "Exit codes" in page


def test_nothing_runs_before_its_rules_begin() -> None:
    rules = Measures.load("faq-2020")
    first_day = rules.life.first_day
    assert_rules_begun(rules, first_day)
    with pytest.raises(CommandProblem, match="the pack faq-2020 is not in force on 20") as problem:
        assert_rules_begun(rules, first_day - timedelta(days=1))
    assert problem.value.exit_code is Exit.MISCONFIGURED


def test_what_is_kept_can_be_read_when_its_rules_have_ended() -> None:
    rules = Measures.load("faq-2020")
    assert rules.life.until is not None
    assert_rules_begun(rules, rules.life.until + timedelta(days=1))
