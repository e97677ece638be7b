"""Signed tokens in their compact form (RFC 7515), taken apart once and in one way only."""

import binascii
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from jwt import get_algorithm_by_name

from shared.http.keys import PublicKey

ALGORITHMS = ("RS256", "ES256")
_VERIFIERS = {name: get_algorithm_by_name(name) for name in ALGORITHMS}
_PARTS = 3
_TO_BASE64 = bytes.maketrans(b"-_", b"+/")
_FROM_BASE64 = bytes.maketrans(b"+/", b"-_")
_object = msgspec.json.Decoder(dict[str, Any])


class Compact(NamedTuple):
    """A token that says of itself how it is signed; nothing in it is believed before `is_signed_by` holds."""

    header: Mapping[str, Any]
    content: bytes
    signed: bytes
    signature: bytes

    def is_signed_by(self, key: PublicKey, algorithm: str) -> bool:
        """Tell whether a key has signed it by an algorithm out of `ALGORITHMS`; the key has to be one of that kind."""
        return _VERIFIERS[algorithm].verify(self.signed, key, self.signature)

    def claims(self) -> Mapping[str, Any]:
        """Read what it says; ValueError when that is no JSON object."""
        return _read(self.content)


def compact(token: bytes) -> Compact:
    """Take a token apart; ValueError for anything but three parts of base64url, each spelt in the one right way."""
    parts = token.split(b".")
    if len(parts) != _PARTS:
        raise ValueError("a signed token has three parts")
    header, content, signature = (_decoded(part) for part in parts)
    return Compact(_read(header), content, token.rpartition(b".")[0], signature)


def _decoded(part: bytes) -> bytes:
    content = binascii.a2b_base64(part.translate(_TO_BASE64) + b"==")
    if binascii.b2a_base64(content, newline=False).translate(_FROM_BASE64).rstrip(b"=") != part:
        raise ValueError("there is another way to spell this")  # signs of another alphabet, or bits that mean nothing
    return content


def _read(text: bytes) -> Mapping[str, Any]:
    try:
        return _object.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError("no JSON object") from error
