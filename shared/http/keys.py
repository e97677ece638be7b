"""The token issuer's public keys, fetched without blocking anybody and kept for a while."""

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import httpx
import structlog
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from shared.settings import Settings

_FRESH_S = 600.0
_UNKNOWN_KID_PAUSE_S = 30.0
_JWKS_BYTES_MAX = 256 * 1024
_RSA_BITS_MIN = 2048
_log = structlog.get_logger(__name__)

type PublicKey = RSAPublicKey | EllipticCurvePublicKey


class KeysUnavailableError(Exception):
    """The issuer's keys have never been seen, so no token can be checked."""


class KeySource(Protocol):
    """Gives the JWKS document of the issuer."""

    async def read(self) -> bytes:
        """Fetch the document; OSError or httpx.HTTPError when it cannot be had."""
        ...


class KeyFile:
    """The local issuer's keys, in development."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def read(self) -> bytes:
        """Read the file."""
        return await asyncio.to_thread(self._path.read_bytes)


class KeyAddress:
    """The keys of a real issuer, at its address; redirects are not followed."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def read(self) -> bytes:
        """Fetch the document, 256 KiB at most, in two seconds."""
        async with (
            httpx.AsyncClient(timeout=2.0, follow_redirects=False) as client,
            client.stream("GET", self._url) as answer,
        ):
            answer.raise_for_status()
            content = b""
            async for part in answer.aiter_bytes():
                content += part
                if len(content) > _JWKS_BYTES_MAX:
                    raise OSError(f"{self._url} answers with more than {_JWKS_BYTES_MAX} bytes")
            return content


def local_keys(settings: Settings) -> Path:
    """Say where the development issuer publishes its keys."""
    return settings.state_dir / "keys" / "jwks.json"


def key_source(settings: Settings) -> KeySource:
    """Choose where the keys come from; only development may go without an address."""
    return KeyAddress(settings.jwks_url) if settings.jwks_url else KeyFile(local_keys(settings))


class KeyCache:
    """The issuer's keys by id.

    They are read again after ten minutes, and for an unknown id at most every thirty seconds; while the issuer cannot
    be reached, the keys known last go on being used.
    """

    def __init__(self, source: KeySource, seconds: Callable[[], float]) -> None:
        self._source, self._seconds = source, seconds
        self._keys: Mapping[tuple[str, str], PublicKey] = {}
        self._read_at: float | None = None
        self._reading = asyncio.Lock()

    async def key(self, kid: str, algorithm: str) -> PublicKey | None:
        """Give the key of this id for this algorithm, or None when the issuer has none; KeysUnavailableError."""
        if self._is_due(_FRESH_S):
            await self._refresh(_FRESH_S)
        if (kid, algorithm) not in self._keys and self._is_due(_UNKNOWN_KID_PAUSE_S):
            await self._refresh(_UNKNOWN_KID_PAUSE_S)
        if not self._keys:
            raise KeysUnavailableError
        return self._keys.get((kid, algorithm))

    def at_hand(self, kid: str, algorithm: str) -> PublicKey | None:
        """Give the key of this id for this algorithm, if it is here and needs not be read again yet."""
        return None if self._is_due(_FRESH_S) else self._keys.get((kid, algorithm))

    def _is_due(self, after_s: float) -> bool:
        if self._read_at is None:
            return True
        return self._seconds() - self._read_at >= (after_s if self._keys else 1.0)

    async def _refresh(self, after_s: float) -> None:
        async with self._reading:
            if not self._is_due(after_s):
                return
            try:
                self._keys = public_keys(await self._source.read())
            except (OSError, httpx.HTTPError, ValueError) as error:
                _log.warning("keys.unavailable", reason=type(error).__name__)
            self._read_at = self._seconds()


def public_keys(document: bytes) -> dict[tuple[str, str], PublicKey]:
    """Read a JWKS document: RSA keys of 2048 bits or more for RS256, P-256 keys for ES256, by (kid, algorithm).

    Whatever else the document holds is passed over; ValueError when it is no JWKS.
    """
    content = json.loads(document)
    listed = content.get("keys") if isinstance(content, dict) else None
    if not isinstance(listed, list):
        raise ValueError("not a JWKS document")  # noqa: TRY004 (what the issuer sent is a wrong value)
    found: dict[tuple[str, str], PublicKey] = {}
    for jwk in listed:
        if isinstance(jwk, dict) and isinstance(jwk.get("kid"), str) and jwk.get("use", "sig") == "sig":
            match _public_key(jwk):
                case RSAPublicKey() as key if key.key_size >= _RSA_BITS_MIN and jwk.get("alg", "RS256") == "RS256":
                    found[jwk["kid"], "RS256"] = key
                case EllipticCurvePublicKey() as key if isinstance(key.curve, SECP256R1):
                    found[jwk["kid"], "ES256"] = key
                case _:
                    continue
    return found


def _public_key(jwk: dict[str, Any]) -> object:
    if jwk.get("kty") not in {"RSA", "EC"}:
        return None
    public = {name: value for name, value in jwk.items() if name not in {"d", "p", "q", "dp", "dq", "qi", "oth"}}
    try:
        return PyJWK(public).key
    except (PyJWTError, ValueError, KeyError, TypeError):
        return None
