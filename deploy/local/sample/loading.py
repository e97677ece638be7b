"""The sample register brought into the registry through its REST interface; loading it again changes nothing."""

import asyncio
import hashlib
import json
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from pydantic import JsonValue

from deploy.local.house import House
from deploy.local.sample.register import (
    FOLDER,
    Certificate,
    Company,
    Facility,
    Provider,
    SampleRegister,
    Team,
    load_sample_register,
)
from deploy.local.visitor import UnexpectedAnswerError, Visitor
from shared.kernel.calendar import start_of

_NOTES = "sample.json"
_OK, _CREATED, _NOT_FOUND = 200, 201, 404
_EXPERTS = 3
_AFTER_MIDNIGHT = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who signs in for a party of the sample, and the party's id."""

    principal: str
    party: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What the registry knows of the sample; people to try its interface as, and the number of each kind."""

    claimant: Person
    provider: Person
    expert: Person
    counts: Mapping[str, int]

    @property
    def summary(self) -> str:
        """Count what was loaded, for a line on the terminal."""
        return ", ".join(f"{number} {name}" for name, number in self.counts.items())


async def load_sample(house: House, register: SampleRegister | None = None) -> Loaded:
    """Load what is not there yet; every command has a key made from the sample, so that none is carried out twice.

    Beijing-based providers are listed after a public notice (art. 6): the development clock is moved past it.
    """
    async with httpx.AsyncClient(timeout=30) as client:
        loader = _Loader(house, client, register or load_sample_register())
        kept = _kept(house.state_dir)
        if kept is not None and await loader.knows(kept):
            return kept
        loaded = await loader.load()
    (house.state_dir / _NOTES).write_text(json.dumps({"sample": _digest(), "loaded": asdict(loaded)}))
    return loaded


def _kept(state_dir: Path) -> Loaded | None:
    """Read what an earlier run has loaded, if the sample is still the same."""
    try:
        notes = json.loads((state_dir / _NOTES).read_text())
    except FileNotFoundError:
        return None
    if notes["sample"] != _digest():
        return None
    people = {name: Person(**notes["loaded"][name]) for name in ("claimant", "provider", "expert")}
    return Loaded(**people, counts=notes["loaded"]["counts"])


def _digest() -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in sorted(FOLDER.glob("*.json")))).hexdigest()


class _Loader:
    def __init__(self, house: House, client: httpx.AsyncClient, register: SampleRegister) -> None:
        self._house, self._register = house, register
        self._visitor = partial(Visitor, house, client)
        self._officer = self._visitor("officer", "officer-sample")

    async def knows(self, kept: Loaded) -> bool:
        """Ask the registry for the last thing that was loaded: its data may have been forgotten meanwhile."""
        answer = await self._officer.read("registry", f"/v1/experts/{kept.expert.party}")
        return answer.expect(_OK, _NOT_FOUND).status == _OK

    async def load(self) -> Loaded:
        claimants = await self._claimants()
        municipal = [each for each in self._register.providers if each.kind == "municipal"]
        applying = [each for each in self._register.providers if each.kind != "municipal"]
        ids = await _together(map(self._list_municipal, municipal))
        applied = await _together(map(self._apply, applying))
        await self._wait_for_notices([provider_id for provider_id, _ in applied], [last_day for _, last_day in applied])
        ids += [provider_id for provider_id, _ in applied]
        opened = await _together(map(self._open_facilities, municipal + applying, ids))
        experts = await _together(map(self._enrol, range(1, _EXPERTS + 1)))
        return Loaded(
            claimant=claimants[0],
            provider=Person(principal=_principal(municipal[0].credit_code), party=ids[0]),
            expert=experts[-1],
            counts={
                "companies and teams": len(claimants),
                "providers": len(ids),
                "facilities": sum(facilities for facilities, _ in opened),
                "services": sum(services for _, services in opened),
                "experts": len(experts),
            },
        )

    async def _claimants(self) -> list[Person]:
        companies = await _together(
            self._register_claimant(each.credit_code, _company_body(each)) for each in self._register.companies
        )
        return companies + await _together(
            self._register_claimant(f"team-{number}", _team_body(each))
            for number, each in enumerate(self._register.teams, start=1)
        )

    async def _register_claimant(self, code: str, body: dict[str, JsonValue]) -> Person:
        principal = _principal(code)
        visitor = self._visitor("claimant", principal)
        answer = await visitor.do("registry", "/v1/claimants", body, key=f"sample-claimant-{code}")
        return Person(principal=principal, party=answer.expect(_CREATED).body["claimant_id"])

    async def _list_municipal(self, provider: Provider) -> str:
        body = _institution_body(provider) | {"principal": _principal(provider.credit_code)}
        key = f"sample-provider-{provider.credit_code}"
        answer = await self._officer.do("registry", "/v1/providers", body, key=key)
        provider_id: str = answer.expect(_CREATED).body["provider_id"]
        return provider_id

    async def _apply(self, provider: Provider) -> tuple[str, date]:
        """Apply for a Beijing-based institution and check its six conditions; its notice then runs until a day."""
        key = f"sample-provider-{provider.credit_code}"
        visitor = self._visitor("provider", _principal(provider.credit_code))
        answer = await visitor.do("registry", "/v1/provider-applications", _institution_body(provider), key=key)
        provider_id: str = answer.expect(_CREATED).body["provider_id"]
        for condition, met in asdict(provider.conditions).items():
            answer = await self._officer.do(
                "registry",
                f"/v1/provider-applications/{provider_id}/condition-checks",
                {"condition": condition, "met": met, "remark": "样例数据：材料齐全，核查属实"},
                version=answer.version,
                key=f"{key}-{condition}",
            )
            answer.expect(_OK)
        return provider_id, date.fromisoformat(answer.body["notice"]["until"])

    async def _wait_for_notices(self, provider_ids: Sequence[str], last_days: Sequence[date]) -> None:
        ends = start_of(max(last_days) + timedelta(days=1)) + _AFTER_MIDNIGHT
        ahead = ends - self._house.now()
        if ahead > timedelta():
            self._house.advance(ahead)
        for provider_id in provider_ids:
            await self._officer.until("registry", f"/v1/providers/{provider_id}", lambda body: bool(body["listed_on"]))

    async def _open_facilities(self, provider: Provider, provider_id: str) -> tuple[int, int]:
        """Open a provider's facilities with their services, one after the other, and count both."""
        visitor = self._visitor("provider", _principal(provider.credit_code), provider_id)
        facilities = self._register.facilities_of(provider.credit_code)
        for facility in facilities:
            key = f"sample-facility-{provider.credit_code}-{facility.number}"
            answer = await visitor.do("registry", "/v1/facilities", _facility_body(facility), key=key)
            facility_id = answer.expect(_CREATED).body["facility_id"]
            for number, service in enumerate(facility.services, start=1):
                body: dict[str, JsonValue] = {
                    "facility_id": facility_id,
                    "name": service.name,
                    "kind": service.kind,
                    "unit": service.unit,
                    "unit_price": {"amount": service.unit_price},
                }
                (await visitor.do("registry", "/v1/services", body, key=f"{key}-{number}")).expect(_CREATED)
        return len(facilities), sum(len(facility.services) for facility in facilities)

    async def _enrol(self, number: int) -> Person:
        principal = f"user-expert-{number}"
        body: dict[str, JsonValue] = {"principal": principal, "employer_id": None}
        answer = await self._officer.do("registry", "/v1/experts", body, key=f"sample-expert-{number}")
        return Person(principal=principal, party=answer.expect(_CREATED).body["expert_id"])


async def _together[T](tasks: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Do things side by side, a few at a time, and give their results in order."""
    given, few = list(tasks), asyncio.Semaphore(8)

    async def one(task: Coroutine[Any, Any, T]) -> T:
        async with few:
            return await task

    try:
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(one(task)) for task in given]
    except* UnexpectedAnswerError as failures:
        raise failures.exceptions[0] from None
    finally:
        for task in given:
            task.close()  # those that one before them has cancelled never began
    return [task.result() for task in running]


def _principal(code: str) -> str:
    return f"user-{code.lower()}"


def _company_body(company: Company) -> dict[str, JsonValue]:
    return {
        "kind": "enterprise",
        "name": company.name,
        "credit_code": company.credit_code,
        "founded_on": company.founded_on.isoformat(),
        "district": company.district,
        "staff": company.staff,
        "annual_revenue": {"amount": company.annual_revenue},
        "total_assets": {"amount": company.total_assets},
        "field": company.field,
        "listed_on": company.listed_on.isoformat() if company.listed_on else None,
        "certificates": [_certificate_body(each) for each in company.certificates],
        "declarations": {"legal_person": True, "sound_finances": True, "clean_record": True},
        "undertaking": True,
    }


def _certificate_body(certificate: Certificate) -> dict[str, JsonValue]:
    return {
        "kind": certificate.kind,
        "number": certificate.number,
        "valid_from": certificate.valid_from.isoformat(),
        "valid_until": certificate.valid_until.isoformat(),
    }


def _team_body(team: Team) -> dict[str, JsonValue]:
    return {
        "kind": "team",
        "name": team.name,
        "school": team.school,
        "members": [{"name": member.name, "student": member.student} for member in team.members],
        "project": {"title": team.project.title, "stage": team.project.stage},
        "registered_as_company": False,
        "undertaking": True,
    }


def _institution_body(provider: Provider) -> dict[str, JsonValue]:
    return {
        "name": provider.name,
        "credit_code": provider.credit_code,
        "district": provider.district,
        "capabilities": list(provider.capabilities),
        "third_party_testing": provider.third_party_testing,
    }


def _facility_body(facility: Facility) -> dict[str, JsonValue]:
    return {
        "number": facility.number,
        "name": facility.name,
        "kind": facility.kind,
        "original_value": {"amount": facility.original_value},
        "site": facility.site,
        "service_norms": facility.service_norms,
        "price_standard": facility.price_standard,
    }
