"""Claimants over HTTP, on a real database."""

import asyncio

from services.registry.tables import claimants
from shared.events.registry.claimants import ClaimantRegistered
from shared.http.policy import Role
from tests.integration.registry.bodies import company, fresh_code, team
from tests.integration.registry.house import House


async def test_a_company_registers_once_and_sees_itself(house: House) -> None:
    boss = house.person(Role.CLAIMANT, "boss-1")
    body = company()
    body["credit_code"] = body["credit_code"].lower()
    made = await boss.post("/v1/claimants", body, key="register-once")
    again = await boss.post("/v1/claimants", body, key="register-once")
    assert made.status_code == again.status_code == 201
    assert (again.content, again.headers["idempotency-replayed"]) == (made.content, "true")
    seen = await boss.get(made.headers["location"])
    assert seen.status_code == 200
    assert seen.json() == made.json()
    assert seen.json()["credit_code"] == body["credit_code"].upper()
    assert seen.headers["etag"] == made.headers["etag"] == '"2"'  # registered, and judged


async def test_nobody_but_the_owner_and_the_office_sees_a_claimant(house: House) -> None:
    made = await house.person(Role.CLAIMANT, "boss-2").post("/v1/claimants", company())
    path = made.headers["location"]
    assert (await house.person(Role.CLAIMANT, "stranger").get(path)).status_code == 404
    assert (await house.person(Role.PROVIDER, "stranger").get(path)).status_code == 403
    assert (await house.person(Role.OFFICER, "officer-1").get(path)).status_code == 200
    for nowhere in ("clm_00000000000000000000000000", "nonsense"):
        assert (await house.person(Role.OFFICER, "officer-1").get(f"/v1/claimants/{nowhere}")).status_code == 404


async def test_two_registrations_of_one_code_at_once_have_one_winner(house: House) -> None:
    code = fresh_code()
    rivals = [house.person(Role.CLAIMANT, f"rival-{number}") for number in range(6)]
    answers = await asyncio.gather(*(rival.post("/v1/claimants", company(credit_code=code)) for rival in rivals))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"credit-code-taken"}
    assert all(code not in answer.text for answer in answers if answer.status_code == 409)
    async with house.owner() as connection:
        rows = (await connection.execute(claimants.select().where(claimants.c.credit_code == code))).all()
    assert len(rows) == 1


async def test_one_person_has_one_claimant(house: House) -> None:
    boss = house.person(Role.CLAIMANT, "boss-3")
    first, second = await asyncio.gather(boss.post("/v1/claimants", company()), boss.post("/v1/claimants", company()))
    assert sorted([first.status_code, second.status_code]) == [201, 409]
    refused = first if first.status_code == 409 else second
    assert refused.json()["code"] == "principal-has-claimant"


async def test_a_refusal_names_every_rule_with_its_article_and_remedy(house: House) -> None:
    old = company(staff=501, founded_on="2016-03-01", field="catering", certificates=[])
    refused = await house.person(Role.CLAIMANT, "boss-4").post("/v1/claimants", old)
    problem = refused.json()
    assert refused.status_code == 422
    assert [error["code"] for error in problem["errors"]] == [
        "too-old-and-not-newly-listed",
        "staff-over-limit",
        "field-not-supported",
    ]
    assert problem["rule"]["article"] == "7(1)"
    assert problem["remedy"]


async def test_a_team_registers_and_its_members_are_in_no_event(house: House) -> None:
    captain = house.person(Role.CLAIMANT, "captain-1")
    made = await captain.post("/v1/claimants", team())
    assert made.status_code == 201
    assert [member["name"] for member in made.json()["members"]] == ["赵思远", "周嘉禾", "钱雨桐"]
    async with house.owner() as connection:
        log = (
            await connection.exec_driver_sql("SELECT string_agg(data::text || metadata::text, '') FROM events")
        ).scalar_one()
    assert all(secret not in log for secret in ("赵思远", "听潮", "澄川", "璟算", "91110108"))
    twin = await house.person(Role.CLAIMANT, "captain-2").post("/v1/claimants", team())
    assert (twin.status_code, twin.json()["code"]) == (409, "team-already-registered")


async def test_certificates_change_on_the_version_that_was_read(house: House) -> None:
    boss = house.person(Role.CLAIMANT, "boss-5")
    made = await boss.post("/v1/claimants", company())
    path = made.headers["location"] + "/certificates"
    listing = {"kind": "technology_sme", "number": "20261101", "valid_from": "2026-03-02", "valid_until": "2027-03-31"}
    stranger = await house.person(Role.CLAIMANT, "boss-6").post(path, {"certificates": []}, version=made)
    assert stranger.status_code == 404
    assert (await boss.post(path, {"certificates": [listing]})).status_code == 428
    changed = await boss.post(path, {"certificates": [listing]}, version=made)
    assert changed.status_code == 200
    assert [c["number"] for c in changed.json()["certificates"]] == ["20261101"]
    assert (await boss.post(path, {"certificates": []}, version=made)).status_code == 412
    assert (await boss.get(made.headers["location"])).json() == changed.json()


async def test_the_office_lists_all_and_a_claimant_itself(house: House) -> None:
    boss = house.person(Role.CLAIMANT, "boss-7")
    made = await boss.post("/v1/claimants", company())
    await house.project()
    own = (await boss.get("/v1/claimants")).json()["items"]
    assert [item["claimant_id"] for item in own] == [made.json()["claimant_id"]]
    everyone = (await house.person(Role.OFFICER, "officer-1").get("/v1/claimants", limit=200)).json()["items"]
    registered = [fact.claimant_id for fact in await house.facts() if isinstance(fact, ClaimantRegistered)]
    assert [item["claimant_id"] for item in everyone] == sorted(registered)


async def test_anyone_may_check_the_own_eligibility_and_nothing_is_kept(house: House) -> None:
    before = len(await house.facts())
    body = {name: value for name, value in company(staff=501).items() if name not in {"name", "credit_code"}}
    answer = await house.client.post("/v1/eligibility-checks", json=body)
    found = {finding["rule"]: finding for finding in answer.json()["findings"]}
    assert answer.status_code == 200
    assert answer.json()["may_register"] is False
    assert (found["staff"]["outcome"], found["staff"]["value"], found["staff"]["limit"]) == ("fail", 501, 500)
    assert found["staff"]["remedy"]
    assert found["credit-code"]["outcome"] == "needs_review"
    assert len(await house.facts()) == before
    a_team = {"kind": "team", "members": 3, "students": 4, "stage": "testing", "registered_as_company": False,
              "undertaking": True}  # fmt: skip
    assert (await house.client.post("/v1/eligibility-checks", json=a_team)).status_code == 422
    a_team["students"] = 2
    assert (await house.client.post("/v1/eligibility-checks", json=a_team)).json()["may_register"] is True
