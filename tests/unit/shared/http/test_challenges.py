"""What has to be done before a request is let in: work, a visit to an outside judge, or nothing."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import parse_qs

import pytest
import structlog
from pydantic import SecretStr, ValidationError

from shared.http.challenges import Challenge, Verdict, challenge_of, leading_zero_bits
from shared.settings import Settings

NOW = datetime(2026, 3, 1, 1, tzinfo=UTC)
BITS = 8
ADDRESS = "203.0.113.7"


def _settings(challenge: str, **more: Any) -> Settings:
    return Settings(env="dev", challenge=challenge, challenge_bits=BITS, **more)


WORK = challenge_of(_settings("proof-of-work"))


def _puzzle(challenge: Challenge = WORK, now: datetime = NOW) -> str:
    puzzle = challenge.issue(now).puzzle
    assert puzzle is not None
    return puzzle


def _solved(puzzle: str, bits: int = BITS) -> str:
    return next(found for n in count() if leading_zero_bits(found := f"{puzzle}:{n}") >= bits)


async def _judged(response: str, challenge: Challenge = WORK, now: datetime = NOW) -> Verdict:
    return await challenge.check(response, address=ADDRESS, now=now)


async def test_without_a_challenge_everybody_is_let_in() -> None:
    none = challenge_of(_settings("none"))
    assert none.issue(NOW).kind == "none"
    assert await _judged("", none) == Verdict()


def test_zero_bits_are_counted_from_the_front_of_the_digest() -> None:
    # SHA-256("") = e3b0… = 1110 0011…; SHA-256("b") = 3e23… = 0011 1110…
    assert (leading_zero_bits(""), leading_zero_bits("b")) == (0, 2)


async def test_work_that_was_done_is_good_once_until_its_puzzle_expires() -> None:
    task = WORK.issue(NOW)
    assert (task.kind, task.bits, task.expires_at) == ("proof-of-work", BITS, NOW + timedelta(minutes=10))
    verdict = await _judged(_solved(_puzzle()), now=NOW + timedelta(minutes=10) - timedelta(microseconds=1))
    assert verdict.fault is None
    assert verdict.single_use.startswith("puz_")


async def test_the_same_work_has_the_same_name_and_another_puzzle_another_one() -> None:
    first, second = _solved(_puzzle()), _solved(_puzzle())
    names = [(await _judged(response)).single_use for response in (first, first, second)]
    assert names[0] == names[1] != names[2]


async def test_work_comes_too_late_at_the_instant_its_puzzle_expires() -> None:
    verdict = await _judged(_solved(_puzzle()), now=NOW + timedelta(minutes=10))
    assert verdict.fault == "challenge_expired"


async def test_too_little_work_is_none() -> None:
    puzzle = _puzzle()
    idle = next(found for n in count() if leading_zero_bits(found := f"{puzzle}:{n}") == BITS - 1)
    assert (await _judged(idle)).fault == "challenge_failed"


async def test_no_response_is_told_from_a_wrong_one() -> None:
    assert (await _judged("")).fault == "challenge_missing"
    for wrong in ("x", ":", "é", "a:1", "=" * 4096):
        assert (await _judged(wrong)).fault == "challenge_failed", wrong


async def test_a_puzzle_one_has_made_oneself_is_worth_nothing() -> None:
    stranger = challenge_of(_settings("proof-of-work", cursor_secret=SecretStr("a stranger's")))
    assert (await _judged(_solved(_puzzle(stranger)))).fault == "challenge_failed"


async def test_an_easy_puzzle_of_before_is_not_made_harder_nor_a_hard_one_easier() -> None:
    harder = challenge_of(_settings("proof-of-work").model_copy(update={"challenge_bits": BITS + 4}))
    assert (await _judged(_solved(_puzzle()), harder)).fault is None
    hard = _puzzle(harder)
    idle = next(found for n in count() if BITS <= leading_zero_bits(found := f"{hard}:{n}") < BITS + 4)
    assert (await _judged(idle)).fault == "challenge_failed"


class _Judge(BaseHTTPRequestHandler):
    """A judge that lets in who says `human`."""

    asked: list[dict[str, list[str]]]
    says: bytes | None = None
    status = 200

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.asked.append(form)
        passed = b'{"success": true}' if form["response"] == ["human"] else b'{"success": false}'
        body = self.says if self.says is not None else passed
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_said: object) -> None:
        """Keep quiet."""


@contextmanager
def _judge(**more: Any) -> Iterator[tuple[type[_Judge], str]]:
    kind = type("Judge", (_Judge,), {"asked": [], **more})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield kind, f"http://127.0.0.1:{server.server_port}/siteverify"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _outside(url: str, **more: Any) -> Challenge:
    return challenge_of(_settings(url, challenge_secret=SecretStr("canary"), challenge_site_key="site-1", **more))


async def test_an_outside_judge_is_asked_in_the_usual_form() -> None:
    with _judge() as (judge, url):
        challenge = _outside(url)
        assert challenge.issue(NOW).site_key == "site-1"
        verdicts = [await _judged(response, challenge) for response in ("human", "machine", "")]
        await challenge.close()
    assert [verdict.fault for verdict in verdicts] == [None, "challenge_failed", "challenge_missing"]
    assert judge.asked[0] == {"secret": ["canary"], "response": ["human"], "remoteip": [ADDRESS]}
    assert len(judge.asked) == 2


@pytest.mark.parametrize(
    "odd",
    [
        {"status": 500},
        {"status": 302},
        {"says": b"yes"},
        {"says": b"[true]"},
        {"says": b'{"success": ' + b" " * 70_000 + b"true}"},
    ],
    ids=["broken", "elsewhere", "no JSON", "no object", "endless"],
)
async def test_a_judge_that_cannot_be_understood_lets_nobody_in_unless_we_have_said_so(odd: dict[str, Any]) -> None:
    with _judge(**odd) as (_, url):
        for when, fault in (("closed", "challenge_unavailable"), ("open", None)):
            challenge = _outside(url, challenge_when_unreachable=when)
            assert (await _judged("human", challenge)).fault == fault
            await challenge.close()


@pytest.mark.parametrize("says", [b'{"success": "true"}', b'{"success": 1}', b"{}"])
async def test_only_a_plain_yes_of_the_judge_is_one(says: bytes) -> None:
    with _judge(says=says) as (_, url):
        challenge = _outside(url)
        assert (await _judged("human", challenge)).fault == "challenge_failed"
        await challenge.close()


async def test_a_judge_that_is_away_lets_nobody_in_and_no_secret_is_told() -> None:
    with _judge() as (_, url):
        pass
    challenge = _outside(url)
    with structlog.testing.capture_logs() as told:
        assert (await _judged("human", challenge)).fault == "challenge_unavailable"
    await challenge.close()
    assert [line["event"] for line in told] == ["challenge.judge_away"]
    assert "canary" not in repr(told)


@pytest.mark.parametrize("challenge", ["", "captcha", "ftp://judge.test", "https://", "https://judge.test/a b"])
def test_a_challenge_that_does_not_exist_is_refused_at_the_start(challenge: str) -> None:
    with pytest.raises(ValidationError, match="challenge"):
        _settings(challenge, challenge_secret=SecretStr("canary"))


def test_an_outside_judge_needs_our_secret() -> None:
    with pytest.raises(ValidationError, match="CXQ_CHALLENGE_SECRET"):
        _settings("https://judge.test/siteverify")


@pytest.mark.parametrize("bits", [0, 41])
def test_work_is_neither_nothing_nor_endless(bits: int) -> None:
    with pytest.raises(ValidationError, match="challenge_bits"):
        Settings(env="dev", challenge_bits=bits)
