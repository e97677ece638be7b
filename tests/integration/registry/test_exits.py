"""Providers leave by notice, after their running contracts, and the list remembers every day."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from services.registry.app import CONTEXT
from services.registry.reactions import REACTIONS
from shared.events.codec import key_of, stored_type
from shared.events.contracts import ContractCompleted, ContractSubmitted
from shared.events.definition import TYPE_OF, Recorded
from shared.events.registry.providers import ProviderDelisted, ProviderExitRequested
from shared.http.policy import Role
from shared.store.transaction import Cause, transaction
from tests.golden.making import sample
from tests.integration.registry.bodies import institution
from tests.integration.registry.house import House, Person, open_house
from tests.integration.registry.test_providers import A_DAY, listed, on_notice

REASON = {"reason": "科研设施整体迁出北京，不再对外提供服务"}


@pytest.fixture(scope="module")
async def house(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """A house of its own: this story moves the clock by months."""
    async with open_house(CONTEXT, postgres_url, tmp_path_factory.mktemp("state")) as opened:
        yield opened


async def joined(house: House, principal: str) -> tuple[Person, str, httpx.Response]:
    """Bring a Beijing-based institution on the list."""
    applicant, path, _ = await on_notice(house, principal)
    await house.wait(12 * A_DAY)
    provider_id = path.rpartition("/")[2]
    return applicant, provider_id, await house.client.get(f"/v1/providers/{provider_id}")


async def told(house: House, kind: type[Any], provider_id: str, contract_id: str) -> None:
    """Let contracts tell something of a contract."""
    fact = replace(sample(TYPE_OF[kind]), provider_id=provider_id, contract_id=contract_id)
    event = Recorded(
        context="contracts", position=1, stream="", version=1, type=stored_type(fact), data=fact, key=key_of(fact),
        metadata={}, recorded_at=datetime(2026, 11, 23, tzinfo=UTC), hash="",
    )  # fmt: skip
    runtime = house.app.state.runtime
    cause = Cause(actor="contracts", correlation_id="test")
    async with transaction(runtime.engine, "registry", house.clock, cause, runtime.measures) as tx:
        await REACTIONS[kind](tx, event)


async def test_a_provider_leaves_after_a_month_and_every_day_of_the_list_is_remembered(house: House) -> None:
    lab, provider_id, seen = await joined(house, "leaver-1")
    asked = await lab.post(f"/v1/providers/{provider_id}/exit", REASON, version=seen)
    assert asked.status_code == 201
    until = date.fromisoformat(asked.json()["until"])
    assert (asked.json()["running_contracts"], asked.json()["delisted_on"]) == (0, None)
    await house.wait(20 * A_DAY)
    assert (await lab.get(f"/v1/providers/{provider_id}")).json()["listed"] is True
    await house.wait(30 * A_DAY)
    gone = (await house.client.get(f"/v1/providers/{provider_id}")).json()
    assert gone["listed"] is False
    left = date.fromisoformat(gone["delisted_on"])
    assert left > until
    await house.project()
    for day, there in ((left, False), (left - A_DAY, True), (date.fromisoformat(gone["listed_on"]), True),
                       (date.fromisoformat(gone["listed_on"]) - A_DAY, False)):  # fmt: skip
        query = {"on": day.isoformat()}
        one = (await house.client.get(f"/v1/providers/{provider_id}", params=query)).json()
        page = (await house.client.get("/v1/providers", params=query)).json()["items"]
        assert one["listed"] is there
        assert (provider_id in {item["provider_id"] for item in page}) is there
    future = await house.client.get("/v1/providers", params={"on": "2031-01-01"})
    assert (future.status_code, future.json()["code"]) == (422, "day-not-yet-come")
    again = await lab.post("/v1/provider-applications", institution())
    assert again.status_code == 201


async def test_running_contracts_hold_the_exit_up_until_the_last_is_over(house: House) -> None:
    lab, provider_id, seen = await joined(house, "leaver-2")
    await told(house, ContractSubmitted, provider_id, "ctr_1")
    await told(house, ContractSubmitted, provider_id, "ctr_1")
    asked = await lab.post(f"/v1/providers/{provider_id}/exit", REASON, version=seen)
    assert asked.json()["running_contracts"] == 1
    await told(house, ContractSubmitted, provider_id, "ctr_2")
    await house.wait(60 * A_DAY)
    await told(house, ContractCompleted, provider_id, "ctr_1")
    await house.wait(A_DAY)
    waiting = (await lab.get(f"/v1/providers/{provider_id}/exit")).json()
    assert (waiting["running_contracts"], waiting["delisted_on"]) == (1, None)
    standing = (await lab.get(f"/v1/parties/{provider_id}/standing")).json()
    (contracting,) = [permission for permission in standing["may"] if permission["act"] == "contract"]
    assert [reason["code"] for reason in contracting["reasons"]] == ["provider-has-left"]
    await told(house, ContractCompleted, provider_id, "ctr_2")
    await house.wait(A_DAY)
    assert (await lab.get(f"/v1/providers/{provider_id}/exit")).json()["delisted_on"] is not None
    fact = (await house.facts())[-1]
    assert isinstance(fact, ProviderDelisted)


async def test_a_notice_is_the_provider_s_own_and_its_reason_stays_with_the_office(house: House) -> None:
    lab, provider_id, seen = await joined(house, "leaver-3")
    path = f"/v1/providers/{provider_id}/exit"
    other, _ = await listed(house, "stayer-1")
    assert (await other.post(path, REASON, version=seen)).status_code == 404
    assert (await lab.get(path)).status_code == 404
    assert (await lab.post(path, REASON, version=seen)).status_code == 201
    assert (await other.get(path)).status_code == 404
    assert (await house.person(Role.OFFICER, "officer-1").get(path)).json()["reason"] == REASON["reason"]
    assert (await house.person(Role.CLAIMANT, "boss-1").get(path)).status_code == 403
    assert all(REASON["reason"] not in str(fact) for fact in await house.facts())


async def test_a_municipal_provider_is_told_that_it_stays(house: House) -> None:
    lab, made = await listed(house, "stayer-2")
    seen = await house.client.get(f"/v1/providers/{made['provider_id']}")
    refused = await lab.post(f"/v1/providers/{made['provider_id']}/exit", REASON, version=seen)
    assert (refused.status_code, refused.json()["code"]) == (409, "municipal-provider-stays")


async def test_the_audit_finds_an_exit_before_its_time(house: House) -> None:
    assert {found for each in (await house.breaches()).values() for found in each} == set()
    day = date(2027, 5, 6)
    hasty = replace(
        sample(TYPE_OF[ProviderExitRequested]), provider_id="prv_hasty", until=day, on=day, pack="beijing-2023"
    )
    left = ProviderDelisted(provider_id="prv_hasty", reason="exit by art. 6", on=day)
    runtime = house.app.state.runtime
    async with transaction(
        runtime.engine, "registry", house.clock, Cause(actor="nobody", correlation_id="test"), runtime.measures
    ) as tx:
        tx.append("provider-prv_hasty", 0, [hasty, left])
    found = (await house.breaches())["R4"]
    assert [text.partition("prv_hasty ")[2][:4] for text in found] == ["gave", "left"]
