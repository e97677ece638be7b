"""Signed cursors: where the next page begins, in a form only we can write."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from shared.http.problems import ProblemError
from shared.settings import Settings

_SIGNATURE_BYTES = 16
_READ: dict[str, Any] = {"i": int, "s": str, "d": date, "t": datetime, "n": Decimal, "b": bool}


class Cursors:
    """Writes and reads cursors; each is bound to its list (operation, filters and caller) by the signature."""

    def __init__(self, settings: Settings) -> None:
        secret = settings.cursor_secret.get_secret_value() or "cxq-development"
        self._key = hashlib.sha256(b"cursor\x1f" + secret.encode()).digest()

    def write(self, bound_to: str, values: Sequence[object]) -> str:
        """Write the values of the last row's sort key."""
        payload = msgspec.json.encode([[_kind(value), value] for value in values])
        return base64.urlsafe_b64encode(self._sign(bound_to, payload) + payload).decode().rstrip("=")

    def read(self, bound_to: str, cursor: str) -> list[Any]:
        """Read the values; ProblemError `cursor-malformed` when we have not written it for this list."""
        try:
            content = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        except (ValueError, binascii.Error) as error:
            raise ProblemError("cursor-malformed") from error
        signature, payload = content[:_SIGNATURE_BYTES], content[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._sign(bound_to, payload)):
            raise ProblemError("cursor-malformed")
        return [msgspec.convert(value, _READ[kind]) for kind, value in msgspec.json.decode(payload)]

    def _sign(self, bound_to: str, payload: bytes) -> bytes:
        return hmac.digest(self._key, bound_to.encode() + b"\x1f" + payload, "sha256")[:_SIGNATURE_BYTES]


def _kind(value: object) -> str:
    match value:
        case bool():
            return "b"
        case int():
            return "i"
        case str():
            return "s"
        case datetime():
            return "t"
        case date():
            return "d"
        case Decimal():
            return "n"
        case _:
            raise TypeError(f"a list cannot be sorted by {type(value).__name__}")
