"""A related party that was named before it was known here, over HTTP and by the due list (art. 16)."""

import asyncio
from datetime import timedelta
from typing import Any

from services.registry.use_cases.declaring_related_parties import declare
from shared.events.registry.claimants import ClaimantRelatedPartiesRecognised
from shared.http.policy import Role
from shared.runtime import Runtime
from shared.store.transaction import Cause, transaction
from tests.integration.registry.bodies import company, fresh_code, institution
from tests.integration.registry.house import House
from tests.locks import until_waited_for

AT_ONCE = timedelta(seconds=1)


async def enterprise(house: House, principal: str, **changes: Any) -> tuple[str, str]:
    boss = house.person(Role.CLAIMANT, principal)
    made = await boss.post("/v1/claimants", company(**changes))
    assert made.status_code == 201, made.text
    return str(made.headers["location"]), str(made.json()["claimant_id"])


async def say(house: House, principal: str, path: str, *codes: str) -> None:
    boss = house.person(Role.CLAIMANT, principal)
    parties = [
        {"kind": "company", "name": f"关联单位{code}", "credit_code": code, "relation": "shareholder"} for code in codes
    ]
    answer = await boss.post(f"{path}/related-parties", {"parties": parties}, version=await boss.get(path))
    assert answer.status_code == 200, answer.text


async def recognised(house: House, claimant_id: str) -> list[tuple[tuple[str, ...], int]]:
    """Have what is due done, and give whom the others were told of."""
    await house.wait(AT_ONCE)
    facts = [fact for fact in await house.facts() if isinstance(fact, ClaimantRelatedPartiesRecognised)]
    return [(fact.parties, fact.others) for fact in facts if fact.claimant_id == claimant_id]


async def test_a_provider_that_was_named_before_it_was_listed_is_told_once_it_is(house: House) -> None:
    code, nobody = fresh_code("12"), fresh_code()
    path, claimant_id = await enterprise(house, "forward-1")
    _, bystander = await enterprise(house, "forward-2")
    await say(house, "forward-1", path, code, nobody)
    assert await recognised(house, claimant_id) == []
    officer = house.person(Role.OFFICER, "officer-1")
    listed = await officer.post("/v1/providers", institution(principal="lab-f1", credit_code=code))
    assert await recognised(house, claimant_id) == [((listed.json()["provider_id"],), 1)]
    assert len(await recognised(house, claimant_id)) == 1
    assert await recognised(house, bystander) == []


async def test_a_company_that_was_named_by_several_is_told_for_each_and_only_by_their_last_word(house: House) -> None:
    code = fresh_code()
    first, first_id = await enterprise(house, "naming-1")
    second, second_id = await enterprise(house, "naming-2")
    third, third_id = await enterprise(house, "naming-3")
    for principal, path in (("naming-1", first), ("naming-2", second), ("naming-3", third)):
        await say(house, principal, path, code)
    await say(house, "naming-3", third)  # takes it back
    _, sister_id = await enterprise(house, "naming-sister", credit_code=code)
    assert await recognised(house, first_id) == [((sister_id,), 0)]
    assert await recognised(house, second_id) == [((sister_id,), 0)]
    assert await recognised(house, third_id) == []


async def test_a_declaration_and_a_registration_at_the_same_moment_miss_nobody(house: House) -> None:
    code = fresh_code()
    _, claimant_id = await enterprise(house, "moment-1")
    runtime: Runtime = house.app.state.runtime
    cause = Cause(actor="moment-1", correlation_id="c")
    party = {"kind": "company", "name": "同时登记", "credit_code": code, "relation": "affiliate"}
    async with transaction(runtime.engine, "registry", house.clock, cause, runtime.measures) as tx:
        await declare(tx, claimant_id, "moment-1", [party], if_match=None)
        sister = asyncio.create_task(
            house.person(Role.CLAIMANT, "moment-sister").post("/v1/claimants", company(credit_code=code))
        )
        await until_waited_for(tx.connection)  # the registration cannot see the declaration yet, and so it waits for it
    made = await sister
    assert made.status_code == 201, made.text
    assert await recognised(house, claimant_id) == [((made.json()["claimant_id"],), 0)]
