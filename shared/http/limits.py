"""Limits on what one caller may send: how much at once, and how often."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

JSON_BYTES_MAX = 64 * 1024
FILE_BYTES_MAX = 20 * 1024 * 1024
_FORM_MARGIN = 64 * 1024
"""What the boundaries and the other fields of a form may take beside the file."""
_CALLERS_MAX = 20_000


class BodyTooLargeError(HTTPException):
    """More has arrived than this kind of body may have; `limit` is in bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(413)
        self.limit = limit


def body_limit(content_type: str) -> int:
    """Give the most bytes a body of this type may have: files travel as multipart forms, all else is small."""
    is_form = content_type.strip().lower().startswith("multipart/form-data")
    return FILE_BYTES_MAX + _FORM_MARGIN if is_form else JSON_BYTES_MAX


def limited(receive: Receive, limit: int, declared: str) -> Receive:
    """Stop what arrives beyond `limit` bytes, however it is sent; a declared length that is too large is believed."""
    seen = 0

    async def receive_limited() -> Message:
        nonlocal seen
        if declared.isdecimal() and int(declared) > limit:
            raise BodyTooLargeError(limit)
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > limit:
                raise BodyTooLargeError(limit)
        return message

    return receive_limited


@dataclass(slots=True)
class Allowance:
    """What a caller has left: requests now, seconds until the bucket is full again, seconds to wait if it has to."""

    granted: bool
    limit: int
    remaining: int
    reset_s: int
    retry_s: int

    def headers(self) -> dict[str, str]:
        """Write the `RateLimit` headers, and `Retry-After` for one that has to wait."""
        told = {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_s),
        }
        return told if self.granted else told | {"Retry-After": str(self.retry_s)}

    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """Write the headers of a request that was granted as they go over the wire, without the detour by text."""
        return [
            (b"ratelimit-limit", b"%d" % self.limit),
            (b"ratelimit-remaining", b"%d" % self.remaining),
            (b"ratelimit-reset", b"%d" % self.reset_s),
        ]

    def lines(self) -> str:
        """Write the headers of a request that was granted as the lines they go over the wire in."""
        return (
            f"ratelimit-limit: {self.limit}\r\n"
            f"ratelimit-remaining: {self.remaining}\r\n"
            f"ratelimit-reset: {self.reset_s}\r\n"
        )


class Buckets:
    """A token bucket per caller; memory is bounded, the caller who was away longest is forgotten first."""

    def __init__(self, seconds: Callable[[], float], *, burst: int = 1_000, per_second: float = 200.0) -> None:
        self._seconds, self._burst, self._rate = seconds, burst, per_second
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> Allowance:
        """Take one request from a caller's bucket."""
        levels = self._levels
        now, level = self._level(caller)
        granted = level >= 1
        if granted:
            level -= 1
        levels[caller] = (level, now)
        levels.move_to_end(caller)
        if len(levels) > _CALLERS_MAX:
            levels.popitem(last=False)
        reset_s = ceil((self._burst - level) / self._rate)
        return Allowance(granted, self._burst, int(level), reset_s, 0 if granted else ceil((1 - level) / self._rate))

    def has_one(self, caller: str) -> bool:
        """Tell whether a caller's next request would be granted, and take nothing."""
        return self._level(caller)[1] >= 1

    def _level(self, caller: str) -> tuple[float, float]:
        """Give the present instant, and what a caller's bucket holds at it."""
        now = self._seconds()
        known = self._levels.get(caller)
        if known is None:
            return now, float(self._burst)
        level = known[0] + (now - known[1]) * self._rate
        return now, level if level < self._burst else float(self._burst)
