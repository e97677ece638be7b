"""A provider leaves while a contract of its begins: whoever is first, nothing is lost (art. 6 last paragraph)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa

from services.registry.app import CONTEXT
from services.registry.domain.listing import Delisted, Listed
from services.registry.domain.provider import provider
from services.registry.reactions import REACTIONS
from services.registry.tables import running_contracts
from services.registry.use_cases.leaving_the_list import conclude_exit
from services.registry.use_cases.streams import stream_of
from shared.events.codec import key_of, stored_type
from shared.events.contracts import ContractCompleted, ContractSubmitted
from shared.events.definition import TYPE_OF, Recorded
from shared.events.registry.providers import ProviderDelisted
from shared.store.transaction import Cause, VersionConflictError, transaction
from tests.golden.making import sample
from tests.integration.registry.house import House, open_house
from tests.integration.registry.test_exits import REASON, joined
from tests.integration.registry.test_providers import A_DAY

ROUNDS = 6


@pytest.fixture(scope="module")
async def house(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """A house of its own: this story moves the clock by months."""
    async with open_house(CONTEXT, postgres_url, tmp_path_factory.mktemp("state")) as opened:
        yield opened


async def tell(house: House, kind: type[ContractSubmitted | ContractCompleted], provider_id: str, number: int) -> None:
    """Let contracts tell something of a contract, as its consumer does."""
    fact = replace(sample(TYPE_OF[kind]), provider_id=provider_id, contract_id=f"ctr_{provider_id}_{number}")
    event = Recorded(
        context="contracts", position=1, stream="", version=1, type=stored_type(fact), data=fact, key=key_of(fact),
        metadata={}, recorded_at=datetime(2026, 11, 23, tzinfo=UTC), hash="",
    )  # fmt: skip
    runtime = house.app.state.runtime
    cause = Cause(actor="contracts", correlation_id="race")
    async with transaction(runtime.engine, "registry", house.clock, cause, runtime.measures) as tx:
        await REACTIONS[kind](tx, event)


async def leave(house: House, provider_id: str) -> None:
    """Work the end of the notice off, as the due list does; who is a moment late finds it done."""
    runtime = house.app.state.runtime
    cause = Cause(actor="deadline", correlation_id="race")
    try:
        async with transaction(runtime.engine, "registry", house.clock, cause, runtime.measures) as tx:
            await conclude_exit(tx, provider_id)
    except VersionConflictError:
        return


async def at_the_end_of_its_notice(house: House, principal: str) -> str:
    """Have a provider give notice, and let the last day pass without working the end off."""
    lab, provider_id, seen = await joined(house, principal)
    asked = await lab.post(f"/v1/providers/{provider_id}/exit", REASON, version=seen)
    until = date.fromisoformat(asked.json()["until"])
    house.clock.instant += (until - house.clock.instant.date()) + 2 * A_DAY
    return provider_id


async def standing(house: House, provider_id: str) -> tuple[object, int]:
    runtime = house.app.state.runtime
    cause = Cause(actor="test", correlation_id="race")
    async with transaction(runtime.engine, "registry", house.clock, cause, runtime.measures) as tx:
        state = (await tx.load(provider, stream_of(provider_id, "prv"))).state
        running = sa.select(sa.func.count()).where(running_contracts.c.provider_id == provider_id)
        return state, (await tx.connection.execute(running)).scalar_one()


@pytest.mark.parametrize("round_", range(ROUNDS))
async def test_an_exit_and_a_new_contract_at_once_are_one_after_the_other(house: House, round_: int) -> None:
    provider_id = await at_the_end_of_its_notice(house, f"race-{round_}")
    steps = [leave(house, provider_id), tell(house, ContractSubmitted, provider_id, 1), leave(house, provider_id)]
    if round_ % 2:
        steps.reverse()
    await asyncio.gather(*steps)
    state, running = await standing(house, provider_id)
    assert running == 1
    delisted = [fact for fact in await house.facts() if isinstance(fact, ProviderDelisted)]
    assert sum(fact.provider_id == provider_id for fact in delisted) == isinstance(state, Delisted)
    if isinstance(state, Listed):  # the contract was first: it is carried out, and only then does the provider leave
        await house.wait(A_DAY)
        assert isinstance((await standing(house, provider_id))[0], Listed)
    await tell(house, ContractCompleted, provider_id, 1)
    await house.wait(A_DAY)
    state, running = await standing(house, provider_id)
    assert isinstance(state, Delisted)
    assert running == 0
    assert (await house.breaches())["R4"] == []


async def test_a_contract_that_began_before_the_end_was_worked_off_holds_the_exit_up(house: House) -> None:
    provider_id = await at_the_end_of_its_notice(house, "race-before")
    await tell(house, ContractSubmitted, provider_id, 1)
    await asyncio.gather(*(leave(house, provider_id) for _ in range(4)))
    assert isinstance((await standing(house, provider_id))[0], Listed)
    ends = [tell(house, ContractCompleted, provider_id, 1), tell(house, ContractSubmitted, provider_id, 2)]
    await asyncio.gather(*ends, leave(house, provider_id))
    state, running = await standing(house, provider_id)
    assert running == 1
    if isinstance(state, Listed):
        await house.wait(A_DAY)
        assert isinstance((await standing(house, provider_id))[0], Listed)
