"""A read model that has heard events which a restored log does not have: noticed, forgotten, and whole again."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from shared.context import BoundedContext
from shared.database import create_engine, create_owner_engine
from shared.projections.projection import Projection
from shared.projections.rebuild import HeardLostStoryError, RebuildError, _Rebuild
from shared.store.migrate import migrate
from shared.supervision import State
from tests.contexts import drop_contexts
from tests.integration.shared.bus.log_and_topic import eventually, state
from tests.integration.shared.projections.balances import BALANCES_PROJECTION, SLIPS_PROJECTION, TABLES
from tests.integration.shared.projections.interrupted import POINTS, killed_at
from tests.integration.shared.projections.office import Office

NEIGHBOUR = BoundedContext(name="contracts", title="合同 · Contracts", folder=Path(), routers=(), policy={})


@pytest.fixture
async def neighbour(office: Office) -> AsyncIterator[Office]:
    """The read model in another context's database, which knows of the log from the topic alone."""
    settings, name = office.settings, NEIGHBOUR.name
    await migrate(settings, name)
    owner, engine = create_owner_engine(settings.owner_url(name)), create_engine(settings.application_url(name))
    async with owner.begin() as connection:
        await connection.run_sync(TABLES.create_all)
    yield replace(office, engine=engine, owner=owner, context=NEIGHBOUR)
    await engine.dispose()
    await owner.dispose()
    await drop_contexts(settings, name)


async def misled(office: Office) -> None:
    """Have the read model hear eighty events, of which the last twenty are lost and other ones come instead."""
    await office.business(60)
    async with office.live():
        await office.caught_up()
    await office.set_back(60)
    await office.business(30)


async def is_fold_of(office: Office, reader: Office) -> None:
    """Wait until a read model is what the log says."""

    async def equal() -> bool:
        return await reader.rows() == await office.fold_of_the_log()

    await eventually(equal)


@pytest.mark.parametrize("projection", [BALANCES_PROJECTION, SLIPS_PROJECTION], ids=lambda each: each.name)
@pytest.mark.parametrize("rows_in_memory_max", [1_000_000, 3])
async def test_what_is_lost_is_noticed_and_forgotten_when_that_is_asked_for(
    office: Office, projection: Projection, rows_in_memory_max: int
) -> None:
    office.projection = projection
    await misled(office)
    await office.published_anew()
    kept = await office.rows()
    with pytest.raises(HeardLostStoryError, match=r"position \d+ was heard as [0-9a-f]{12}, but is .* in the log$"):
        await office.rebuild(rows_in_memory_max=rows_in_memory_max)
    assert await office.breaches() != []
    assert await office.rows() == kept

    report = await office.rebuild(forget_lost=True, rows_in_memory_max=rows_in_memory_max)
    assert (report.events, report.rows_different > 0) == (100, True)
    assert await office.rows() == await office.fold_of_the_log() != kept
    assert await office.breaches() == []
    async with office.live():
        await office.business(40)
        await office.caught_up()
    assert await office.rows() == await office.fold_of_the_log()
    assert (await office.rebuild()).rows_different == 0


async def test_a_read_model_that_halted_goes_on_by_itself_when_what_is_lost_is_forgotten(office: Office) -> None:
    await misled(office)
    await office.published_anew()
    async with office.live() as consumer:
        await state(consumer, State.HALTED)
        assert "`cxq rebuild issuance test_balances --forget-lost` makes it anew" in consumer.progress.detail
        await office.rebuild(forget_lost=True)
        await office.business(40)
        await office.caught_up()
        assert consumer.progress.state == State.RUNNING
    assert await office.rows() == await office.fold_of_the_log()


async def test_a_topic_that_tells_of_what_is_lost_is_not_believed(office: Office) -> None:
    await misled(office)
    kept, heard = await office.rows(), await office.heard()
    with pytest.raises(RebuildError, match="the topic tells of what is lost; first `cxq republish --fresh`"):
        await office.rebuild(forget_lost=True)
    assert (await office.rows(), await office.heard()) == (kept, heard)


@pytest.mark.parametrize("left", [60, 9])
async def test_a_neighbour_forgets_what_a_topic_made_anew_does_not_tell(
    office: Office, neighbour: Office, left: int
) -> None:
    await office.business(60)
    async with office.live(), neighbour.live():
        await office.caught_up()
        await is_fold_of(office, neighbour)
    await office.set_back(left)
    await office.business(30 if left == 60 else 1)
    await office.published_anew()
    kept = await neighbour.rows()
    with pytest.raises(HeardLostStoryError, match=r"was heard as .* in the topic|ends with position .* was set back"):
        await neighbour.rebuild()
    assert await neighbour.rows() == kept
    assert await neighbour.breaches() != []
    await neighbour.rebuild(forget_lost=True)
    assert await neighbour.rows() == await office.fold_of_the_log()
    assert await neighbour.breaches() == []
    async with neighbour.live(relay=False):
        await office.business(40)
        await office.published_anew()
        await is_fold_of(office, neighbour)


async def test_where_nothing_is_lost_there_is_nothing_to_forget(office: Office) -> None:
    await office.business(60)
    async with office.live():
        await office.caught_up()
        kept, heard = await office.rows(), await office.heard()
        report = await office.rebuild(forget_lost=True)
        assert (report.rows_different, report.digest_after) == (0, report.digest_before)
        assert (await office.rows(), await office.heard()) == (kept, heard)
        await office.business(30)
        await office.caught_up()
    assert await office.rows() == await office.fold_of_the_log()


async def test_a_read_model_that_has_heard_nothing_yet_is_made_as_far_as_the_topics_go(office: Office) -> None:
    await office.business(60)
    await office.published_anew()
    assert (await office.rebuild(forget_lost=True)).events == 80
    assert await office.rows() == await office.fold_of_the_log()
    async with office.live():
        await office.business(30)
        await office.caught_up()
    assert await office.rows() == await office.fold_of_the_log()


@pytest.mark.parametrize("point", POINTS)
async def test_a_rebuild_that_forgets_may_be_killed_at_any_point_and_started_again(office: Office, point: str) -> None:
    await misled(office)
    await office.published_anew()
    kept, heard = await office.rows(), await office.heard()
    await killed_at(office.settings, point, "forget_lost")
    assert (await office.rows(), await office.heard()) == (kept, heard)
    await office.rebuild(forget_lost=True)
    assert await office.rows() == await office.fold_of_the_log()
    assert await office.breaches() == []


async def test_a_read_model_set_back_while_it_is_rebuilt_stays_as_it_is(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.business(60)
    async with office.live():
        await office.caught_up()
    come_close = _Rebuild._come_close

    async def set_back_meanwhile(rebuilding: _Rebuild) -> None:
        await come_close(rebuilding)
        await office.sql("UPDATE consumer_positions SET next_offset = 0, position = 0, hash = ''")

    monkeypatch.setattr(_Rebuild, "_come_close", set_back_meanwhile)
    with pytest.raises(RebuildError, match="test_balances was set back while it was rebuilt; rebuild again"):
        await office.rebuild()
    assert await office.sql("SELECT max(position) FROM consumer_positions") == [0]


async def test_a_topic_made_anew_while_it_is_read_stops_the_rebuild(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events of the new story follow the same positions at the same offsets: all of them are of one claimant."""
    await office.business(60, claimants=1)
    await office.published_anew()
    come_close = _Rebuild._come_close

    async def made_anew_meanwhile(rebuilding: _Rebuild) -> None:
        await come_close(rebuilding)
        await office.set_back(70)
        await office.business(60, claimants=1)
        await office.published_anew()

    monkeypatch.setattr(_Rebuild, "_come_close", made_anew_meanwhile)
    with pytest.raises(RebuildError, match="position 80 became another event while it was read"):
        await office.rebuild(forget_lost=True)
    assert await office.rows() == {}


async def test_what_was_heard_otherwise_at_the_same_place_is_named(office: Office, neighbour: Office) -> None:
    await office.business(30, claimants=1)
    async with office.live(), neighbour.live():
        await office.caught_up()
        await is_fold_of(office, neighbour)
    (now,) = await office.sql("SELECT encode(hash, 'hex') FROM events WHERE position = 40")
    otherwise = f"position 40 was heard as 000000000000, but is {now[:12]} in the"
    for each in (office, neighbour):
        await each.sql("UPDATE consumer_positions SET hash = repeat('0', 64) WHERE position = 40")
        assert [breach.found.partition(": ")[2] for breach in await each.breaches()] == [f"{otherwise} topic"]
    with pytest.raises(HeardLostStoryError, match=f"{otherwise} log"):
        await office.rebuild()
    with pytest.raises(HeardLostStoryError, match=f"{otherwise} topic"):
        await neighbour.rebuild()
