"""A hook against machines: what has to be done before a request is let in: work, a visit to a judge, or nothing."""

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol
from urllib.parse import urlencode

import httpx
import msgspec
import structlog

from shared.http.language import Language
from shared.http.problems import Catalogue, Detail, ProblemError
from shared.http.seals import Seal
from shared.kernel.ids import new_id
from shared.settings import Settings

CHALLENGE_RESPONSE = "Challenge-Response"
CHALLENGE_PATH = "/v1/challenge"
_PUZZLE_LASTS = timedelta(minutes=10)
_JUDGE_LIMIT_S = 2.0
_VERDICT_BYTES_MAX = 64 * 1024

_log = structlog.get_logger(__name__)

type Kind = Literal["none", "proof-of-work", "outside"]
type Fault = Literal[
    "challenge_missing", "challenge_failed", "challenge_expired", "challenge_spent", "challenge_unavailable"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What has to be done: a `puzzle` with its difficulty, or a visit to the judge with the public `site_key`."""

    kind: Kind
    puzzle: str | None = None
    bits: int | None = None
    site_key: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a response was right; `fault` says why not, `challenge_unavailable` that nobody could judge it.

    A response that is right may be good once only: whoever lets it in keeps `single_use` until `expires_at`, and lets
    nobody else in with the same.
    """

    fault: Fault | None = None
    single_use: str = ""
    expires_at: datetime | None = None


class Challenge(Protocol):
    """What a request has to do before it is let in."""

    def issue(self, now: datetime) -> Task:
        """Say what has to be done."""
        ...

    async def check(self, response: str, *, address: str, now: datetime) -> Verdict:
        """Judge a response, "" for none."""
        ...

    async def close(self) -> None:
        """Let go of what it works with."""
        ...


class NoChallenge:
    """Lets everybody in."""

    def issue(self, now: datetime) -> Task:  # noqa: ARG002 (as every challenge is asked)
        """Ask for nothing."""
        return Task(kind="none")

    async def check(self, response: str, *, address: str, now: datetime) -> Verdict:  # noqa: ARG002 (as above)
        """Find nothing wrong."""
        return Verdict()

    async def close(self) -> None:
        """Hold nothing."""


class _Puzzle(msgspec.Struct, frozen=True, array_like=True):
    """What a puzzle carries under its seal."""

    puzzle_id: str
    bits: int
    expires_at: datetime


class ProofOfWork:
    """Asks for a number that, behind the puzzle, gives a SHA-256 digest with so many leading zero bits.

    The response is `puzzle:number`. Nothing is kept of a puzzle that was issued: it says itself what it is.
    """

    def __init__(self, settings: Settings) -> None:
        self._seal, self._bits = Seal(settings, "proof-of-work"), settings.challenge_bits

    def issue(self, now: datetime) -> Task:
        """Make a puzzle; it has to be solved within ten minutes."""
        expires_at = now + _PUZZLE_LASTS
        puzzle = self._seal.write(_Puzzle(new_id("puz", now), self._bits, expires_at))
        return Task(kind="proof-of-work", puzzle=puzzle, bits=self._bits, expires_at=expires_at)

    async def check(self, response: str, *, address: str, now: datetime) -> Verdict:  # noqa: ARG002 (who works is all one)
        """Judge a number by one digest."""
        if not response:
            return Verdict(fault="challenge_missing")
        puzzle = self._seal.read(response.partition(":")[0], _Puzzle)
        if puzzle is None or leading_zero_bits(response) < puzzle.bits:
            return Verdict(fault="challenge_failed")
        if now >= puzzle.expires_at:
            return Verdict(fault="challenge_expired")
        return Verdict(single_use=puzzle.puzzle_id, expires_at=puzzle.expires_at)

    async def close(self) -> None:
        """Hold nothing."""


class OutsideJudge:
    """Asks a judge elsewhere in the usual form: `secret`, `response` and `remoteip` posted, `success` in the answer.

    Whether a response is used once only is the judge's to see to.
    """

    def __init__(self, settings: Settings) -> None:
        self._url, self._secret, self._site_key = (
            settings.challenge,
            settings.challenge_secret,
            settings.challenge_site_key,
        )
        self._lets_in_unjudged = settings.challenge_when_unreachable == "open"
        self._client: httpx.AsyncClient | None = None

    def issue(self, now: datetime) -> Task:  # noqa: ARG002 (as every challenge is asked)
        """Name the public key under which the judge knows us."""
        return Task(kind="outside", site_key=self._site_key or None)

    async def check(self, response: str, *, address: str, now: datetime) -> Verdict:  # noqa: ARG002 (the judge has a clock)
        """Have the judge look, for two seconds at most; what it cannot tell, `CXQ_CHALLENGE_WHEN_UNREACHABLE` does."""
        if not response:
            return Verdict(fault="challenge_missing")
        try:
            async with asyncio.timeout(_JUDGE_LIMIT_S):
                passed = await self._ask(response, address)
        except (httpx.HTTPError, ValueError, TimeoutError) as error:
            _log.warning("challenge.judge_away", reason=type(error).__name__, let_in=self._lets_in_unjudged)
            return Verdict() if self._lets_in_unjudged else Verdict(fault="challenge_unavailable")
        return Verdict() if passed else Verdict(fault="challenge_failed")

    async def _ask(self, response: str, address: str) -> bool:
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=_JUDGE_LIMIT_S, follow_redirects=False)
        form = {"secret": self._secret.get_secret_value(), "response": response, "remoteip": address}
        content = b""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        async with self._client.stream("POST", self._url, content=urlencode(form), headers=headers) as answer:
            answer.raise_for_status()
            async for part in answer.aiter_bytes():
                content += part
                if len(content) > _VERDICT_BYTES_MAX:
                    raise ValueError("the judge says too much")
        said = msgspec.json.decode(content, type=dict[str, Any])
        return said.get("success") is True

    async def close(self) -> None:
        """Close its connections."""
        if self._client is not None:
            await self._client.aclose()


def challenge_of(settings: Settings) -> Challenge:
    """Choose what `CXQ_CHALLENGE` asks for."""
    match settings.challenge:
        case "none":
            return NoChallenge()
        case "proof-of-work":
            return ProofOfWork(settings)
        case _:
            return OutsideJudge(settings)


def leading_zero_bits(response: str) -> int:
    """Count the zero bits that the SHA-256 digest of a response begins with."""
    return 256 - int.from_bytes(hashlib.sha256(response.encode()).digest()).bit_length()


def challenge_required(fault: Fault, catalogue: Catalogue, language: Language) -> ProblemError:
    """Say that there is something to be done first, what was wrong with the response, and where to get the task.

    Where nobody could judge it, `challenge-unavailable`: the same response may be sent again.
    """
    if fault == "challenge_unavailable":
        return ProblemError("challenge-unavailable", headers={"Retry-After": "2"})
    message = catalogue.validation(fault, language, {}, fault)
    return ProblemError(
        "challenge-required",
        errors=[Detail(pointer=f"header:{CHALLENGE_RESPONSE}", code=fault, message=message)],
        value=CHALLENGE_PATH,
        headers={"Link": f'<{CHALLENGE_PATH}>; rel="challenge"'},
    )
