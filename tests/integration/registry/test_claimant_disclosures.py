"""Related parties, bank accounts, and the record of who was shown what, over HTTP."""

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import ProgrammingError

from services.registry.tables import access_records
from shared.events.registry.claimants import ClaimantRelatedPartiesDeclared
from shared.http.policy import Role
from tests.integration.registry.bodies import company, institution
from tests.integration.registry.house import House, Person
from tests.integration.registry.test_claimant_users import joined

ACCOUNT = {"holder": "Canary户名有限公司", "bank": "Canary银行中关村支行", "account": "6222020200112233445"}
MASKED = "***************3445"


async def enterprise(house: House, principal: str, **changes: Any) -> tuple[Person, str, dict[str, Any]]:
    boss = house.person(Role.CLAIMANT, principal)
    made = await boss.post("/v1/claimants", company(**changes))
    assert made.status_code == 201, made.text
    return boss, str(made.headers["location"]), made.json()


async def accesses(house: House, **filters: str) -> list[dict[str, Any]]:
    answer = await house.person(Role.AUDITOR, "auditor-1").get("/v1/access-records", limit=200, **filters)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_related_parties_are_named_to_others_by_id_and_the_rest_only_counted(house: House) -> None:
    boss, path, made = await enterprise(house, "related-1")
    _, _, sister = await enterprise(house, "related-2")
    lab = institution(principal="lab-r1")
    listed = (await house.person(Role.OFFICER, "officer-1").post("/v1/providers", lab)).json()
    parties = [
        {"kind": "person", "name": "Canary股东", "relation": "shareholder"},
        {"kind": "company", "name": "Canary子公司", "credit_code": "91110108MAY12345XQ", "relation": "affiliate"},
        {"kind": "company", "name": "姐妹公司", "credit_code": sister["credit_code"].lower(), "relation": "affiliate"},
        {"kind": "company", "name": "同一实验室", "credit_code": lab["credit_code"], "relation": "shareholder"},
    ]
    declared = await boss.post(f"{path}/related-parties", {"parties": parties}, version=await boss.get(path))
    assert declared.status_code == 200, declared.text
    fact = (await house.facts())[-1]
    assert isinstance(fact, ClaimantRelatedPartiesDeclared)
    assert fact.parties == tuple(sorted([sister["claimant_id"], listed["provider_id"]]))
    assert (fact.others, fact.declared_by) == (2, "related-1")
    seen = await house.person(Role.OFFICER, "officer-1").get(f"{path}/related-parties")
    assert seen.json() == declared.json()
    assert seen.json()["parties"][2]["credit_code"] == sister["credit_code"]
    assert (await house.person(Role.CLAIMANT, "related-2").get(f"{path}/related-parties")).status_code == 404
    itself = [{"kind": "company", "name": "本单位", "credit_code": made["credit_code"], "relation": "other"}]
    refused = await boss.post(f"{path}/related-parties", {"parties": itself}, version=declared)
    assert (refused.status_code, refused.json()["code"]) == (422, "related-to-itself")
    none = await boss.post(f"{path}/related-parties", {"parties": []}, version=declared)
    assert none.json()["parties"] == (await boss.get(f"{path}/related-parties")).json()["parties"] == []
    async with house.owner() as connection:
        log = "".join((await connection.exec_driver_sql("SELECT data::text FROM events")).scalars())
    assert all(word not in log for word in ("Canary", "91110108MAY12345XQ", sister["credit_code"], "姐妹"))


async def test_only_an_officer_sees_a_whole_bank_account_and_every_look_is_recorded(house: House) -> None:
    boss, path, made = await enterprise(house, "banker-1")
    claimant_id = made["claimant_id"]
    assert (await boss.get(f"{path}/bank-account")).status_code == 404
    before = await house.facts()
    given = await boss.post(f"{path}/bank-account", ACCOUNT)
    assert (given.status_code, given.json()["account"], given.json()["masked"]) == (200, MASKED, True)
    seen = {}
    for role in (Role.CLAIMANT, Role.OFFICER, Role.APPROVER, Role.AUDITOR):
        answer = await house.person(role, "banker-1" if role is Role.CLAIMANT else f"{role}-9").get(
            f"{path}/bank-account"
        )
        seen[role] = (answer.json()["account"], answer.json()["masked"])
    assert seen.pop(Role.OFFICER) == (ACCOUNT["account"], False)
    assert set(seen.values()) == {(MASKED, True)}
    assert (await house.person(Role.CLAIMANT, "stranger-9").get(f"{path}/bank-account")).status_code == 404
    looks = [r for r in await accesses(house, subject=claimant_id) if r["operation"] == "getBankAccount"]
    assert [(r["principal"], r["fields"]) for r in looks] == [
        ("auditor-9", ["account_masked", "bank", "holder"]),
        ("approver-9", ["account_masked", "bank", "holder"]),
        ("officer-9", ["account", "bank", "holder"]),
        ("banker-1", ["account_masked", "bank", "holder"]),
    ]
    assert await house.facts() == before
    async with house.owner() as connection:
        answers = await connection.exec_driver_sql("SELECT convert_from(body, 'UTF8') FROM idempotency")
        records = await connection.exec_driver_sql("SELECT a::text FROM access_records a")
        written = "".join([*answers.scalars(), *records.scalars()])
    assert ACCOUNT["account"] not in written


async def test_the_account_before_stays_known_to_finance(house: House) -> None:
    boss, path, _ = await enterprise(house, "banker-2")
    member = await joined(house, boss, path, "banker-2b")
    refused = await member.post(f"{path}/bank-account", ACCOUNT)
    assert (refused.status_code, refused.json()["code"]) == (403, "owner-only")
    for account in ("11111111", "22222222"):
        assert (await boss.post(f"{path}/bank-account", ACCOUNT | {"account": account})).status_code == 200
    shown = await house.person(Role.OFFICER, "officer-1").get(f"{path}/bank-account")
    assert shown.json()["account"] == "22222222"
    async with house.owner() as connection:
        kept = await connection.exec_driver_sql(
            "SELECT account FROM claimant_bank_accounts WHERE claimant_id = "
            f"'{path.rpartition('/')[2]}' ORDER BY number"
        )
    assert list(kept.scalars()) == ["11111111", "22222222"]


async def test_the_auditor_reads_who_was_shown_which_fields_of_whom(house: House) -> None:
    _, path, made = await enterprise(house, "watched-1")
    claimant_id = made["claimant_id"]
    officer = house.person(Role.OFFICER, "officer-w")
    assert (await officer.get(path)).status_code == 200
    assert (await house.person(Role.CLAIMANT, "stranger-w").get(path)).status_code == 404
    await house.project()
    assert (await officer.get("/v1/claimants", limit=200)).status_code == 200
    listed, one = (await accesses(house, subject=claimant_id))[:2]
    assert (one["principal"], one["role"], one["operation"]) == ("officer-w", "officer", "getClaimant")
    assert {"name", "credit_code", "staff", "annual_revenue"} <= set(one["fields"])
    assert one["request_id"].startswith("req_")
    assert (listed["operation"], listed["fields"]) == ("listClaimants", ["name"])
    mine = await accesses(house, principal="officer-w")
    assert {record["principal"] for record in mine} == {"officer-w"}
    assert not await accesses(house, principal="stranger-w")
    assert made["credit_code"] not in str(mine)
    for role in (Role.OFFICER, Role.APPROVER, Role.CLAIMANT):
        assert (await house.person(role, "curious").get("/v1/access-records")).status_code == 403


async def test_access_records_are_read_page_by_page_while_more_come(house: House) -> None:
    boss, path, made = await enterprise(house, "watched-2")
    await asyncio.gather(*(boss.get(path) for _ in range(5)))
    auditor = house.person(Role.AUDITOR, "auditor-1")
    query: dict[str, Any] = {"subject": made["claimant_id"], "limit": 2}
    first = (await auditor.get("/v1/access-records", **query)).json()
    await boss.get(path)
    second = (await auditor.get("/v1/access-records", **query, cursor=first["next_cursor"])).json()
    ids = [record["record_id"] for page in (first, second) for record in page["items"]]
    assert ids == sorted(set(ids), reverse=True)
    assert len(ids) == 4


async def test_what_cannot_be_recorded_is_not_shown(house: House) -> None:
    boss, path, _ = await enterprise(house, "watched-3")
    async with house.owner() as connection:
        await connection.exec_driver_sql("LOCK TABLE access_records IN ACCESS EXCLUSIVE MODE")
        unseen = await boss.get(path)
    assert unseen.status_code == 503
    assert (await boss.get(path)).status_code == 200


async def test_the_service_adds_records_and_never_changes_one(house: House) -> None:
    boss, path, _ = await enterprise(house, "watched-4")
    assert (await boss.get(path)).status_code == 200
    engine = house.app.state.runtime.engine
    for change in (sa.update(access_records).values(principal="nobody"), sa.delete(access_records)):
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with engine.begin() as connection:
                await connection.execute(change)
    assert (await house.breaches())["R13"] == []
    role = house.settings.database_name(house.context.name)
    async with house.owner() as connection:
        await connection.exec_driver_sql(f'GRANT DELETE ON access_records TO "{role}"')
        mine = sa.update(access_records).where(access_records.c.principal == "watched-4")
        await connection.execute(mine.values(operation="getBankAccount", fields=["account"]))
    assert (await house.breaches())["R13"] == [
        "the service has a right it must not have: DELETE",
        "a whole bank account was shown to a claimant",
    ]
    async with house.owner() as connection:
        await connection.exec_driver_sql(f'REVOKE DELETE ON access_records FROM "{role}"')
        await connection.execute(mine.values(operation="getClaimant", fields=["name"]))
