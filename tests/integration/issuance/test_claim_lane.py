"""An ordinary claim takes a shorter way to the same answer: both ways write the same bytes under the same key."""

from itertools import count
from typing import Any

import httpx
import pytest

from shared.http.local_issuer import LocalIssuer
from shared.settings import Settings
from tests.integration.issuance.office import Office
from tests.integration.issuance.present import office

__all__ = ["office"]

ROUNDABOUT = {"Accept": "application/json;q=1"}
"""An `Accept` that means the same, spelt so that the claim takes the ordinary way."""
_OWN = {"x-request-id", "ratelimit-remaining", "ratelimit-reset", "content-length"}
_KEYS = count(1)


class Caller:
    """A company that claims over HTTP, by either way."""

    def __init__(self, client: httpx.AsyncClient, settings: Settings, claimant_id: str) -> None:
        self._client = client
        token = LocalIssuer(settings).issue("claimant", f"user-of-{claimant_id}", claimant_id)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    async def claim(self, body: bytes, *, key: str = "", roundabout: bool = False, **more: str) -> httpx.Response:
        """Claim."""
        headers = self._headers | {"Idempotency-Key": key or f"lane-key-{next(_KEYS)}"} | more
        return await self._client.post("/v1/claims", content=body, headers=headers | (ROUNDABOUT if roundabout else {}))


@pytest.fixture
async def company(client: httpx.AsyncClient, settings: Settings, office: Office) -> Caller:
    return Caller(client, settings, await office.register())


def _told(answer: httpx.Response) -> tuple[int, dict[str, str], bytes]:
    headers = {name: value for name, value in answer.headers.items() if name not in _OWN}
    return answer.status_code, headers, answer.content


@pytest.mark.parametrize("roundabout_first", [False, True])
async def test_the_other_way_gives_the_same_key_the_same_answer(
    company: Caller, office: Office, *, roundabout_first: bool
) -> None:
    period_id = await office.open_period()
    body = f'{{"amount": {{"currency": "CNY", "amount": 700}}, "period_id": "{period_id}"}}'.encode()
    key = f"both-ways-{roundabout_first}"
    first = await company.claim(body, key=key, roundabout=roundabout_first)
    again = await company.claim(body, key=key, roundabout=not roundabout_first)
    assert (first.status_code, again.status_code) == (201, 201), (first.text, again.text)
    status, headers, content = _told(again)
    assert headers.pop("idempotency-replayed") == "true"
    assert (status, headers, content) == _told(first)


@pytest.mark.parametrize(
    "amount", ["0", "5000001", "20000001"], ids=["nothing", "above the cap", "above cap and allowance"]
)
async def test_a_refusal_reads_the_same_on_both_ways(company: Caller, office: Office, amount: str) -> None:
    period_id = await office.open_period()
    body = f'{{"period_id":"{period_id}","amount":{{"amount":{amount}}}}}'.encode()
    answers = [await company.claim(body, roundabout=way, **{"X-Request-Id": "same-request"}) for way in (False, True)]
    assert answers[0].status_code == 422
    assert _told(answers[0]) == _told(answers[1])


@pytest.mark.parametrize("language", ["en", "zh-CN, en;q=0.5"])
async def test_a_sold_out_period_is_told_alike_in_the_callers_language(
    company: Caller, office: Office, language: str
) -> None:
    period_id = await office.open_period(quota=100)
    body = f'{{"period_id":"{period_id}","amount":{{"amount":200}}}}'.encode()
    told: dict[str, Any] = {"X-Request-Id": "same-request", "Accept-Language": language}
    answers = [await company.claim(body, roundabout=way, **told) for way in (False, True)]
    assert answers[0].status_code == 409
    assert _told(answers[0]) == _told(answers[1])


BROKEN = [
    b"",
    b"{",
    b"[]",
    b'{"period_id":"%s"}',
    b'{"period_id":"%s","amount":{"amount":1.5}}',
    b'{"period_id":"%s","amount":{"amount":1.0}}',
    b'{"period_id":"%s","amount":{"amount":1e2}}',
    b'{"period_id":"%s","amount":{"amount":true}}',
    b'{"period_id":"%s","amount":{"amount":"100"}}',
    b'{"period_id":"%s","amount":{"amount":-1}}',
    b'{"period_id":"%s","amount":{"amount":10000000000001}}',
    b'{"period_id":"%s","amount":{"amount":100,"currency":"USD"}}',
    b'{"period_id":"%s","amount":{"amount":100},"more":1}',
    b'{"period_id":"%s","amount":{"amount":100,"amount":200}}',
    b'{"period_id":"%s","period_id":"%s","amount":{"amount":100}}',
    b'{"period_id":"%s","amount":{"\\u0061mount":100}}',
    b'{"period_id":"prd_none","amount":{"amount":100}}',
    b'{"period_id":"prd_01jq8v5x0000000000000000zz","amount":{"amount":100}}',
    b'{"period_id":"%s","amount":{"amount":NaN}}',
    b'\xef\xbb\xbf{"period_id":"%s","amount":{"amount":100}}',
    b'{"period_id":"%s\x00","amount":{"amount":100}}',
    b'{"period_id":"%s","amount":{"amount":100}} trailing',
    b'{"period_id":"\xff","amount":{"amount":100}}',
    b'{"period_id":"%s","amount":{"amount":100,"currency":"\xc3\x28"}}',
    b'{"per\xff":1}',
]


@pytest.mark.parametrize("body", BROKEN)
async def test_what_is_not_an_ordinary_claim_is_told_the_same_as_ever(
    company: Caller, office: Office, body: bytes
) -> None:
    body = body.replace(b"%s", (await office.open_period()).encode())
    answers = [await company.claim(body, roundabout=way, **{"X-Request-Id": "same-request"}) for way in (False, True)]
    if answers[0].status_code == 201:
        assert answers[1].status_code == 201
        return
    assert _told(answers[0]) == _told(answers[1])


async def test_the_short_way_asks_for_key_role_and_media_type_like_every_other(
    client: httpx.AsyncClient, settings: Settings, company: Caller, office: Office
) -> None:
    body = f'{{"period_id":"{await office.open_period()}","amount":{{"amount":100}}}}'.encode()
    assert (await company.claim(body, key="short")).json()["code"] == "idempotency-key-malformed"
    plain: dict[str, Any] = {"Content-Type": "text/plain"}
    assert (await company.claim(body, **plain)).json()["code"] == "media-type-unsupported"
    officer = LocalIssuer(settings).issue("officer", "officer-li", None)
    headers = {
        "Authorization": f"Bearer {officer}",
        "Idempotency-Key": "officers-key",
        "Content-Type": "application/json",
    }
    for _ in range(2):
        answer = await client.post("/v1/claims", content=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "not-allowed")


@pytest.mark.parametrize(
    "token", ["Bearer not-a-token", "Bearer ", "Basic dXNlcjpwYXNz", "Bearer eyJhbGciOiJub25lIn0.e30."]
)
async def test_a_token_that_is_not_ours_is_told_the_same_on_both_ways(
    company: Caller, office: Office, token: str
) -> None:
    body = f'{{"period_id":"{await office.open_period()}","amount":{{"amount":100}}}}'.encode()
    more: dict[str, Any] = {"Authorization": token, "X-Request-Id": "same-request"}
    answers = [await company.claim(body, roundabout=way, **more) for way in (False, True)]
    assert answers[0].status_code == 401
    assert _told(answers[0]) == _told(answers[1])
