"""Bearer tokens: whom they stand for, and every way to be turned away."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from shared.http.compact import Compact
from shared.http.identity import Caller
from shared.http.keys import KeyCache, PublicKey, key_source, public_keys
from shared.http.local_issuer import LocalIssuer
from shared.http.policy import Role
from shared.http.problems import ProblemError
from shared.http.tokens import Verifier
from shared.settings import Settings

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())


class Hand:
    """A clock moved by hand, for instants and for seconds."""

    def __init__(self) -> None:
        self.instant = NOON

    def now(self) -> datetime:
        """Give the instant."""
        return self.instant

    def seconds(self) -> float:
        """Give the same as seconds."""
        return self.instant.timestamp()


class Issuer:
    """Keys as an issuer publishes them; it can be unreachable, and counts how often it was asked."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {"rsa": RSA_KEY, "ec": EC_KEY}
        self.asked = 0
        self.reachable = True

    async def read(self) -> bytes:
        """Give the document."""
        self.asked += 1
        if not self.reachable:
            raise OSError("down")
        return json.dumps({"keys": [jwk_of(kid, key) for kid, key in self.keys.items()]}).encode()


def jwk_of(kid: str, key: Any) -> dict[str, Any]:
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"}


def token(
    claims: dict[str, Any] | None = None, *, key: Any = EC_KEY, alg: str = "ES256", header: dict[str, Any] | None = None
) -> str:
    content = {
        "iss": "https://auth.cxq.invalid",
        "aud": "cxq",
        "sub": "user-1",
        "role": "claimant",
        "party": "clm_1",
        "jti": "tok_1",
        "iat": int(NOON.timestamp()),
        "exp": int((NOON + timedelta(hours=1)).timestamp()),
        **(claims or {}),
    }
    stated = {name: value for name, value in content.items() if value is not None}
    return jwt.encode(stated, key, algorithm=alg, headers={"typ": "at+jwt", "kid": "ec", **(header or {})})


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def verifier(hand: Hand, issuer: Issuer) -> Verifier:
    return Verifier(Settings(env="dev"), hand, KeyCache(issuer, hand.seconds))


async def _refused(verifier: Verifier, given: str) -> str:
    with pytest.raises(ProblemError) as refused:
        await verifier.caller(f"Bearer {given}")
    return refused.value.code


@pytest.mark.parametrize(("alg", "kid", "key"), [("ES256", "ec", EC_KEY), ("RS256", "rsa", RSA_KEY)])
async def test_a_good_token_names_its_caller(verifier: Verifier, alg: str, kid: str, key: Any) -> None:
    caller = await verifier.caller("Bearer " + token(key=key, alg=alg, header={"kid": kid}))
    assert caller == Caller(principal="user-1", role=Role.CLAIMANT, party="clm_1", token_id="tok_1")


async def test_a_token_may_be_for_several(verifier: Verifier) -> None:
    assert (await verifier.caller("Bearer " + token({"aud": ["another", "cxq"]}))).principal == "user-1"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.invalid"},
        {"iss": None},
        {"aud": "another"},
        {"aud": None},
        {"aud": []},
        {"aud": ["another"]},
        {"aud": {"cxq": 1}},
        {"exp": None},
        {"exp": "tomorrow"},
        {"exp": True},
        {"exp": 1e300},
        {"nbf": int((NOON + timedelta(minutes=1)).timestamp())},
        {"iat": int((NOON + timedelta(minutes=1)).timestamp())},
        {"sub": None},
        {"sub": ""},
        {"sub": "a\nb"},
        {"jti": None},
        {"role": "emperor"},
        {"role": None},
        {"role": ["claimant"]},
        {"party": 5},
        {"party": "clm 1"},
    ],
)
async def test_a_token_with_a_wrong_claim_is_not_valid(verifier: Verifier, claims: dict[str, Any]) -> None:
    assert await _refused(verifier, token(claims)) == "token-invalid"


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},
        {"typ": None},
        {"kid": "unknown"},
        {"kid": "../../etc/passwd"},
        {"jku": "https://evil.invalid/jwks"},
        {"x5u": "https://evil.invalid/cert"},
        {"jwk": jwk_of("ec", EC_KEY)},
        {"crit": ["exp"]},
    ],
)
async def test_a_token_cannot_choose_its_key_or_its_kind(verifier: Verifier, header: dict[str, Any]) -> None:
    assert await _refused(verifier, token(header=header)) == "token-invalid"


async def test_a_token_cannot_choose_its_algorithm(verifier: Verifier) -> None:
    claims = token().split(".")[1]
    for alg, signature in (("none", ""), ("None", ""), ("HS256", "x")):
        header = base64.urlsafe_b64encode(json.dumps({"alg": alg, "typ": "at+jwt", "kid": "ec"}).encode()).decode()
        assert await _refused(verifier, f"{header.rstrip('=')}.{claims}.{signature}") == "token-invalid"
    assert await _refused(verifier, token(key=RSA_KEY, alg="RS512", header={"kid": "rsa"})) == "token-invalid"
    assert await _refused(verifier, token(key=RSA_KEY, alg="RS256", header={"kid": "ec"})) == "token-invalid"


async def test_a_token_signed_by_another_is_not_valid(verifier: Verifier) -> None:
    assert await _refused(verifier, token(key=OTHER_KEY)) == "token-invalid"


async def test_a_token_expires_to_the_second_even_when_it_is_remembered(verifier: Verifier, hand: Hand) -> None:
    given = token({"exp": int((NOON + timedelta(seconds=10)).timestamp())})
    await verifier.caller(f"Bearer {given}")
    hand.instant = NOON + timedelta(seconds=9)
    await verifier.caller(f"Bearer {given}")
    hand.instant = NOON + timedelta(seconds=10)
    assert await _refused(verifier, given) == "token-expired"


async def test_a_withdrawn_key_is_good_for_ten_minutes_and_a_remembered_token_for_one(
    verifier: Verifier, hand: Hand, issuer: Issuer
) -> None:
    given = token()
    await verifier.caller(f"Bearer {given}")
    issuer.keys = {"rsa": RSA_KEY}
    hand.instant = NOON + timedelta(minutes=9)
    await verifier.caller(f"Bearer {given}")
    hand.instant = NOON + timedelta(minutes=10, seconds=30)
    assert await _refused(verifier, given) == "token-invalid"


@pytest.mark.parametrize("jti", ["tok_1", "t" * 128], ids=["short", "long"])
async def test_a_token_is_known_from_when_it_was_verified_for_a_minute_and_no_longer_than_it_holds(
    verifier: Verifier, hand: Hand, jti: str
) -> None:
    given = f"Bearer {token({'jti': jti, 'exp': int((NOON + timedelta(seconds=90)).timestamp())})}".encode()
    assert verifier.known(given, NOON) is None
    caller = await verifier.caller(given.decode())
    assert verifier.known(given, NOON) == verifier.known(given, NOON + timedelta(seconds=59)) == caller
    assert verifier.known(given, NOON + timedelta(seconds=60)) is None
    assert verifier.known(given, NOON - timedelta(seconds=1)) is None
    assert verifier.known(given[:-1], NOON) is None
    assert verifier.known(given + b"x", NOON) is None
    hand.instant = NOON + timedelta(seconds=60)
    await verifier.caller(given.decode())
    assert verifier.known(given, NOON + timedelta(seconds=89)) == caller
    assert verifier.known(given, NOON + timedelta(seconds=90)) is None


async def test_who_waits_for_nobody_is_told_who_calls_once_the_keys_are_here_and_fresh(
    verifier: Verifier, hand: Hand, issuer: Issuer
) -> None:
    first, second, third = (f"Bearer {token({'jti': f'tok_{number}'})}".encode() for number in range(3))
    assert (verifier.at_hand(first, NOON), issuer.asked) == (None, 0)
    caller = await verifier.caller(first.decode())
    assert verifier.at_hand(first, NOON) is caller
    assert verifier.known(second, NOON) is None
    assert verifier.at_hand(second, NOON) == verifier.known(second, NOON) == await verifier.caller(second.decode())
    hand.instant = NOON + timedelta(minutes=10)
    assert (verifier.at_hand(third, hand.instant), issuer.asked) == (None, 1)
    await verifier.caller(third.decode())
    assert issuer.asked == 2


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("", "not-authenticated"),
        ("Basic dXNlcjpwYXNz", "not-authenticated"),
        ("Bearer nonsense", "token-invalid"),
        (f"Bearer {token(key=OTHER_KEY)}", "token-invalid"),
        (f"Bearer {token({'exp': int(NOON.timestamp())})}", "token-expired"),
        (f"Bearer {token({'aud': 'another'})}", "token-invalid"),
    ],
)
async def test_who_is_refused_is_refused_alike_by_whoever_looks(verifier: Verifier, given: str, code: str) -> None:
    await verifier.caller(f"Bearer {token()}")
    for _ in range(2):
        assert verifier.at_hand(given.encode(), NOON) is None
        with pytest.raises(ProblemError) as refused:
            await verifier.caller(given)
        assert refused.value.code == code
        assert refused.value.headers["WWW-Authenticate"].startswith('Bearer realm="cxq"')


async def test_what_was_refused_is_refused_for_a_second_without_another_look(
    verifier: Verifier, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    await verifier.caller(f"Bearer {token()}")
    looked: list[bytes] = []

    def noted(given: Compact, key: PublicKey, algorithm: str) -> bool:
        looked.append(given.signature)
        return bool(verifies(given, key, algorithm))

    verifies = Compact.is_signed_by
    monkeypatch.setattr(Compact, "is_signed_by", noted)
    forged = token(key=OTHER_KEY)
    for seconds, looks in ((0.0, 1), (0.9, 1), (1.0, 2), (-1.0, 3)):
        hand.instant = NOON + timedelta(seconds=seconds)
        assert await _refused(verifier, forged) == "token-invalid"
        assert verifier.at_hand(f"Bearer {forged}".encode(), hand.instant) is None
        assert len(looked) == looks
    assert await _refused(verifier, forged + "A") == "token-invalid"


async def test_no_more_refused_headers_are_remembered_than_there_is_room_for(
    verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.http.tokens._REFUSED_MAX", 3)
    for number in range(9):
        assert await _refused(verifier, f"nonsense-{number}") == "token-invalid"
    assert len(verifier._refused) == 3


async def test_of_a_long_header_only_a_digest_is_remembered(verifier: Verifier) -> None:
    given = token(header={"more": "x" * 1024})
    await verifier.caller(f"Bearer {given}")
    await verifier.caller("Bearer " + token())
    assert [len(name) == 32 for name in verifier._kept] == [True, False]
    assert verifier.known(f"Bearer {given}".encode(), NOON) is not None
    assert verifier.known(f"Bearer {given}y".encode(), NOON) is None


async def test_an_unknown_key_is_looked_for_every_thirty_seconds_at_most(
    verifier: Verifier, hand: Hand, issuer: Issuer
) -> None:
    await verifier.caller("Bearer " + token())
    for _ in range(50):
        await _refused(verifier, token(header={"kid": "new"}))
    assert issuer.asked == 1
    issuer.keys["new"] = OTHER_KEY
    hand.instant = NOON + timedelta(seconds=31)
    await verifier.caller("Bearer " + token(key=OTHER_KEY, header={"kid": "new"}))
    assert issuer.asked == 2


async def test_known_keys_serve_on_while_the_issuer_is_away(verifier: Verifier, hand: Hand, issuer: Issuer) -> None:
    await verifier.caller("Bearer " + token())
    issuer.reachable = False
    hand.instant = NOON + timedelta(minutes=30)
    assert (await verifier.caller("Bearer " + token())).principal == "user-1"


async def test_without_any_keys_nobody_is_judged(verifier: Verifier, issuer: Issuer) -> None:
    issuer.reachable = False
    assert await _refused(verifier, token()) == "keys-unavailable"


def test_keys_that_are_too_weak_or_of_another_kind_are_passed_over() -> None:
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505 (that it is weak is the point)
    wide = ec.generate_private_key(ec.SECP384R1())
    document = {
        "keys": [
            jwk_of("good", EC_KEY),
            jwk_of("weak", weak),
            jwk_of("wide", wide),
            {"kty": "oct", "k": "c2VjcmV0", "kid": "secret"},
            {**jwk_of("enc", RSA_KEY), "use": "enc"},
            "nonsense",
            {"kty": "EC", "kid": "broken"},
        ]
    }
    assert set(public_keys(json.dumps(document).encode())) == {("good", "ES256")}
    for odd in (b"[]", b"{}", b"5", b'{"keys": 5}', b"{"):
        with pytest.raises(ValueError, match=r"."):
            public_keys(odd)


class _Local:
    def __init__(self, folder: Path, hand: Hand) -> None:
        self.settings = Settings(env="dev", state_dir=folder)
        self.issuer = LocalIssuer(self.settings, hand)


async def test_the_local_issuer_is_believed_and_keeps_its_key(tmp_path: Path, hand: Hand) -> None:
    first, second = _Local(tmp_path, hand), _Local(tmp_path, hand)
    verifier = Verifier(first.settings, hand, KeyCache(key_source(first.settings), hand.seconds))
    for local in (first, second):
        caller = await verifier.caller("bearer " + local.issuer.issue("officer", "li.ming"))
        assert (caller.principal, caller.role, caller.party) == ("li.ming", Role.OFFICER, None)
    key = tmp_path / "keys" / "issuer.pem"
    assert key.stat().st_mode & 0o777 == 0o600
    assert b'"d"' not in (tmp_path / "keys" / "jwks.json").read_bytes()
    with pytest.raises(ValueError, match="emperor"):
        first.issuer.issue("emperor", "li.ming")


def test_the_local_issuer_refuses_to_exist_outside_development(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXQ_APP_PASSWORD", "x")
    monkeypatch.setenv("CXQ_CURSOR_SECRET", "x")
    monkeypatch.setenv("CXQ_JWKS_URL", "https://auth.cxq.invalid/jwks")
    for settings in (
        Settings(env="production", state_dir=tmp_path),
        Settings(env="dev", state_dir=tmp_path),  # a real issuer is configured
    ):
        with pytest.raises(PermissionError):
            LocalIssuer(settings)
    assert not (tmp_path / "keys").exists()
