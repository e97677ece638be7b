"""Signed links: what somebody may fetch without a token for a few minutes, because we have written it."""

import base64
import binascii
import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Any

import msgspec

from shared.http.problems import ProblemError
from shared.settings import Settings

VALID_FOR = timedelta(minutes=10)
_SIGNATURE_BYTES = 32


class Links:
    """Writes and reads what a link carries; `purpose` keeps the links of one operation from another's."""

    def __init__(self, settings: Settings, purpose: str) -> None:
        secret = settings.cursor_secret.get_secret_value() or "cxq-development"
        self._key = hashlib.sha256(b"link\x1f" + purpose.encode() + b"\x1f" + secret.encode()).digest()

    def write(self, content: Any, until: datetime) -> str:
        """Sign what a link is for, until an instant."""
        payload = msgspec.json.encode([until, content])
        return base64.urlsafe_b64encode(self._sign(payload) + payload).decode().rstrip("=")

    def read[T](self, link: str, now: datetime, kind: type[T]) -> T:
        """Read what a link is for; ProblemError `link-not-valid` when it is over or not ours."""
        try:
            raw = base64.urlsafe_b64decode(link.encode("ascii") + b"=" * (-len(link) % 4))
        except (ValueError, binascii.Error) as error:
            raise ProblemError("link-not-valid") from error
        signature, payload = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._sign(payload)):
            raise ProblemError("link-not-valid")
        until, content = msgspec.json.decode(payload, type=tuple[datetime, msgspec.Raw])
        if now >= until:
            raise ProblemError("link-not-valid")
        return msgspec.json.decode(content, type=kind)

    def _sign(self, payload: bytes) -> bytes:
        return hmac.digest(self._key, payload, "sha256")
