"""`cxq rehear`, from the shell to the positions in the database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from shared.bus.republish import republish
from shared.bus.topics import Topics, partition_of
from shared.database import create_engine
from tests.contexts import fresh_contexts
from tests.integration.cli.test_parking import KEY, Parked, enrol


@pytest.fixture
async def told(postgres_url: str, kafka_bootstrap: str, tmp_path: Path) -> AsyncIterator[Parked]:
    """A topic of the registry with three events of one key, of which redemption's reactions have heard nothing."""
    async with fresh_contexts(postgres_url, "registry", "redemption", kafka_bootstrap=kafka_bootstrap) as settings:
        registry = create_engine(settings.application_url("registry"), pool_size=1)
        redemption = create_engine(settings.application_url("redemption"), pool_size=1)
        try:
            await enrol(registry, None, "prv_1", "prv_2")
            await republish(settings, "registry", lambda *_: None)
            yield Parked(settings, redemption, tmp_path)
        finally:
            await registry.dispose()
            await redemption.dispose()
            async with Topics(settings) as topics:
                await topics.delete(settings.topic("registry"))


async def heard(told: Parked, position: int) -> None:
    """Have the reactions stand at an event that the topic does not tell."""
    partition = partition_of(KEY, told.settings.topic_partitions)
    async with told.redemption.begin() as connection:
        await connection.execute(
            sa.text(
                "INSERT INTO consumer_positions (consumer, topic, partition, next_offset, position, hash)"
                " VALUES ('reactions', :topic, :partition, :position, :position, repeat('e', 64))"
            ),
            {"topic": told.settings.topic("registry"), "partition": partition, "position": position},
        )


async def test_reactions_are_put_back_from_the_shell(told: Parked) -> None:
    await heard(told, 7)
    partition = partition_of(KEY, told.settings.topic_partitions)
    assert await told.cxq("rehear", "redemption", "registry", "--after", "2") == (
        0,
        f"redemption: partition {partition} of registry goes back from position 7 to 2.\n",
        "",
    )
    async with told.redemption.connect() as connection:
        stored = await connection.execute(sa.text("SELECT next_offset, position FROM consumer_positions"))
        assert [tuple(row) for row in stored] == [(2, 2)]
    again = await told.cxq("rehear", "redemption", "registry", "--after", "2")
    assert again == (0, "redemption: the reactions have heard nothing of registry beyond position 2.\n", "")


async def test_a_position_after_the_stories_parted_is_refused_in_a_sentence(told: Parked) -> None:
    await heard(told, 2)
    code, answer, said = await told.cxq("rehear", "redemption", "registry", "--after", "3")
    assert (code, answer) == (1, "")
    assert "position 2 was heard as eeeeeeeeeeee, which the topic does not tell" in " ".join(said.split())
    assert "the stories parted before position 3" in " ".join(said.split())
