"""The part of the story of confidences in which a referral agency joins: contacts, papers, remarks and reasons."""

import secrets
from typing import Any

from deploy.local.visitor import Visitor
from tests.integration.registry.bodies import fresh_code
from tests.integration.registry.institutions import CONDITIONS, PARTS, SAFEGUARDS
from tests.system.confidences import Confidences


async def confide_to_agencies(story: Confidences) -> None:
    """Have an institution apply, be sent back, correct, be let in, describe itself and be taken off the list."""
    officer, applicant = story.visitor("officer", "officer-of-agencies"), story.visitor("claimant", "user-agency")
    form = await _form(story, applicant)
    applied = (await applicant.do("registry", "/v1/referral-agencies", form)).expect(201)
    party_id = applied.body["party_id"]
    path, agency = f"/v1/affiliations/{party_id}", story.visitor("referral_agency", "user-agency")

    async def step(who: Visitor, where: str, body: dict[str, Any]) -> None:
        version = (await officer.read("registry", path)).version
        (await who.do("registry", where, body, version=version)).expect(200)

    await step(officer, f"{path}/return", {"remark": story.confide("remark on an agency")})
    await step(applicant, f"/v1/referral-agencies/{party_id}/correction", form)
    verdicts = [
        {"condition": condition, "met": True, "remark": story.confide(f"verdict on {condition}")}
        for condition in CONDITIONS["referral_agency"]
    ]
    await step(officer, f"{path}/review", {"verdicts": verdicts})
    profile = {
        "introduction": "科技服务机构",
        "service_characteristics": "政策辅导",
        "contact": form["contact"] | {"phone": "010-82000000", "email": "open@example.org"},
        "address": "北京市丰台区科兴路9号",
    }
    await step(agency, f"/v1/referral-agencies/{party_id}/profile", profile)
    await step(officer, f"{path}/removal", {"reason": story.confide("reason of a removal")})
    story.heard((await officer.read("registry", path)).expect(200))
    story.subjects.append(party_id)
    story.closed_paths.append(("registry", path))


async def _form(story: Confidences, applicant: Visitor) -> dict[str, Any]:
    return {
        "name": "北京守密科技服务中心",
        "credit_code": story.confide("agency credit code", fresh_code("52")),
        "district": "丰台区",
        "contact": {
            "person": story.confide("agency contact"),
            "phone": story.confide("agency phone", "0108" + "".join(secrets.choice("0123456789") for _ in range(12))),
            "email": story.confide("agency e-mail", f"{secrets.token_hex(8)}@example.org"),
        },
        "enterprises": 30,
        "promotion_events": 2,
        "undertaking_given": True,
        "application_form": await _paper(story, applicant, "application form"),
        "undertaking": await _paper(story, applicant, "undertaking"),
        "working_mechanism": {"document_id": await _paper(story, applicant, "mechanism"), "sets_out": PARTS},
        "safeguards": {"document_id": await _paper(story, applicant, "safeguards"), "sets_out": SAFEGUARDS},
    }


async def _paper(story: Confidences, applicant: Visitor, kind: str) -> str:
    content = f"%PDF-1.7\n{story.confide(f'content of an {kind}')}\n%%EOF\n".encode()
    file = (f"{story.confide(f'file name of an {kind}')}.pdf", content, "application/pdf")
    stored = (await applicant.do("registry", "/v1/documents", files={"file": file})).expect(201)
    document_id: str = stored.body["document_id"]
    story.closed_paths.append(("registry", f"/v1/documents/{document_id}"))
    return document_id
