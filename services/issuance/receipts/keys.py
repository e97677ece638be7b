"""The keys of receipts: one signs, and every key that ever signed stays published by an id made of its content."""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from services.issuance.receipts.receipt import encoded
from shared.key_files import kept_key
from shared.settings import Settings

_PEM = re.compile(rb"-----BEGIN (?P<kind>[A-Z ]+)-----.+?-----END (?P=kind)-----", re.DOTALL)
_RAW = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)


class ReceiptKeyMissingError(Exception):
    """No key for receipts is set; only development makes one by itself."""


class ReceiptKeyFileError(Exception):
    """The file with the keys cannot be used; the message says why and never shows a key."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The private key of today."""

    private: Ed25519PrivateKey

    @property
    def key_id(self) -> str:
        """The id of its public half."""
        return thumbprint(self.private.public_key())

    def sign(self, message: bytes) -> bytes:
        """Sign: 64 bytes, always the same for the same message (RFC 8032)."""
        return self.private.sign(message)


@dataclass(frozen=True, slots=True)
class ReceiptKeys:
    """The key that signs, and all that are published: its own public half first, then those of former keys."""

    signing: SigningKey
    published: tuple[Ed25519PublicKey, ...]

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """Write the published keys as a JWK set (RFC 7517, RFC 8037)."""
        return {"keys": [_jwk(key) for key in self.published]}


def receipt_keys(settings: Settings) -> ReceiptKeys:
    """Open the keys of an installation; in development, without a setting, a key is made and kept.

    ReceiptKeyMissingError where there is none, ReceiptKeyFileError where the file is not usable.
    """
    path = settings.receipt_key_file
    if path is not None:
        try:
            return keys_in(path.read_bytes())
        except OSError as error:
            raise ReceiptKeyFileError(f"CXQ_RECEIPT_KEY_FILE cannot be read: {error.strerror}") from error
    if settings.env != "dev":
        raise ReceiptKeyMissingError("set CXQ_RECEIPT_KEY_FILE; only CXQ_ENV=dev makes a key by itself")
    return keys_in(kept_key(settings.state_dir / "keys" / "receipts.pem", Ed25519PrivateKey.generate))


def keys_in(pem: bytes) -> ReceiptKeys:
    """Read a file of keys: the first one is private and signs; the others, private or public, are former ones."""
    blocks = [(match["kind"], match[0]) for match in _PEM.finditer(pem)]
    if not blocks:
        raise ReceiptKeyFileError("the file of receipt keys holds no PEM")
    try:
        keys = [_key(kind, block) for kind, block in blocks]
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ReceiptKeyFileError(f"a key for receipts cannot be read: {type(error).__name__}") from error
    signing = keys[0]
    if not isinstance(signing, Ed25519PrivateKey):
        raise ReceiptKeyFileError("the first key for receipts must be private: it signs")
    publics = [key.public_key() if isinstance(key, Ed25519PrivateKey) else key for key in keys]
    distinct = {thumbprint(key): key for key in publics}
    return ReceiptKeys(SigningKey(signing), tuple(distinct.values()))


def published_in(keys: ReceiptKeys) -> Mapping[str, Ed25519PublicKey]:
    """Give the published keys by their ids."""
    return {thumbprint(key): key for key in keys.published}


def published_keys(document: bytes) -> Mapping[str, Ed25519PublicKey]:
    """Read a JWK set: its Ed25519 keys whose id is made of their content; whatever else it holds is passed over.

    ValueError when it is no JWK set.
    """
    content = json.loads(document)
    listed = content.get("keys") if isinstance(content, dict) else None
    if not isinstance(listed, list):
        raise ValueError("not a JWK set")  # noqa: TRY004 (what was sent is a wrong value)
    keys = (_of_jwk(jwk) for jwk in listed if isinstance(jwk, dict))
    named = {thumbprint(key): key for key in keys if key is not None}
    claimed = {str(jwk.get("kid")) for jwk in listed if isinstance(jwk, dict)}
    return {kid: key for kid, key in named.items() if kid in claimed}


def thumbprint(key: Ed25519PublicKey) -> str:
    """Name a key by its content (RFC 7638, RFC 8037)."""
    members = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": encoded(key.public_bytes(*_RAW))}, separators=(",", ":"))
    return encoded(hashlib.sha256(members.encode()).digest())


def _key(kind: bytes, block: bytes) -> Ed25519PrivateKey | Ed25519PublicKey:
    key: object
    if kind.endswith(b"PRIVATE KEY"):
        key = serialization.load_pem_private_key(block, password=None)
    else:
        key = serialization.load_pem_public_key(block)
    if not isinstance(key, Ed25519PrivateKey | Ed25519PublicKey):
        raise TypeError("not an Ed25519 key")
    return key


def _jwk(key: Ed25519PublicKey) -> dict[str, str]:
    x = encoded(key.public_bytes(*_RAW))
    return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": thumbprint(key), "use": "sig", "alg": "EdDSA"}


def _of_jwk(jwk: dict[str, Any]) -> Ed25519PublicKey | None:
    if (jwk.get("kty"), jwk.get("crv"), jwk.get("use", "sig")) != ("OKP", "Ed25519", "sig"):
        return None
    try:
        return Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(f"{jwk['x']}="))
    except (KeyError, ValueError, TypeError, binascii.Error):
        return None
