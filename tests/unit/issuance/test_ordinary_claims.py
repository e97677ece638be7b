"""An ordinary claim is read without the framework, as the framework would read it; the same bytes are read once."""

import json

import pytest

from services.issuance.api import ordinary_claims
from services.issuance.api.ordinary_claims import Wanted, ordinary, wanted

PERIOD = "prd_01jq8v5x0000000000000000aa"
BODY = json.dumps({"period_id": PERIOD, "amount": {"amount": 700}}).encode()
HEADERS = [
    (b"host", b"issuance"),
    (b"authorization", b"Bearer x"),
    (b"content-type", b"application/json"),
    (b"idempotency-key", b"a-good-key"),
]


def test_a_body_is_read_with_the_payload_that_its_key_is_held_against() -> None:
    asked = f'["POST","/v1/claims",[]]\n{{"amount":{{"amount":700}},"period_id":"{PERIOD}"}}'
    assert wanted(BODY) == Wanted(PERIOD, 700, asked.encode())
    with_currency = json.dumps({"amount": {"currency": "CNY", "amount": 700}, "period_id": PERIOD}).encode()
    asked = asked.replace("700", '700,"currency":"CNY"')
    assert wanted(with_currency) == Wanted(PERIOD, 700, asked.encode())


def test_the_same_bytes_are_read_once_and_long_ones_are_not_kept() -> None:
    ordinary_claims._known.cache_clear()
    assert wanted(BODY) is wanted(BODY)
    assert wanted(b"{") is wanted(b"{") is None
    long = BODY + b" " * 256
    assert wanted(long) == wanted(long) == wanted(BODY)
    assert ordinary_claims._known.cache_info().currsize == 2


@pytest.mark.parametrize(
    "key", [b"", b"short", b"a" * 129, b"with space", b"a-good-key\n", "schlüssel".encode("latin-1"), b"a-good-key\xff"]
)
def test_a_key_of_another_form_is_not_ordinary(key: bytes) -> None:
    assert ordinary(HEADERS) == dict(HEADERS)
    assert ordinary([*HEADERS[:-1], (b"idempotency-key", key)]) is None


@pytest.mark.parametrize(
    "more",
    [
        (b"expect", b"100-continue"),
        (b"transfer-encoding", b"chunked"),
        (b"content-encoding", b"gzip"),
        (b"accept", b"text/html"),
        (b"host", b"said twice"),
    ],
)
def test_what_changes_an_answer_is_not_ordinary(more: tuple[bytes, bytes]) -> None:
    assert ordinary([*HEADERS, more]) is None


@pytest.mark.parametrize("missing", [b"authorization", b"content-type", b"idempotency-key"])
def test_what_is_missing_is_not_ordinary(missing: bytes) -> None:
    assert ordinary([(name, value) for name, value in HEADERS if name != missing]) is None
