"""Logs say what happened, and nothing about persons."""

import json
import subprocess
import sys

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.database import create_engine, create_owner_engine
from shared.telemetry import REDACTED, current_traceparent, is_confidential, links_to, printed, redact

LOGGING = """
import logging, structlog
from shared.settings import Settings
from shared.telemetry import configure_logs
configure_logs(Settings(env="dev"), context="issuance")
log = structlog.get_logger("test")
log.info("claimed", phone="13812345678", note="call 13812345678", voucher="vch_1", body={"legal_name": "X", "n": 1})
logging.getLogger("library").warning("Bearer %s", "abc.def.ghi")
def fail(password):
    raise ValueError("for 91110108MA01A2B3C4")
try:
    fail("hunter2" + "-canary")
except ValueError:
    log.exception("failed")
"""


@pytest.mark.parametrize(
    "text",
    [
        "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ1In0.c2ln",
        "Bearer abc.def",
        "91110108MA01A2B3C4",
        "110101199003078888",
        "11010119900307888X",
        "13812345678",
        "+86 13812345678",
        "postgresql://cxq:hunter2@127.0.0.1/cxq",
    ],
)
def test_what_may_be_personal_or_secret_is_taken_out_of_texts(text: str) -> None:
    said = redact(f"before {text} after")
    assert text not in said
    assert REDACTED in said
    assert said.startswith("before ")
    assert said.endswith(" after")
    assert "hunter2" not in said


@pytest.mark.parametrize("text", ["vch_01j9zk8q3v5w7x9y1a2b3c4d5e", "5000000", "2026-11-22", "00-" + "a" * 32])
def test_ids_amounts_and_dates_stay(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    "field", ["phone", "contact_phone", "credit_code", "name", "legal_name", "access_token", "Authorization", "email"]
)
def test_fields_about_persons_are_known_by_name(field: str) -> None:
    assert is_confidential(field)
    assert redact({field: "x", "inner": [{field: "x"}]}) == {field: REDACTED, "inner": [{field: REDACTED}]}


@pytest.mark.parametrize("field", ["voucher_id", "amount", "status", "operation", "request_id", "period_id", "kind"])
def test_fields_of_the_trade_are_not(field: str) -> None:
    assert not is_confidential(field)


def test_a_log_outside_a_terminal_is_json_and_redacted_whoever_writes_it() -> None:
    run = subprocess.run([sys.executable, "-c", LOGGING], capture_output=True, text=True, check=True, timeout=60)  # noqa: S603
    claimed, library, failed = (json.loads(line) for line in run.stderr.splitlines())
    assert claimed["event"] == "claimed"
    assert (claimed["level"], claimed["service"], claimed["voucher"]) == ("info", "issuance", "vch_1")
    assert claimed["phone"] == REDACTED
    assert claimed["note"] == f"call {REDACTED}"
    assert claimed["body"] == {"legal_name": REDACTED, "n": 1}
    assert library["event"] == REDACTED
    assert "ValueError" in failed["exception"]
    assert "91110108MA01A2B3C4" not in run.stderr
    assert "hunter2-canary" not in run.stderr


def test_the_requests_behind_a_batch_are_linked_each_once() -> None:
    first, second = f"00-{'a' * 32}-{'b' * 16}-01", f"00-{'c' * 32}-{'d' * 16}-00"
    links = links_to([first, None, "00-abc", second, first, ""])
    assert [f"{link.context.trace_id:x}" for link in links] == ["a" * 32, "c" * 32]
    assert [f"{link.context.span_id:x}" for link in links] == ["b" * 16, "d" * 16]


def test_the_span_at_work_is_named_as_w3c_writes_it() -> None:
    assert current_traceparent() is None
    with TracerProvider().get_tracer("test").start_as_current_span("a request") as span:
        about = span.get_span_context()
        assert str(current_traceparent())[:-2] == f"00-{about.trace_id:032x}-{about.span_id:016x}-"


def test_a_span_is_printed_without_the_values_of_a_refused_row() -> None:
    code, phone = "91110108MA01A2B3C4", "13812345678"
    refused = f"duplicate key\nDETAIL:  Key (name)=(某公司\n{code}) already exists."
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    request = trace.Link(trace.SpanContext(0xA1, 0xB2, is_remote=True))
    with (
        pytest.raises(ValueError, match="duplicate key"),
        provider.get_tracer("test").start_as_current_span("INSERT", attributes={"caller": phone}, links=[request]),
    ):
        raise ValueError(refused)
    (span,) = kept.get_finished_spans()
    line = printed(span)
    assert "duplicate key" in line
    assert json.loads(line)["context"] == json.loads(span.to_json())["context"]
    assert f"{0xA1:032x}" in line
    assert [secret for secret in (code, phone, "某公司", "DETAIL") if secret in line] == []


def test_of_a_refused_row_the_rule_is_told_and_not_the_values() -> None:
    told = redact(
        'duplicate key value violates unique constraint "claimants_name_key"'
        "\nDETAIL:  Key (name)=(某公司\n\n某人) already exists."
        "\n\nThe above exception was the direct cause of the following exception:\n  File b.py"
        "\nIntegrityError: the same\nDETAIL:  Key (name)=(某公司)\n[SQL: INSERT INTO claimants]"
    )
    assert "某" not in told
    assert "DETAIL" not in told
    for kept in ("claimants_name_key", "File b.py", "[SQL: INSERT INTO claimants]"):
        assert kept in told


async def test_an_error_of_the_database_does_not_quote_what_was_sent() -> None:
    for engine in (create_engine("postgresql://nowhere/x"), create_owner_engine("postgresql://nowhere/x")):
        assert engine.sync_engine.hide_parameters
        await engine.dispose()
