"""The sample register passes through the service as it is: everybody in it may register."""

from dataclasses import asdict
from typing import Any

import msgspec

from deploy.local.sample.register import Company, Provider, load_sample_register
from shared.http.policy import Role
from tests.integration.registry.house import House

REGISTER = load_sample_register()


def plain(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


def of_company(sample: Company) -> dict[str, Any]:
    money = {"annual_revenue": {"amount": sample.annual_revenue}, "total_assets": {"amount": sample.total_assets}}
    said = {"legal_person": True, "sound_finances": True, "clean_record": True}
    body = asdict(sample) | money | {"kind": "enterprise", "declarations": said, "undertaking": True}
    return dict(plain(body))


def of_provider(sample: Provider) -> dict[str, Any]:
    return dict(plain({k: v for k, v in asdict(sample).items() if k not in {"kind", "conditions"}}))


async def test_every_company_and_team_of_the_sample_registers(house: House) -> None:
    for number, sample in enumerate(REGISTER.companies):
        made = await house.person(Role.CLAIMANT, f"company-{number}").post("/v1/claimants", of_company(sample))
        assert made.status_code == 201, made.text
    for number, team in enumerate(REGISTER.teams):
        body = dict(plain(team)) | {"kind": "team", "registered_as_company": False, "undertaking": True}
        made = await house.person(Role.CLAIMANT, f"team-{number}").post("/v1/claimants", body)
        assert made.status_code == 201, made.text


async def test_every_municipal_provider_of_the_sample_opens_all_it_has(house: House) -> None:
    officer = house.person(Role.OFFICER, "officer-1")
    for number, sample in enumerate(REGISTER.providers):
        lab = house.person(Role.PROVIDER, f"sample-lab-{number}")
        if sample.kind == "beijing_based":
            made = await lab.post("/v1/provider-applications", of_provider(sample))
            assert made.status_code == 201, made.text
            continue
        made = await officer.post("/v1/providers", of_provider(sample) | {"principal": lab.principal})
        assert made.status_code == 201, made.text
        for facility in REGISTER.facilities_of(sample.credit_code):
            body = {k: v for k, v in plain(facility).items() if k not in {"provider", "services"}}
            body["original_value"] = {"amount": facility.original_value}
            opened = await lab.post("/v1/facilities", body)
            assert opened.status_code == 201, opened.text
            for service in facility.services:
                offered = await lab.post(
                    "/v1/services",
                    {
                        "facility_id": opened.json()["facility_id"],
                        "name": service.name,
                        "kind": service.kind,
                        "unit": service.unit,
                        "unit_price": {"amount": service.unit_price},
                    },
                )
                assert offered.status_code == 201, offered.text
