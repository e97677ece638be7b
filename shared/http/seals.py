"""Sealed contents: what we have written ourselves, to be carried by others and read again without a look-up."""

import base64
import binascii
import hashlib
import hmac
from typing import Any

import msgspec

from shared.settings import Settings

_SIGNATURE_BYTES = 32


class Seal:
    """Seals contents for one purpose; what was sealed for another one, or by somebody else, cannot be read.

    The key is made of `CXQ_CURSOR_SECRET`, so that every instance reads what any of them has written.
    """

    def __init__(self, settings: Settings, purpose: str) -> None:
        secret = settings.cursor_secret.get_secret_value() or "cxq-development"
        self._key = hashlib.sha256(b"link\x1f" + purpose.encode() + b"\x1f" + secret.encode()).digest()

    def write(self, content: Any) -> str:
        """Seal a content: the same one always gives the same text, of letters, digits, `-` and `_`."""
        payload = msgspec.json.encode(content)
        return base64.urlsafe_b64encode(self._sign(payload) + payload).decode().rstrip("=")

    def read[T](self, text: str, kind: type[T]) -> T | None:
        """Read a content of a kind; None for what is not ours, or has another shape."""
        try:
            raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        except (ValueError, binascii.Error):
            return None
        signature, payload = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._sign(payload)):
            return None
        try:
            return msgspec.json.decode(payload, type=kind)
        except msgspec.DecodeError:  # ours, in the shape of another version
            return None

    def _sign(self, payload: bytes) -> bytes:
        return hmac.digest(self._key, payload, "sha256")
