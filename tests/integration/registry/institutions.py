"""What agencies and laboratories send, and how far a test may bring them (faq 4, 5, 7)."""

from typing import Any

import httpx

from shared.http.policy import Role
from tests.integration.registry.bodies import fresh_code, institution
from tests.integration.registry.house import House, Person

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF"
CONTACT = {"person": "赵思远", "phone": "010-82000000", "email": "contact@example.org"}
PARTS = ["management_mechanism", "service_process", "enterprises_within_reach"]
SAFEGUARDS = ["organisation", "business_process", "work_plan"]
PROFILE = {
    "introduction": "面向科技型小微企业的公共服务机构",
    "service_characteristics": "一对一政策辅导",
    "contact": CONTACT,
    "address": "北京市丰台区科兴路9号",
}
CONDITIONS = {
    "referral_agency": ("served_enterprises", "promotion", "working_rules"),
    "service_agency": ("independent_legal_person", "authorised_by_platform_member", "internal_rules"),
    "laboratory": ("in_organisation_or_field", "accredited"),
}
NEW_MATERIALS = "fct_01dxeayx01fdfaa3n9tp6yhkh5"


async def insisted(person: Person, path: str, body: dict[str, Any]) -> httpx.Response:
    """Post something under one key until the database has time for it, as a client does after a 503."""
    key = f"insisted-{person.principal}-{person.house.clock.now().timestamp()}"
    for _ in range(50):
        answer = await person.post(path, body, key=key)
        if answer.status_code != 503 and answer.json().get("code") != "key-in-progress":
            return answer
    raise AssertionError("the service was busy fifty times")


async def upload(person: Person) -> str:
    """Have somebody upload a paper, and give its id."""
    token = person.house.issuer.issue(person.role, person.principal)
    key = f"paper-{person.house.clock.now().timestamp()}"
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
    files = {"file": ("a.pdf", PDF, "application/pdf")}
    answer = await person.house.client.post("/v1/documents", files=files, headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["document_id"])


async def referral_form(person: Person, **changes: Any) -> dict[str, Any]:
    """Fill in the form of a referral agency that meets every condition, with papers of the person's own."""
    return {
        "name": "北京启衡科技服务中心",
        "credit_code": fresh_code("52"),
        "district": "丰台区",
        "contact": CONTACT,
        "enterprises": 30,
        "promotion_events": 2,
        "undertaking_given": True,
        "application_form": await upload(person),
        "undertaking": await upload(person),
        "working_mechanism": {"document_id": await upload(person), "sets_out": PARTS},
        "safeguards": {"document_id": await upload(person), "sets_out": SAFEGUARDS},
        **changes,
    }


async def service_form(person: Person, provider_id: str, **changes: Any) -> dict[str, Any]:
    """Fill in the form of a service agency that a listed provider authorises."""
    return {
        "name": "北京泽衡科技成果转化有限公司",
        "credit_code": fresh_code(),
        "district": "海淀区",
        "contact": CONTACT,
        "legal_person": True,
        "authoriser": "university",
        "provider_id": provider_id,
        "application_form": await upload(person),
        "undertaking": await upload(person),
        "internal_rules": await upload(person),
        "letter_of_authorisation": await upload(person),
        **changes,
    }


async def laboratory_form(person: Person, **changes: Any) -> dict[str, Any]:
    """Describe a Beijing key laboratory, recognised from 2024-01-01 to 2026-12-31."""
    return {
        "name": "先进材料表征北京市重点实验室",
        "field": "新材料",
        "site": "北京市海淀区泽衡路8号A座",
        "contact": CONTACT,
        "accreditations": [await accreditation(person)],
        **changes,
    }


async def accreditation(person: Person, **changes: Any) -> dict[str, Any]:
    """Describe an accreditation of faq 7."""
    return {
        "kind": "beijing_key_laboratory",
        "number": "BZ0123",
        "valid_from": "2024-01-01",
        "valid_until": "2026-12-31",
        "document_id": await upload(person),
        **changes,
    }


async def membership_form(person: Person, **changes: Any) -> dict[str, Any]:
    """Describe a private company's laboratory that wants to join a field centre."""
    return await laboratory_form(person) | {
        "name": "复合材料公共检测平台",
        "organisation": "北京澄川新材料有限公司",
        "organisation_kind": "private_company",
        "credit_code": fresh_code(),
        "letter_of_authorisation": await upload(person),
        **changes,
    }


def officer_of(house: House) -> Person:
    """Let an officer sign in."""
    return house.person(Role.OFFICER, "officer-1")


def verdicts(kind: str, *unmet: str) -> dict[str, Any]:
    """Say of each condition whether it is met."""
    return {
        "verdicts": [
            {"condition": condition, "met": condition not in unmet, "remark": f"已核查 {condition}"}
            for condition in CONDITIONS[kind]
        ]
    }


async def reviewed(house: House, applied: httpx.Response, *unmet: str) -> httpx.Response:
    """Have an application reviewed."""
    path = f"/v1/affiliations/{applied.json()['party_id']}/review"
    return await officer_of(house).post(path, verdicts(applied.json()["kind"], *unmet), version=applied)


async def listed_provider(house: House, principal: str, **changes: Any) -> dict[str, Any]:
    """Put a municipal institution on the list of providers."""
    body = institution(principal=principal, **changes)
    made = await officer_of(house).post("/v1/providers", body)
    assert made.status_code == 201, made.text
    listed: dict[str, Any] = made.json()
    return body | listed


async def referral_agency(house: House, principal: str, **changes: Any) -> tuple[Person, httpx.Response]:
    """Bring a referral agency in; its account is open, its profile is not complete."""
    person = house.person(Role.REFERRAL_AGENCY, principal)
    applied = await person.post("/v1/referral-agencies", await referral_form(person, **changes))
    assert applied.status_code == 201, applied.text
    joined = await reviewed(house, applied)
    assert (joined.status_code, joined.json()["stage"]) == (200, "granted"), joined.text
    return person, joined


async def service_agency(house: House, principal: str) -> tuple[Person, httpx.Response, dict[str, Any]]:
    """Bring a service agency in, authorised by a provider of its own."""
    provider = await listed_provider(house, f"provider-of-{principal}")
    person = house.person(Role.SERVICE_AGENCY, principal)
    applied = await person.post("/v1/service-agencies", await service_form(person, provider["provider_id"]))
    assert applied.status_code == 201, applied.text
    joined = await reviewed(house, applied)
    assert (joined.status_code, joined.json()["stage"]) == (200, "granted"), joined.text
    return person, joined, provider


async def laboratory(house: House, agency: Person, **changes: Any) -> httpx.Response:
    """Have a service agency report a laboratory, and the office let it into the catalogue."""
    applied = await agency.post("/v1/laboratories", await laboratory_form(agency, **changes))
    assert applied.status_code == 201, applied.text
    joined = await reviewed(house, applied)
    assert (joined.status_code, joined.json()["stage"]) == (200, "granted"), joined.text
    return joined
