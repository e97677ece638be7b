"""A signed token is taken apart in one way only, and nothing that is spelt in another is one."""

import base64
import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from shared.http.compact import compact

EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)
CLAIMS = {"sub": "user-1", "n": 10**30}


def _part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


HEADER, CONTENT = _part(b'{"alg":"ES256"}'), _part(json.dumps(CLAIMS).encode())


@pytest.mark.parametrize(("key", "algorithm"), [(EC_KEY, "ES256"), (RSA_KEY, "RS256")])
def test_a_token_says_what_it_says_and_who_has_signed_it(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, algorithm: str
) -> None:
    given = jwt.encode(CLAIMS, key, algorithm=algorithm, headers={"kid": "a"}).encode()
    token = compact(given)
    assert token.header == {"alg": algorithm, "kid": "a", "typ": "JWT"}
    assert token.claims() == CLAIMS
    assert token.is_signed_by(key.public_key(), algorithm)
    for number, other in enumerate(("x", "", "xx")):
        changed = token._replace(signed=token.signed[:-1] + other.encode())
        assert not changed.is_signed_by(key.public_key(), algorithm), number
    for signature in (b"", b"\0" * len(token.signature), token.signature[:-1], token.signature + b"\0"):
        assert not token._replace(signature=signature).is_signed_by(key.public_key(), algorithm)


MISSPELT = [
    "",
    "..",
    f"{HEADER}.{CONTENT}",
    f"{HEADER}.{CONTENT}.AAAA.AAAA",
    f"{HEADER}.{CONTENT}.AAA=",  # padded
    f"{HEADER}=.{CONTENT}.AAAA",
    f"{HEADER}.{CONTENT}.AAAAA",  # five letters are no bytes
    f"{HEADER}.{CONTENT}.AB",  # bits that mean nothing
    f"{HEADER}.{CONTENT}.++//",  # the other alphabet
    f"{HEADER}.{CONTENT}.AA!!AA",
    f"{HEADER}.{CONTENT}.AA AA",
    f"{HEADER}.{CONTENT}.AAAA\n",
    f"{HEADER}.{CONTENT}.\xe9\xe9\xe9\xe9",
    f"{_part(b'[]')}.{CONTENT}.AAAA",
    f"{_part(b'null')}.{CONTENT}.AAAA",
    f"{_part(b'{')}.{CONTENT}.AAAA",
    f"{_part(bytes([255]))}.{CONTENT}.AAAA",
    f"{_part(b'{' + bytes([34, 255, 34]) + b':1}')}.{CONTENT}.AAAA",
    f"{_part(b'{' + b'[' * 6000)}.{CONTENT}.AAAA",
    f"{_part(b'{' + bytes([34]) + b'a' + bytes([34]) + b':' + b'[' * 6000)}.{CONTENT}.AAAA",
]


@pytest.mark.parametrize("given", MISSPELT)
def test_what_is_spelt_in_another_way_is_no_token(given: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        compact(given.encode("latin-1"))


@pytest.mark.parametrize("content", [b"[]", b"{", b'"', b'{"exp":NaN}', b'{"exp":1e400}', bytes([255])])
def test_what_is_no_object_says_nothing(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        compact(f"{HEADER}.{_part(content)}.AAAA".encode()).claims()
