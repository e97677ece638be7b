"""Issuance over REST: one key, one effect, one answer; everyone sees what is theirs."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx

from shared.clock import SystemClock
from shared.kernel.ids import new_id
from tests.integration.issuance.office import Office
from tests.integration.issuance.present import office
from tests.integration.issuance.serving import Call

__all__ = ["office"]

FACE = 5_000_000


def _claim(period_id: str, amount: int = FACE) -> dict[str, Any]:
    return {"period_id": period_id, "amount": {"amount": amount}}


async def test_two_officers_plan_and_approve_a_period_that_everyone_can_see(
    call: Call, client: httpx.AsyncClient
) -> None:
    now = SystemClock().now()
    plan = {
        "name": "2026 年第一期",
        "quota": {"amount": 20_000_000, "currency": "CNY"},
        "opens_at": now.isoformat(),
        "closes_at": (now + timedelta(days=1)).isoformat(),
    }
    proposed = await call("POST", "/v1/periods", role="officer", principal="officer-li", body=plan)
    assert proposed.status_code == 201, proposed.text
    path = proposed.headers["location"]
    assert (proposed.json()["phase"], proposed.headers["etag"]) == ("proposed", '"1"')
    own = await call("POST", f"{path}/approval", role="officer", principal="officer-li", version=1)
    assert (own.status_code, own.json()["code"], own.json()["rule"]["article"]) == (403, "four-eyes", "12")
    stale = await call("POST", f"{path}/approval", role="approver", principal="officer-wang", version=7)
    assert stale.status_code == 412
    approved = await call("POST", f"{path}/approval", role="approver", principal="officer-wang", version=1)
    assert (approved.status_code, approved.json()["phase"]) == (200, "open")  # its first instant has come meanwhile
    shown = await client.get(path)
    assert (shown.status_code, shown.json()["remaining"]["amount"]) == (200, 20_000_000)
    again = await call("POST", f"{path}/approval", role="approver", principal="officer-wang", version=3)
    assert (again.status_code, again.json()["code"]) == (409, "period-not-in-this-state")


async def test_a_claim_answers_with_the_voucher_and_the_same_key_answers_the_same_byte_for_byte(
    call: Call, office: Office, client: httpx.AsyncClient
) -> None:
    claimant_id, period_id = await office.register(), await office.open_period()
    first = await call("POST", "/v1/claims", party=claimant_id, key="same-key-1", body=_claim(period_id))
    assert first.status_code == 201, first.text
    assert (first.json()["place"], first.json()["state"]) == (1, "claimed")
    again = await call("POST", "/v1/claims", party=claimant_id, key="same-key-1", body=_claim(period_id))
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    other = await call("POST", "/v1/claims", party=claimant_id, key="same-key-1", body=_claim(period_id, 1))
    assert (other.status_code, other.json()["code"]) == (422, "key-reused")
    assert (await client.get(f"/v1/periods/{period_id}")).json()["issued"]["amount"] == FACE


async def test_twenty_parallel_copies_of_one_claim_make_one_voucher(call: Call, office: Office) -> None:
    claimant_id, period_id = await office.register(), await office.open_period()

    async def copy() -> httpx.Response:
        while True:
            answer: httpx.Response = await call(
                "POST", "/v1/claims", party=claimant_id, key="parallel-1", body=_claim(period_id)
            )
            if answer.status_code not in {409, 503}:
                return answer
            await asyncio.sleep(0.05)  # who asks again at once is soon told that it asks too often

    async with asyncio.timeout(30):
        answers = await asyncio.gather(*(copy() for _ in range(20)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    assert (await office.quota_of(period_id))[1:] == (FACE, 0, 1)


async def test_a_refused_claim_says_every_reason_with_article_value_and_remedy(call: Call, office: Office) -> None:
    claimant_id, period_id = await office.register(), await office.open_period(FACE)
    refused = await call("POST", "/v1/claims", party=claimant_id, key="refused-1", body=_claim(period_id, FACE + 1))
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (422, "face-value-out-of-range")
    assert (problem["rule"]["article"], problem["rule"]["parameter"]) == ("12", "face_value_max")
    assert "5 万元" in problem["rule"]["quote"]
    assert problem["remedy"]
    assert [error["code"] for error in problem["errors"]] == ["face-value-out-of-range", "quota-exhausted"]
    replayed = await call("POST", "/v1/claims", party=claimant_id, key="refused-1", body=_claim(period_id, FACE + 1))
    assert replayed.content == refused.content
    await call("POST", "/v1/claims", party=claimant_id, body=_claim(period_id, FACE))
    late = await call("POST", "/v1/claims", party=claimant_id, body=_claim(period_id, 1))
    assert (late.status_code, late.json()["code"], late.json()["rule"]["article"]) == (409, "quota-exhausted", "12")


async def test_a_rehearsal_says_what_a_claim_would_bring_and_uses_up_neither_key_nor_quota(
    call: Call, office: Office
) -> None:
    claimant_id, period_id = await office.register(), await office.open_period(FACE)
    path = "/v1/claims?dry_run=true"
    told = await call("POST", path, party=claimant_id, key="rehearsal-1", body=_claim(period_id, 1_000_000))
    assert told.status_code == 200, told.text
    assert told.json()["remaining_quota"]["amount"] == 4_000_000
    assert told.json()["remaining_allowance"]["amount"] == 19_000_000
    no = await call("POST", path, party=claimant_id, key="rehearsal-1", body=_claim(period_id, FACE + 1))
    assert (no.status_code, no.json()["code"]) == (422, "face-value-out-of-range")
    real = await call("POST", "/v1/claims", party=claimant_id, key="rehearsal-1", body=_claim(period_id, FACE))
    assert (real.status_code, real.json()["place"]) == (201, 1)


async def test_a_lost_answer_is_found_by_its_key(call: Call, office: Office) -> None:
    claimant_id, period_id = await office.register(), await office.open_period(FACE)
    won = await call("POST", "/v1/claims", party=claimant_id, key="by-key-won", body=_claim(period_id))
    await call("POST", "/v1/claims", party=claimant_id, key="by-key-lost", body=_claim(period_id))
    issued = (await call("GET", "/v1/claims/by-key/by-key-won")).json()
    refused = (await call("GET", "/v1/claims/by-key/by-key-lost")).json()
    assert (issued["outcome"], issued["voucher"]) == ("issued", won.json())
    assert (refused["outcome"], refused["problem"]["code"]) == ("refused", "quota-exhausted")
    strangers = (await call("GET", "/v1/claims/by-key/by-key-won", principal="user-2")).json()
    assert (strangers["outcome"], strangers["voucher"]) == ("not_seen", None)


async def test_a_key_answered_as_not_seen_can_win_no_more(call: Call, office: Office) -> None:
    claimant_id, period_id = await office.register(), await office.open_period()
    for _ in range(2):
        assert (await call("GET", "/v1/claims/by-key/late-twin-1")).json()["outcome"] == "not_seen"
    twin = await call("POST", "/v1/claims", party=claimant_id, key="late-twin-1", body=_claim(period_id))
    assert (twin.status_code, twin.json()["code"]) == (409, "key-fenced")
    assert twin.json()["remedy"]
    assert (await call("GET", "/v1/claims/by-key/late-twin-1")).json()["outcome"] == "not_seen"
    assert (await office.quota_of(period_id))[1] == 0
    fresh = await call("POST", "/v1/claims", party=claimant_id, key="late-twin-2", body=_claim(period_id))
    assert fresh.status_code == 201


async def test_nobody_sees_or_cancels_the_voucher_of_another(call: Call, office: Office) -> None:
    claimant_id, period_id = await office.register(), await office.open_period()
    stranger = await office.register()
    path = (await call("POST", "/v1/claims", party=claimant_id, body=_claim(period_id))).headers["location"]
    for method, target in (("GET", path), ("POST", f"{path}/cancellation")):
        answer = await call(method, target, party=stranger, version=1)
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    totals = await call("GET", f"/v1/claimants/{claimant_id}/annual-totals", party=stranger)
    assert totals.status_code == 404
    assert (await call("GET", path, role="auditor", principal="auditor-1")).status_code == 200
    assert (await call("POST", "/v1/claims", role="officer", body=_claim(period_id))).status_code == 403
    cancelled = await call("POST", f"{path}/cancellation", party=claimant_id, version=1)
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    own = await call("GET", path, party=claimant_id)
    assert (own.json()["released"]["amount"], own.headers["etag"]) == (FACE, '"2"')


async def test_a_claim_without_a_registration_or_in_an_unknown_period_is_told_so(call: Call, office: Office) -> None:
    period_id = await office.open_period()
    nobody = await call("POST", "/v1/claims", party=None, body=_claim(period_id))
    assert (nobody.status_code, nobody.json()["code"]) == (422, "claimant-not-registered")
    claimant_id = await office.register()
    for unknown in (new_id("prd", SystemClock().now()), "prd_'; drop table quotas"):
        answer = await call("POST", "/v1/claims", party=claimant_id, body=_claim(unknown))
        assert answer.status_code == 404
    negative = await call("POST", "/v1/claims", party=claimant_id, body=_claim(period_id, -1))
    assert (negative.status_code, negative.json()["code"]) == (422, "invalid")


async def test_lists_answer_before_anything_was_projected(call: Call, client: httpx.AsyncClient) -> None:
    for path in ("/v1/vouchers", "/v1/period-plans"):
        answer = await call("GET", path, role="officer")
        assert (answer.status_code, answer.json()["items"]) == (200, [])
    assert (await client.get("/v1/periods")).json()["items"] == []
