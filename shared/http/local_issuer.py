"""The development issuer of tokens; it refuses to exist outside `CXQ_ENV=dev`."""

import base64
import hashlib
import json
import os
from datetime import timedelta
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from jwt.algorithms import ECAlgorithm

from shared.clock import Clock, clock_of
from shared.http.keys import local_keys
from shared.http.policy import Role
from shared.kernel.ids import new_id
from shared.key_files import kept_key
from shared.settings import Settings

_LIFETIME = timedelta(hours=12)


class LocalIssuer:
    """Signs access tokens with a key of its own, kept under the state folder and readable by its owner only."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        if settings.env != "dev" or settings.jwks_url:
            raise PermissionError("tokens are issued here only where CXQ_ENV=dev and no CXQ_JWKS_URL is set")
        self._settings, self._clock = settings, clock or clock_of(settings)
        self._key = _own_key(local_keys(settings).with_name("issuer.pem"))
        self._public = ECAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        self._kid = _thumbprint(self._public)
        self._publish(local_keys(settings))

    def issue(self, role: Role | str, principal: str, party: str | None = None, lifetime: timedelta = _LIFETIME) -> str:
        """Sign a token for a principal in a role, acting for `party` if given; it lives by our clock.

        ValueError for a role that does not exist.
        """
        now = self._clock.now()
        claims = {
            "iss": self._settings.token_issuer,
            "aud": self._settings.token_audience,
            "sub": principal,
            "client_id": "cxq-local",
            "role": Role(role).value,
            **({"party": party} if party else {}),
            "jti": new_id("tok", now),
            "iat": int(now.timestamp()),
            "exp": int((now + lifetime).timestamp()),
        }
        return jwt.encode(claims, self._key, algorithm="ES256", headers={"typ": "at+jwt", "kid": self._kid})

    def _publish(self, path: Path) -> None:
        document = json.dumps({"keys": [{**self._public, "kid": self._kid, "use": "sig", "alg": "ES256"}]})
        if not path.exists() or path.read_text() != document:
            replacement = path.with_suffix(f".{os.getpid()}")
            replacement.write_text(document)
            replacement.replace(path)


def _own_key(path: Path) -> EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(kept_key(path, lambda: generate_private_key(SECP256R1())), password=None)
    if not isinstance(key, EllipticCurvePrivateKey):
        raise TypeError(f"{path} holds another kind of key; delete it and start again")
    return key


def _thumbprint(public: dict[str, str]) -> str:
    """Name a key by its content (RFC 7638)."""
    members = json.dumps({name: public[name] for name in ("crv", "kty", "x", "y")}, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(members.encode()).digest()).decode().rstrip("=")
