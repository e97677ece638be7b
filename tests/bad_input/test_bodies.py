"""Bodies that are not what an operation asks for, sent to every operation that takes one."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from shared.http.limits import JSON_BYTES_MAX
from tests.bad_input.door import Door, Target, assert_problem, targets

TARGETS = [target for target in targets() if target.takes_json]
CLAIM = next(target for target in TARGETS if target.name == "claimVoucher")
PERIOD = next(target for target in TARGETS if target.name == "proposePeriod")

NOT_JSON = {
    "cut short": b'{"a": ',
    "two at once": b"{}{}",
    "not quoted": b"{a: 1}",
    "a comma too many": b'{"a": 1,}',
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "beyond any number": b'{"a": 1e999}',
    "a number of 5,000 digits": b'{"a": ' + b"9" * 5_000 + b"}",
    "a name said twice": b'{"a": 1, "a": 2}',
    "nested without end": b"[" * 30_000 + b"]" * 30_000,
    "broken UTF-8": b'{"a": "\xc3\x28"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "with a byte order mark": b'\xef\xbb\xbf{"a": 1}',
}
WRONG_AMOUNTS: dict[str, Any] = {
    "negative": -1,
    "above all budgets": 10**14,
    "above 64 bits": 10**30,
    "a fraction": 1.5,
    "a text": "100",
    "true": True,
    "nothing": None,
    "a list": [100],
}


def _named(target: Target) -> str:
    return f"{target.context}-{target.name}"


@pytest.mark.parametrize("target", TARGETS, ids=_named)
async def test_what_is_not_json_is_refused_in_both_languages(door: Door, target: Target) -> None:
    for name, content in NOT_JSON.items():
        for english in (False, True):
            answer = await door.knock(target, content=content, english=english)
            assert answer.status_code == 400, f"{name}: {answer.text}"
            assert_problem(answer, 400, "malformed-json", english=english)


@pytest.mark.parametrize("target", TARGETS, ids=_named)
async def test_a_body_that_is_too_large_is_refused_declared_or_not(door: Door, target: Target) -> None:
    async def in_chunks() -> AsyncIterator[bytes]:
        for _ in range(JSON_BYTES_MAX // 1024 + 1):
            yield b" " * 1024

    for content in (b" " * (JSON_BYTES_MAX + 1), in_chunks()):
        assert_problem(await door.knock(target, content=content), 413, "body-too-large")


@pytest.mark.parametrize("target", TARGETS, ids=_named)
async def test_a_field_nobody_knows_is_refused_by_name(door: Door, target: Target) -> None:
    body = await door.example(target) | {"surprise": 1}
    problem = assert_problem(await door.knock(target, content=msgspec.json.encode(body)), 422, "invalid")
    assert [error["code"] for error in problem["errors"] if error["pointer"].endswith("/surprise")] == [
        "extra_forbidden"
    ]


@pytest.mark.parametrize("target", TARGETS, ids=_named)
async def test_every_field_of_a_wrong_type_is_refused_by_name(door: Door, target: Target) -> None:
    example = await door.example(target)
    neither_right: tuple[Any, ...] = ({"wrong": [1]}, [[[]]])
    for field in example:
        for wrong in neither_right:
            answer = await door.knock(target, content=msgspec.json.encode(example | {field: wrong}))
            problem = assert_problem(answer, 422, "invalid")
            assert any(f"/{field}" in error["pointer"] for error in problem["errors"]) or field == "kind", problem


@pytest.mark.parametrize("target", TARGETS, ids=_named)
async def test_a_body_that_is_no_object_is_refused(door: Door, target: Target) -> None:
    for content in (b"[]", b'"text"', b"null", b"1"):
        assert_problem(await door.knock(target, content=content), 422, "invalid")
    assert_problem(await door.knock(target, headers={"Content-Type": "application/json"}), 422, "invalid")
    other = await door.knock(target, content=b"a=1", headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert_problem(other, 415, "media-type-unsupported")


@pytest.mark.parametrize("amount", WRONG_AMOUNTS.values(), ids=WRONG_AMOUNTS)
async def test_money_is_whole_fen_within_reason(door: Door, amount: Any) -> None:
    for target, field in ((CLAIM, "amount"), (PERIOD, "quota")):
        for english in (False, True):
            body = await door.example(target)
            # Written by hand: 10**30 is JSON, though no library of ours would write it.
            content = msgspec.json.encode(body | {field: {"amount": 0}})
            written = str(amount).encode() if type(amount) is int else msgspec.json.encode(amount)
            content = content.replace(b'{"amount":0}', b'{"amount":' + written + b"}")
            problem = assert_problem(
                await door.knock(target, content=content, english=english), 422, "invalid", english=english
            )
            assert [error["pointer"] for error in problem["errors"]] == [f"#/{field}/amount"]


async def test_another_currency_is_refused(door: Door) -> None:
    body = await door.example(CLAIM) | {"amount": {"amount": 100, "currency": "USD"}}
    problem = assert_problem(await door.knock(CLAIM, content=msgspec.json.encode(body)), 422, "invalid")
    assert [error["pointer"] for error in problem["errors"]] == ["#/amount/currency"]


@pytest.mark.parametrize("text", ["a\u0000b", "\u001b[31m", "\ud800"], ids=["NUL", "escape", "half a character"])
async def test_text_that_cannot_be_kept_is_refused(door: Door, text: str) -> None:
    body = await door.example(PERIOD) | {"name": "NAME"}
    content = msgspec.json.encode(body).replace(b"NAME", "".join(f"\\u{ord(sign):04x}" for sign in text).encode())
    problem = assert_problem(await door.knock(PERIOD, content=content), 422, "invalid")
    assert [(error["pointer"], error["code"]) for error in problem["errors"]] == [("#/name", "text_unprintable")]
