"""Who plays in the demonstration: fresh claimants who register themselves, a listed provider, officers and experts."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import httpx

from deploy.local.house import House
from deploy.local.sample.generate import credit_code
from deploy.local.visitor import UnexpectedAnswerError, Visitor
from shared.kernel.calendar import business_date
from shared.kernel.ids import new_id
from shared.kernel.money import yuan

_SERIALS = 100_000
_ENTERPRISE, _DISTRICT = "91", "110108"


@dataclass(frozen=True, slots=True)
class Cast:
    """The people of one performance; `certified` holds a high-tech certificate, `company` does not."""

    house: House
    client: httpx.AsyncClient
    officer: Visitor
    approver: Visitor
    company: Visitor
    certified: Visitor
    team: Visitor
    provider: Visitor
    service_id: str

    def expert(self, expert_id: str) -> Visitor:
        """Give one of the experts who were drawn."""
        return Visitor(self.house, self.client, "expert", f"user-{expert_id}", expert_id)


async def gather_cast(house: House, client: httpx.AsyncClient, say: Callable[[str], None]) -> Cast:
    """Register two companies and a team, enrol three experts, and find a provider that offers testing."""

    def visitor(role: str, principal: str, party: str | None = None) -> Visitor:
        return Visitor(house, client, role, principal, party)

    today = business_date(house.now())
    officer = visitor("officer", "officer-li")
    too_large = _company(today, "北京巨岩重工有限公司") | {"staff": 501}
    check = (await officer.do("registry", "/v1/eligibility-checks", _without_names(too_large))).expect(200)
    if check.body["may_register"]:
        raise UnexpectedAnswerError("a company of 501 people is too large (art. 7)")
    say("✓ a company of 501 people learns, without signing in, that it is too large (art. 7)")
    claimants = []
    for body in (_company(today, "北京晴川材料科技有限公司"), _certified(today), _team()):
        principal = f"user-{new_id('usr', house.now())}"
        registered = (await visitor("claimant", principal).do("registry", "/v1/claimants", body)).expect(201)
        claimants.append(visitor("claimant", principal, registered.body["claimant_id"]))
    say("✓ two companies and a student team register themselves")
    for _ in range(3):
        body = {"principal": f"user-{new_id('usr', house.now())}", "employer_id": None}
        (await officer.do("registry", "/v1/experts", body)).expect(201)
    services = await officer.until("registry", "/v1/services", lambda page: bool(page["items"]), kind="testing")
    offered = services.body["items"][0]
    return Cast(
        house=house,
        client=client,
        officer=officer,
        approver=visitor("approver", "approver-wang"),
        company=claimants[0],
        certified=claimants[1],
        team=claimants[2],
        provider=visitor("provider", "user-provider", offered["provider_id"]),
        service_id=offered["service_id"],
    )


def _company(today: date, name: str) -> dict[str, Any]:
    return {
        "kind": "enterprise",
        "name": name,
        "credit_code": credit_code(_ENTERPRISE, _DISTRICT, secrets.randbelow(_SERIALS)),
        "founded_on": f"{today - timedelta(days=400)}",
        "district": "海淀区",
        "staff": 48,
        "annual_revenue": {"amount": yuan(12_000_000)},
        "total_assets": {"amount": yuan(30_000_000)},
        "field": "new_materials",
        "certificates": [],
        "declarations": {"legal_person": True, "sound_finances": True, "clean_record": True},
        "undertaking": True,
    }


def _certified(today: date) -> dict[str, Any]:
    certificate = {
        "kind": "national_high_tech",
        "number": "GR202611000001",
        "valid_from": f"{today - timedelta(days=30)}",
        "valid_until": f"{today + timedelta(days=900)}",
    }
    return _company(today, "北京启衡智能装备有限公司") | {"certificates": [certificate]}


def _team() -> dict[str, Any]:
    return {
        "kind": "team",
        "name": f"晨星声学团队 {secrets.token_hex(3)}",
        "school": "北京澄川理工大学",
        "members": [{"name": "赵思远", "student": True}, {"name": "林可", "student": True}],
        "project": {"title": "面向助听设备的自适应降噪算法与样机", "stage": "testing"},
        "registered_as_company": False,
        "undertaking": True,
    }


def _without_names(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in {"name", "credit_code"}}
