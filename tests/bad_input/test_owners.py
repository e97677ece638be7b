"""One claimant with another's ids: in the path, in the query, in the body, and with another's key."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest

from deploy.local.house import House
from deploy.local.visitor import Visitor
from tests.bad_input.door import assert_problem
from tests.integration.registry.bodies import company

FACE = 1_000_000


@dataclass(frozen=True, slots=True)
class Two:
    """An owner with a voucher, another claimant, and the office."""

    owner: Visitor
    other: Visitor
    officer: Visitor
    period_id: str
    voucher: dict[str, Any]
    key: str

    @property
    def claim(self) -> dict[str, Any]:
        """What the owner had sent."""
        return {"period_id": self.period_id, "amount": {"amount": FACE}}


@pytest.fixture(scope="module")
async def two(house: House) -> AsyncIterator[Two]:
    async with httpx.AsyncClient(timeout=15) as client:
        officer = Visitor(house, client, "officer", "officer-li")
        approver = Visitor(house, client, "approver", "approver-wang")
        now = house.now()
        plan = {
            "name": "2026 年第一期",
            "quota": {"amount": FACE * 10},
            "opens_at": now.isoformat(),
            "closes_at": (now + timedelta(days=1)).isoformat(),
        }
        proposed = (await officer.do("issuance", "/v1/periods", plan)).expect(201)
        period_id = proposed.body["period_id"]
        (await approver.do("issuance", f"/v1/periods/{period_id}/approval", version=proposed.version)).expect(200)
        owner, other = [await _registered(house, client, name) for name in ("user-owner", "user-other")]
        body = {"period_id": period_id, "amount": {"amount": FACE}}
        claimed = await owner.do("issuance", "/v1/claims", body)
        while claimed.body.get("code") == "claimant-not-registered":  # issuance has not heard of it yet
            claimed = await owner.do("issuance", "/v1/claims", body)
        yield Two(owner, other, officer, period_id, claimed.expect(201).body, owner.keys[-1])


async def _registered(house: House, client: httpx.AsyncClient, principal: str) -> Visitor:
    body = company(name=f"北京{principal}科技有限公司", certificates=[])
    registered = await Visitor(house, client, "claimant", principal).do("registry", "/v1/claimants", body)
    return Visitor(house, client, "claimant", principal, registered.expect(201).body["claimant_id"])


async def test_anothers_voucher_is_not_found_by_its_id(two: Two) -> None:
    path = f"/v1/vouchers/{two.voucher['voucher_id']}"
    assert (await two.owner.read("issuance", path)).status == 200
    assert_problem((await two.other.read("issuance", path)).response, 404, "not-found", english=True)
    cancelled = await two.other.do("issuance", f"{path}/cancellation", version=1)
    assert_problem(cancelled.response, 404, "not-found", english=True)
    assert (await two.owner.read("issuance", path)).body["state"] == "claimed"


async def test_anothers_year_and_register_entry_are_not_found(two: Two) -> None:
    for context, path in (
        ("issuance", f"/v1/claimants/{two.owner.party}/annual-totals"),
        ("registry", f"/v1/claimants/{two.owner.party}"),
        ("registry", f"/v1/parties/{two.owner.party}/standing"),
    ):
        assert (await two.owner.read(context, path)).status == 200
        assert_problem((await two.other.read(context, path)).response, 404, "not-found", english=True)
    changed = await two.other.do(
        "registry", f"/v1/claimants/{two.owner.party}/certificates", {"certificates": []}, version=1
    )
    assert_problem(changed.response, 404, "not-found", english=True)


async def test_a_list_shows_the_own_whatever_the_query_says(two: Two) -> None:
    await two.owner.until("issuance", "/v1/vouchers", lambda page: bool(page["items"]))
    listed = await two.other.read("issuance", "/v1/vouchers", claimant_id=str(two.owner.party))
    assert two.voucher["voucher_id"] not in listed.response.text
    seen = await two.other.read("registry", "/v1/claimants", claimant_id=str(two.owner.party))
    assert str(two.owner.party) not in seen.response.text


async def test_nobody_claims_in_anothers_name(two: Two) -> None:
    body = two.claim | {"claimant_id": two.owner.party}
    refused = await two.other.do("issuance", "/v1/claims", body)
    assert_problem(refused.response, 404, "not-found", english=True)


async def test_anothers_key_neither_replays_nor_tells_of_its_answer(two: Two) -> None:
    asked = await two.other.read("issuance", f"/v1/claims/by-key/{two.key}")
    assert (asked.body["outcome"], asked.body["voucher"]) == ("not_seen", None)
    refused = await two.other.do("issuance", "/v1/claims", two.claim, key=two.key)
    assert two.voucher["voucher_id"] not in refused.response.text
    mine = await two.owner.read("issuance", f"/v1/claims/by-key/{two.key}")
    assert mine.body["voucher"] == two.voucher


async def test_a_key_is_for_one_request(two: Two) -> None:
    again = await two.owner.do("issuance", "/v1/claims", two.claim, key=two.key)
    assert (again.status, again.body) == (201, two.voucher)
    other = two.claim | {"amount": {"amount": FACE + 1}}
    reused = await two.owner.do("issuance", "/v1/claims", other, key=two.key)
    assert_problem(reused.response, 422, "key-reused", english=True)


async def test_a_stale_version_changes_nothing(two: Two) -> None:
    path = f"/v1/vouchers/{two.voucher['voucher_id']}"
    for stale in (0, 2, 999_999_999):
        refused = await two.owner.do("issuance", f"{path}/cancellation", version=stale)
        assert_problem(refused.response, 412, "version-stale", english=True)
    assert (await two.owner.read("issuance", path)).body["state"] == "claimed"
