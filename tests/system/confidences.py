"""A story in which every confidential field of the five services is filled, each with a text found nowhere else."""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import httpx

from deploy.local.house import House
from deploy.local.visitor import Answer, Visitor, patiently
from shared.events.redemption import EvidenceKind
from shared.events.registry.providers import ProviderCondition
from shared.kernel.calendar import business_date
from shared.kernel.money import yuan
from tests.integration.registry.bodies import company, fresh_code, institution, instrument, service, team

FACE, CONTRACT = yuan(10_000), yuan(40_000)
_OFFICE = "officer-confidential"


@dataclass(slots=True)
class Confidences:
    """What was confided, by the field it was confided in, and the paths at which strangers may try to see it."""

    house: House
    client: httpx.AsyncClient
    canaries: dict[str, str] = field(default_factory=dict)
    seen_by_entitled: str = ""
    """Everything that those who may see it were answered."""
    subjects: list[str] = field(default_factory=list)
    """Ids that are in the log by right; who looks for canaries there and does not find these has looked elsewhere."""
    closed_paths: list[tuple[str, str]] = field(default_factory=list)

    def confide(self, where: str, text: str = "") -> str:
        """Make a text that stands nowhere else and remember it."""
        self.canaries[where] = text or f"Canary{secrets.token_hex(8)}"
        return self.canaries[where]

    def visitor(self, role: str, principal: str, party: str | None = None) -> Visitor:
        """Let somebody in."""
        return Visitor(self.house, self.client, role, principal, party)

    def heard(self, answer: Answer) -> Answer:
        """Keep what somebody entitled was answered."""
        self.seen_by_entitled += answer.response.text
        return answer

    @property
    def today(self) -> date:
        """The day in Beijing."""
        return business_date(self.house.now())


async def confide_everything(story: Confidences) -> None:
    """Play the story; it ends with an objection to a redemption that is on public notice."""
    officer, approver = story.visitor("officer", _OFFICE), story.visitor("approver", "approver-confidential")
    claimant = await _claimants(story, officer, approver)
    provider, service_id = await _providers(story, officer)
    voucher_id = await _voucher(story, officer, approver, claimant)
    contract_id = await _contract(story, claimant, provider, service_id, voucher_id)
    await _redemption(story, officer, provider, contract_id)


async def _claimants(story: Confidences, officer: Visitor, approver: Visitor) -> Visitor:
    certificate = {
        "kind": "national_high_tech",
        "number": story.confide("certificate number"),
        "valid_from": f"{story.today - timedelta(days=30)}",
        "valid_until": f"{story.today + timedelta(days=900)}",
    }
    body = company(
        name=story.confide("company name"),
        credit_code=story.confide("company credit code", fresh_code()),
        certificates=[certificate],
        contact=_contact(story),
    )
    registered = await story.visitor("claimant", "user-company").do("registry", "/v1/claimants", body)
    claimant = story.visitor("claimant", "user-company", registered.expect(201).body["claimant_id"])
    await _disclosures(story, officer, claimant)
    students = team(
        name=story.confide("team name"),
        school=story.confide("school"),
        members=[{"name": story.confide(f"member {n}"), "student": True} for n in range(2)],
        project={"title": story.confide("team project"), "stage": "testing"},
    )
    other = (await story.visitor("claimant", "user-team").do("registry", "/v1/claimants", students)).expect(201)
    for registered_id in (claimant.party, other.body["claimant_id"]):
        path = f"/v1/claimants/{registered_id}"
        story.heard((await officer.read("registry", path)).expect(200))
        story.closed_paths.append(("registry", path))
    sanction = {"party_id": other.body["claimant_id"], "measure": "disqualify", "grounds": story.confide("grounds")}
    proposed = story.heard((await officer.do("registry", "/v1/sanctions", sanction)).expect(201))
    path = f"/v1/sanctions/{proposed.body['sanction_id']}"
    (await approver.do("registry", f"{path}/approval", version=proposed.version)).expect(200)
    story.closed_paths.append(("registry", path))
    story.subjects += [str(claimant.party), other.body["claimant_id"], proposed.body["sanction_id"]]
    return claimant


def _contact(story: Confidences) -> dict[str, str]:
    return {
        "name": story.confide("contact name"),
        "phone": story.confide("contact phone", "0109" + "".join(secrets.choice("0123456789") for _ in range(12))),
        "email": story.confide("contact e-mail", f"{secrets.token_hex(8)}@example.cn"),
    }


async def _disclosures(story: Confidences, officer: Visitor, claimant: Visitor) -> None:
    """Have a company name who is related to it and its bank account, and officers check it and give reasons."""
    path = f"/v1/claimants/{claimant.party}"
    related = {
        "kind": "company",
        "name": story.confide("related company"),
        "credit_code": story.confide("related credit code", fresh_code()),
        "relation": "affiliate",
    }
    version = (await claimant.read("registry", path)).version
    await _done(claimant, f"{path}/related-parties", {"parties": [related]}, version=version)
    account = {
        "holder": story.confide("account holder"),
        "bank": story.confide("bank"),
        "account": story.confide("bank account", "".join(secrets.choice("0123456789") for _ in range(19))),
    }
    await _done(claimant, f"{path}/bank-account", account)
    opened = await _done(officer, f"{path}/eligibility-reviews", {"rule": "sound-finances"}, version=version + 1)
    verdict = {"verdict": "pass", "reason": story.confide("reason of a review")}
    decision = f"{path}/eligibility-reviews/sound-finances/decision"
    decided = await _done(officer, decision, verdict, version=opened.version)
    revocation = {
        "kind": "national_high_tech",
        "number": story.canaries["certificate number"],
        "counts_from": f"{story.today + timedelta(days=800)}",
        "reason": story.confide("reason of a revocation"),
    }
    await _done(officer, f"{path}/certificate-revocations", revocation, version=decided.version)
    for part in ("related-parties", "bank-account", "profile-versions"):
        story.heard((await officer.read("registry", f"{path}/{part}")).expect(200))
        story.closed_paths.append(("registry", f"{path}/{part}"))
    story.heard((await officer.read("registry", "/v1/eligibility-reviews", state="pass")).expect(200))


async def _done(who: Visitor, path: str, body: dict[str, Any], *, version: int | None = None) -> Answer:
    return (await who.do("registry", path, body, version=version)).expect(200)


async def _providers(story: Confidences, officer: Visitor) -> tuple[Visitor, str]:
    code = story.confide("provider credit code", fresh_code("12"))
    listed = await officer.do("registry", "/v1/providers", institution(credit_code=code, principal="user-provider-c"))
    provider = story.visitor("provider", "user-provider-c", listed.expect(201).body["provider_id"])
    opened = (await provider.do("registry", "/v1/facilities", instrument())).expect(201)
    offered = await provider.do("registry", "/v1/services", service(opened.body["facility_id"]))
    await _application(story, officer)
    return provider, offered.expect(201).body["service_id"]


async def _application(story: Confidences, officer: Visitor) -> None:
    """Have an institution apply, be checked, be objected to and be answered."""
    code = story.confide("applicant credit code", fresh_code("12"))
    body = institution(name=story.confide("applicant name"), credit_code=code)
    answer = await story.visitor("provider", "user-applicant").do("registry", "/v1/provider-applications", body)
    path = answer.expect(201).response.headers["location"]
    for condition in ProviderCondition.__value__.__args__:
        check = {"condition": condition, "met": True, "remark": story.confide(f"remark on {condition}")}
        checked = f"{path}/condition-checks"
        answer = (await officer.do("registry", checked, check, version=answer.version)).expect(200)
    objection = {"text": story.confide("listing objection")}
    raised = await story.visitor("expert", "user-citizen").do("registry", f"{path}/objections", objection)
    reply = f"{path}/objections/{raised.expect(201).body['objection_id']}/answer"
    version = story.heard(await officer.read("registry", path)).version
    body = {"upheld": False, "answer": story.confide("answer to the listing objection")}
    (await officer.do("registry", reply, body, version=version)).expect(200)
    story.heard((await officer.read("registry", f"{path}/objections")).expect(200))
    story.closed_paths += [("registry", path), ("registry", f"{path}/objections")]


async def _voucher(story: Confidences, officer: Visitor, approver: Visitor, claimant: Visitor) -> str:
    now = story.house.now()
    plan = {
        "name": "2026 年第二期",
        "quota": {"amount": FACE * 10},
        "opens_at": now.isoformat(),
        "closes_at": (now + timedelta(days=1)).isoformat(),
    }
    proposed = (await officer.do("issuance", "/v1/periods", plan)).expect(201)
    path = f"/v1/periods/{proposed.body['period_id']}/approval"
    (await approver.do("issuance", path, version=proposed.version)).expect(200)
    claim = {"period_id": proposed.body["period_id"], "amount": {"amount": FACE}}
    claimed = await patiently(lambda: claimant.do("issuance", "/v1/claims", claim), lambda answer: answer.status == 201)
    voucher_id = str(claimed.body["voucher_id"])
    story.closed_paths.append(("issuance", f"/v1/vouchers/{voucher_id}"))
    story.subjects.append(voucher_id)
    return voucher_id


async def _contract(story: Confidences, claimant: Visitor, provider: Visitor, service_id: str, voucher_id: str) -> str:
    def proposal(number: int) -> dict[str, Any]:
        return {
            "provider_id": provider.party,
            "service_id": service_id,
            "planned_amount": {"amount": CONTRACT},
            "title": story.confide(f"project title {number}"),
            "description": story.confide(f"project description {number}"),
            "declarations": {"no_statutory_testing": True, "no_municipal_funding": True},
        }

    async def proposed(number: int) -> Answer:
        body = proposal(number)
        return await patiently(
            lambda: claimant.do("contracts", "/v1/projects", body), lambda answer: answer.status == 201
        )

    declined = story.heard(await proposed(1))
    path = f"/v1/projects/{declined.body['project_id']}"
    words = {"reason": "capacity-exhausted", "explanation": story.confide("explanation of a refusal")}
    story.heard((await provider.do("contracts", f"{path}/refusal", words, version=declined.version)).expect(200))
    story.closed_paths.append(("contracts", path))
    accepted = story.heard(await proposed(2))
    path = f"/v1/projects/{accepted.body['project_id']}"
    confirmation = {"claimant_verified": True, "project_verified": True}
    (await provider.do("contracts", f"{path}/confirmation", confirmation, version=accepted.version)).expect(200)
    submission = {
        "project_id": accepted.body["project_id"],
        "amount": {"amount": CONTRACT},
        "signed_on": f"{story.today}",
        "starts_on": f"{story.today}",
        "ends_on": f"{story.today + timedelta(days=30)}",
        "vouchers": [{"voucher_id": voucher_id, "amount": {"amount": FACE}}],
        "voucher_clause": True,
        "document_digest": hashlib.sha256(secrets.token_bytes(16)).hexdigest(),
    }
    submitted = (await provider.do("contracts", "/v1/contracts", submission)).expect(201, 202)
    contract_id = str(submitted.body["contract_id"])
    path = f"/v1/contracts/{contract_id}"
    registered = await provider.until("contracts", path, lambda contract: contract["state"] == "registered")
    completion = {"ended_on": f"{story.today}", "invoiced": {"amount": CONTRACT}, "paid": {"amount": CONTRACT}}
    (await provider.do("contracts", f"{path}/completion", completion, version=registered.version)).expect(200)
    story.closed_paths.append(("contracts", path))
    story.subjects += [accepted.body["project_id"], contract_id]
    return contract_id


async def _redemption(story: Confidences, officer: Visitor, provider: Visitor, contract_id: str) -> None:
    found = await provider.until(
        "redemption", "/v1/redemptions", lambda page: bool(page["items"]), contract_id=contract_id
    )
    path = f"/v1/redemptions/{found.body['items'][0]['redemption_id']}"

    async def step(who: Visitor, what: str, body: dict[str, Any]) -> Answer:
        version = (await officer.read("redemption", path)).expect(200).version
        return story.heard((await who.do("redemption", f"{path}/{what}", body, version=version)).expect(200, 201))

    invoice = {"number": story.confide("invoice number", secrets.token_hex(8).upper()), "amount": {"amount": CONTRACT}}
    application = {"evidence": await _evidence(story, provider), "invoices": [invoice]}
    await step(provider, "application", application)
    await step(officer, "formal-check", {"outcome": "returned", "reasons": [story.confide("reasons of a return")]})
    await step(provider, "correction", application)
    await step(officer, "formal-check", {"outcome": "accepted"})
    for number in range(3):
        enrolled = {"principal": f"user-expert-{number}", "employer_id": None}
        (await officer.do("registry", "/v1/experts", enrolled)).expect(201)
    version = (await officer.read("redemption", path)).version
    drawn = await patiently(
        lambda: officer.do("redemption", f"{path}/panel", {"seed": "closing figures"}, version=version),
        lambda answer: answer.status == 200,
    )
    for number, expert_id in enumerate(drawn.body["experts"]):
        opinion = {"score": 86, "amount": drawn.body["payable"], "reasons": story.confide(f"opinion {number}")}
        expert = story.visitor("expert", f"user-of-{expert_id}", expert_id)
        (await expert.do("redemption", f"{path}/opinions", opinion)).expect(200)
    await step(officer, "conclusion", {})
    objection = {"objector": story.confide("objector"), "text": story.confide("objection")}
    raised = await story.visitor("partner", "user-witness").do("redemption", f"{path}/objections", objection)
    answer = f"{path}/objections/{raised.expect(201).body['objection_id']}/answer"
    body = {"upheld": False, "answer": story.confide("answer to the objection")}
    version = (await officer.read("redemption", path)).version
    (await officer.do("redemption", answer, body, version=version)).expect(200)
    for list_ in ("opinions", "objections"):
        story.heard((await officer.read("redemption", f"{path}/{list_}")).expect(200))
        story.closed_paths.append(("redemption", f"{path}/{list_}"))
    story.closed_paths.append(("redemption", path))
    story.subjects.append(path.rpartition("/")[2])


async def _evidence(story: Confidences, provider: Visitor) -> list[dict[str, str]]:
    evidence = []
    for kind in EvidenceKind.__value__.__args__:
        content = f"%PDF-1.7\n{story.confide(f'content of {kind}')}\n%%EOF\n".encode()
        file = (f"{story.confide(f'file name of {kind}')}.pdf", content, "application/pdf")
        stored = (await provider.do("redemption", "/v1/documents", files={"file": file})).expect(201)
        evidence.append({"kind": kind, "document_id": stored.body["document_id"]})
        story.closed_paths.append(("redemption", f"/v1/documents/{stored.body['document_id']}"))
    return evidence
