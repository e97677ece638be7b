"""Bearer tokens: JWT access tokens of one issuer, checked by fixed algorithms and by our own clock."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.clock import Clock
from shared.http.compact import ALGORITHMS, Compact, compact
from shared.http.identity import Caller
from shared.http.keys import KeyCache, KeysUnavailableError, PublicKey
from shared.http.problems import ProblemError
from shared.settings import Settings

TOKEN_TYPES = {"at+jwt", "application/at+jwt"}
_KEY_TRICKS = {"jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "zip"}
"""Headers by which a token could name its own key or change what is signed; ours have none of them."""
_TOKEN_BYTES_MAX = 8 * 1024
_KEPT_MAX = 50_000
_KEPT_WHOLE_MAX = 1024
"""Of a longer `Authorization` only the digest is remembered."""
_KEPT_FOR = timedelta(seconds=60)
_REFUSED_FOR = timedelta(seconds=1)
_REFUSED_MAX = 4_096
_SKEW = timedelta(seconds=5)
"""How far the issuer's clock may be ahead of ours; expiry is exact."""


class Verifier:
    """Tells who a bearer token stands for; a verified one is remembered for up to a minute, a refused one a second."""

    def __init__(self, settings: Settings, clock: Clock, keys: KeyCache) -> None:
        self._settings, self._clock, self._keys = settings, clock, keys
        self._kept: OrderedDict[bytes, tuple[Caller, datetime, datetime]] = OrderedDict()
        self._refused: OrderedDict[bytes, tuple[str, Mapping[str, str], datetime, datetime]] = OrderedDict()

    async def caller(self, authorization: str | None) -> Caller:
        """Verify an `Authorization` header; ProblemError `not-authenticated`, `token-invalid` or `token-expired`."""
        given, now = (authorization or "").encode("latin-1", "replace"), self._clock.now()
        known = self.known(given, now)
        if known is not None:
            return known
        refused = self._refused_before(given, now)
        if refused is not None:
            raise refused
        try:
            token, kid, algorithm = _stated(given)
            key = await self._keys.key(kid, algorithm)
            return self._verified(given, token, key, algorithm)
        except KeysUnavailableError as error:
            raise ProblemError("keys-unavailable", headers={"Retry-After": "2"}) from error
        except ProblemError as problem:
            self._remember_refused(given, problem)
            raise

    def known(self, authorization: bytes, now: datetime) -> Caller | None:
        """Tell who calls, if the same header was verified within the last minute and its token holds at an instant."""
        name = _name(authorization)
        kept = self._kept.get(name)
        if kept is None or not kept[1] <= now < kept[2]:
            return None
        self._kept.move_to_end(name)
        return kept[0]

    def at_hand(self, authorization: bytes, now: datetime) -> Caller | None:
        """Tell who calls as `caller` does, but wait for nobody; None where that has to be waited for, or explained."""
        known = self.known(authorization, now)
        if known is not None or self._refused_before(authorization, now) is not None:
            return known
        try:
            token, kid, algorithm = _stated(authorization)
            key = self._keys.at_hand(kid, algorithm)
            return self._verified(authorization, token, key, algorithm) if key is not None else None
        except ProblemError as problem:
            self._remember_refused(authorization, problem)
            return None

    def _verified(self, given: bytes, token: Compact, key: PublicKey | None, algorithm: str) -> Caller:
        """Verify a token, and remember whom it stands for."""
        if key is None or not token.is_signed_by(key, algorithm):
            raise invalid_token()
        caller, expires = self._caller(token)
        now = self._clock.now()
        self._kept[_name(given)] = caller, now, min(expires, now + _KEPT_FOR)
        if len(self._kept) > _KEPT_MAX:
            self._kept.popitem(last=False)
        return caller

    def _remember_refused(self, given: bytes, problem: ProblemError) -> None:
        now = self._clock.now()
        self._refused[_name(given)] = problem.code, problem.headers, now, now + _REFUSED_FOR
        if len(self._refused) > _REFUSED_MAX:
            self._refused.popitem(last=False)

    def _refused_before(self, given: bytes, now: datetime) -> ProblemError | None:
        """Give what was said of a header a moment ago: on its way a request is looked at more than once."""
        refused = self._refused.get(_name(given))
        if refused is None or not refused[2] <= now < refused[3]:
            return None
        return ProblemError(refused[0], headers=refused[1])

    def _caller(self, token: Compact) -> tuple[Caller, datetime]:
        now = self._clock.now()
        try:
            claims = token.claims()
            self._check_issuer(claims)
            expires = _instant(claims["exp"])
            begins = [_instant(claims[name]) for name in ("nbf", "iat") if name in claims]
            caller = Caller.of_claims(claims)
        except (KeyError, ValueError, OverflowError, OSError) as error:
            raise invalid_token() from error
        if expires <= now:
            raise invalid_token("token-expired", "the token has expired")
        if any(begin > now + _SKEW for begin in begins):
            raise invalid_token(description="the token is not valid yet")
        return caller, expires

    def _check_issuer(self, claims: Mapping[str, Any]) -> None:
        """ValueError unless our issuer made the token, and made it for us."""
        audience = claims.get("aud")
        if claims.get("iss") != self._settings.token_issuer:
            raise ValueError("iss")
        if self._settings.token_audience not in (audience if isinstance(audience, list) else [audience]):
            raise ValueError("aud")


def _bearer(authorization: bytes) -> bytes:
    """Read the token out of an `Authorization` header; empty when it holds none."""
    scheme, _, token = authorization.strip().partition(b" ")
    return token.strip() if scheme.lower() == b"bearer" else b""


def _stated(authorization: bytes) -> tuple[Compact, str, str]:
    """Take the token of a header apart: with it go the key and the algorithm that it says it is signed by."""
    given = _bearer(authorization)
    if not given:
        raise ProblemError("not-authenticated", headers={"WWW-Authenticate": 'Bearer realm="cxq"'})
    if len(given) > _TOKEN_BYTES_MAX:
        raise invalid_token()
    try:
        token = compact(given)
    except ValueError as error:
        raise invalid_token() from error
    header = token.header
    algorithm, kid, typ = header.get("alg"), header.get("kid"), header.get("typ")
    if (
        algorithm not in ALGORITHMS
        or not isinstance(kid, str)
        or not isinstance(typ, str)
        or typ.lower() not in TOKEN_TYPES
        or not _KEY_TRICKS.isdisjoint(header)
    ):
        raise invalid_token()
    return token, kid, algorithm


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
