"""Tokens, keys, versions and addresses that are missing, malformed, forged or somebody else's."""

import base64
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from deploy.local.house import House
from shared.http.local_issuer import LocalIssuer
from tests.bad_input.door import Door, Target, assert_problem, targets

TARGETS = list(targets())
GUARDED = [next(t for t in TARGETS if t.context == context and not t.is_public) for context in
           ("registry", "issuance", "contracts", "redemption", "appraisal")]  # fmt: skip


def _named(target: Target) -> str:
    return f"{target.context}-{target.name}"


def _claims(house: House, **changed: Any) -> dict[str, Any]:
    now = house.now()
    claims = {
        "iss": house.settings.token_issuer,
        "aud": house.settings.token_audience,
        "sub": "user-1",
        "role": "officer",
        "jti": "tok-1",
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(hours=1)).timestamp()),
    }
    return {name: value for name, value in (claims | changed).items() if value is not None}


def _signed(house: House, headers: dict[str, Any] | None = None, **changed: Any) -> str:
    issuer = LocalIssuer(house.settings)
    return jwt.encode(
        _claims(house, **changed),
        issuer._key,
        algorithm="ES256",
        headers={"typ": "at+jwt", "kid": issuer._kid} | (headers or {}),
    )


def _part(content: dict[str, Any]) -> str:
    return _base64(json.dumps(content).encode())


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _unsigned(house: House) -> str:
    return (
        f"{_part({'alg': 'none', 'typ': 'at+jwt', 'kid': LocalIssuer(house.settings)._kid})}.{_part(_claims(house))}."
    )


def _tampered(house: House) -> str:
    head, _, signature = _signed(house, role="claimant").split(".")
    return f"{head}.{_part(_claims(house, role='officer'))}.{signature}"


def _by_a_stranger(house: House) -> str:
    headers = {"typ": "at+jwt", "kid": LocalIssuer(house.settings)._kid}
    return jwt.encode(_claims(house), generate_private_key(SECP256R1()), algorithm="ES256", headers=headers)


def _public_key_as_secret(house: House) -> str:
    issuer = LocalIssuer(house.settings)
    pem = issuer._key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    # By hand, because the library refuses to sign such a thing.
    content = f"{_part({'alg': 'HS256', 'typ': 'at+jwt', 'kid': issuer._kid})}.{_part(_claims(house))}"
    return f"{content}.{_base64(hmac.digest(pem, content.encode(), 'sha256'))}"


def _expired(house: House) -> str:
    return _signed(house, exp=int((house.now() - timedelta(seconds=1)).timestamp()))


FORGED: dict[str, Callable[[House], str]] = {
    "no token at all": lambda _: "rubbish",
    "alg none": _unsigned,
    "tampered": _tampered,
    "signed by a stranger": _by_a_stranger,
    "the public key used as a secret": _public_key_as_secret,
    "for another audience": lambda house: _signed(house, aud="another"),
    "by another issuer": lambda house: _signed(house, iss="https://elsewhere.invalid"),
    "not valid yet": lambda house: _signed(house, nbf=int((house.now() + timedelta(hours=1)).timestamp())),
    "without an end": lambda house: _signed(house, exp=None),
    "of another type": lambda house: _signed(house, {"typ": "JWT"}),
    "that names its own key": lambda house: _signed(house, {"jku": "https://elsewhere.invalid/keys"}),
    "of an unknown key": lambda house: _signed(house, {"kid": "../../etc/passwd"}),
    "of a role that does not exist": lambda house: _signed(house, role="emperor"),
}


async def test_the_tokens_are_refused_for_what_is_wrong_with_them_and_nothing_else(door: Door) -> None:
    officers = next(target for target in TARGETS if target.name == "listPeriodPlans")
    answer = await door.knock(officers, headers={"Authorization": f"Bearer {_signed(door.house)}"})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("target", GUARDED, ids=_named)
@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
async def test_a_token_that_is_not_ours_opens_nothing(
    door: Door, target: Target, forge: Callable[[House], str]
) -> None:
    for english in (False, True):
        headers = {"Authorization": f"Bearer {forge(door.house)}"}
        assert_problem(
            await door.knock(target, headers=headers, english=english), 401, "token-invalid", english=english
        )


@pytest.mark.parametrize("target", GUARDED, ids=_named)
async def test_an_expired_token_says_so(door: Door, target: Target) -> None:
    answer = await door.knock(target, headers={"Authorization": f"Bearer {_expired(door.house)}"})
    assert_problem(answer, 401, "token-expired")


@pytest.mark.parametrize("target", [t for t in TARGETS if t.route.rules.idempotent], ids=_named)
async def test_a_command_needs_a_key_of_the_right_form(door: Door, target: Target) -> None:
    media = "application/json" if target.takes_json else "multipart/form-data; boundary=b"
    headers = {"Content-Type": media}
    for key, code in ((None, "required"), ("", "required"), ("short", "malformed"), ("k" * 129, "malformed"),
                      ("spaces are not allowed", "malformed"), ("'; DROP TABLE events;--", "malformed")):  # fmt: skip
        answer = await door.knock(target, content=b"{}", headers=headers | {"Idempotency-Key": key})
        assert_problem(answer, 400, f"idempotency-key-{code}")


@pytest.mark.parametrize("target", [t for t in TARGETS if t.route.rules.if_match], ids=_named)
async def test_a_change_needs_the_version_it_was_decided_on(door: Door, target: Target) -> None:
    content = b"{}" if target.takes_json else None
    assert_problem(await door.knock(target, content=content, headers={"If-Match": None}), 428, "precondition-required")
    for version in ("1", "*", 'W/"1"', '"-1"', '"one"', '"1", "2"', '"9999999999"'):
        assert_problem(await door.knock(target, content=content, headers={"If-Match": version}), 400, "etag-malformed")


@pytest.mark.parametrize("target", [t for t in TARGETS if "{" in t.route.path and t.method == "GET"], ids=_named)
async def test_an_id_that_nothing_has_or_that_is_none_is_no_mistake_of_ours(door: Door, target: Target) -> None:
    for wrong in ("x", "'", "%00", "%ff", "..%2f..%2fetc%2fpasswd", "9" * 400, "%F0%9F%98%80", "prd_" + "A" * 26):
        path = target.path.rpartition("_01jq8v5x")[0].rpartition("/")[0] or "/v1/claims/by-key"
        rest = target.path[len(path) + 1 :].partition("/")[2]
        url = f"{door.house.urls[target.context]}{path}/{wrong}{'/' + rest if rest else ''}"
        token = door.house.token(min(target.allowed or {"officer"}), "user-nobody", "clm_01jq8v5x0000000000000000zz")
        answer = await door.client.get(url, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code in {200, 400, 404, 422}, f"{url}: {answer.status_code} {answer.text}"
        if answer.status_code != 200:
            assert_problem(answer, answer.status_code, answer.json()["code"])


@pytest.mark.parametrize("target", [t for t in TARGETS if t.is_paged and "{" not in t.route.path], ids=_named)
async def test_a_list_is_asked_for_in_order_or_not_at_all(door: Door, target: Target) -> None:
    token = door.house.token(min(target.allowed or {"officer"}), "user-nobody", "clm_01jq8v5x0000000000000000zz")
    for query in ("limit=0", "limit=1e3", f"limit={'9' * 50}", "min_position=-1", "min_position=x", "cursor=rubbish"):
        url = f"{door.house.urls[target.context]}{target.path}?{'&'.join([query, *target.needed])}"
        answer = await door.client.get(url, headers={"Authorization": f"Bearer {token}"})
        code = "cursor-malformed" if query.startswith("cursor") else "invalid"
        assert_problem(answer, 400 if code == "cursor-malformed" else 422, code)
