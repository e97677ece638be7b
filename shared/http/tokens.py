"""Bearer tokens: JWT access tokens of one issuer, checked by fixed algorithms and by our own clock."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from jwt.exceptions import PyJWTError

from shared.clock import Clock
from shared.http.identity import Caller
from shared.http.keys import KeyCache, KeysUnavailableError
from shared.http.problems import ProblemError
from shared.settings import Settings

ALGORITHMS = ("RS256", "ES256")
TOKEN_TYPES = {"at+jwt", "application/at+jwt"}
_KEY_TRICKS = {"jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "zip"}
"""Headers by which a token could name its own key or change what is signed; ours have none of them."""
_TOKEN_CHARS_MAX = 8 * 1024
_KEPT_MAX = 50_000
_KEPT_WHOLE_MAX = 1024
"""Of a longer `Authorization` only the digest is remembered."""
_KEPT_FOR = timedelta(seconds=60)
_SKEW = timedelta(seconds=5)
"""How far the issuer's clock may be ahead of ours; expiry is exact."""
_CLAIMS = ["iss", "aud", "exp", "sub", "jti"]


class Verifier:
    """Tells who a bearer token stands for; a verified one is remembered for up to a minute."""

    def __init__(self, settings: Settings, clock: Clock, keys: KeyCache) -> None:
        self._settings, self._clock, self._keys = settings, clock, keys
        self._kept: OrderedDict[bytes, tuple[Caller, datetime, datetime]] = OrderedDict()

    async def caller(self, authorization: str | None) -> Caller:
        """Verify an `Authorization` header; ProblemError `not-authenticated`, `token-invalid` or `token-expired`."""
        given = (authorization or "").encode()
        known = self.known(given, self._clock.now())
        if known is not None:
            return known
        token = _bearer(authorization)
        if not token:
            raise ProblemError("not-authenticated", headers={"WWW-Authenticate": 'Bearer realm="cxq"'})
        claims = await self._verified(token)
        caller, expires = self._caller(claims)
        now = self._clock.now()
        self._kept[_name(given)] = caller, now, min(expires, now + _KEPT_FOR)
        if len(self._kept) > _KEPT_MAX:
            self._kept.popitem(last=False)
        return caller

    def known(self, authorization: bytes, now: datetime) -> Caller | None:
        """Tell who calls, if the same header was verified within the last minute and its token holds at an instant."""
        name = _name(authorization)
        kept = self._kept.get(name)
        if kept is None or not kept[1] <= now < kept[2]:
            return None
        self._kept.move_to_end(name)
        return kept[0]

    async def _verified(self, token: str) -> dict[str, Any]:
        if len(token) > _TOKEN_CHARS_MAX:
            raise invalid_token()
        try:
            header = jwt.get_unverified_header(token)
        except (PyJWTError, ValueError) as error:
            raise invalid_token() from error
        algorithm, kid = header.get("alg"), header.get("kid")
        typ = header.get("typ")
        if (
            algorithm not in ALGORITHMS
            or not isinstance(kid, str)
            or not isinstance(typ, str)
            or typ.lower() not in TOKEN_TYPES
            or not _KEY_TRICKS.isdisjoint(header)
        ):
            raise invalid_token()
        try:
            key = await self._keys.key(kid, algorithm)
        except KeysUnavailableError as error:
            raise ProblemError("keys-unavailable", headers={"Retry-After": "2"}) from error
        if key is None:
            raise invalid_token()
        try:
            return jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                issuer=self._settings.token_issuer,
                audience=self._settings.token_audience,
                # The times are checked below, by our clock: the library knows only the machine's.
                options={"require": _CLAIMS, "verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )
        except (PyJWTError, ValueError, TypeError) as error:
            raise invalid_token() from error

    def _caller(self, claims: Mapping[str, Any]) -> tuple[Caller, datetime]:
        now = self._clock.now()
        try:
            expires = _instant(claims["exp"])
            begins = [_instant(claims[name]) for name in ("nbf", "iat") if name in claims]
            caller = Caller.of_claims(claims)
        except (ValueError, OverflowError, OSError) as error:
            raise invalid_token() from error
        if expires <= now:
            raise invalid_token("token-expired", "the token has expired")
        if any(begin > now + _SKEW for begin in begins):
            raise invalid_token(description="the token is not valid yet")
        return caller, expires


def _bearer(authorization: str | None) -> str:
    """Read the token out of an `Authorization` header; empty when it holds none."""
    scheme, _, token = (authorization or "").strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _name(authorization: bytes) -> bytes:
    """Name a header among those remembered: they are found by a hash of a secret seed, which tells nothing of them."""
    return authorization if len(authorization) <= _KEPT_WHOLE_MAX else hashlib.sha256(authorization).digest()


def invalid_token(code: str = "token-invalid", description: str = "the token is not valid") -> ProblemError:
    """Make the 401 of RFC 6750, which says as little as possible about why."""
    challenge = f'Bearer realm="cxq", error="invalid_token", error_description="{description}"'
    return ProblemError(code, headers={"WWW-Authenticate": challenge})


def _instant(value: object) -> datetime:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("not a NumericDate")  # noqa: TRY004 (a claim of the wrong form is a wrong value)
    return datetime.fromtimestamp(value, UTC)
