"""One key, one effect, one answer; a lost race is decided again."""

import asyncio

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.store.execution import (
    Answer,
    Commands,
    KeyInProgressError,
    KeyReusedError,
    StoreBusyError,
)
from shared.store.transaction import Handled, StaleVersionError, Transaction
from tests.integration.shared.store.projects import (
    CAUSE,
    PROJECT,
    Confirm,
    Event,
    Facts,
    Project,
    answered,
    confirmed,
    confirming,
    key,
    new_project,
    proposed,
    proposing,
    refused,
    stream_of,
)


@pytest.fixture
async def project(engine: AsyncEngine) -> str:
    """A project that was proposed."""
    name = new_project()
    await Facts(engine).record(stream_of(name), proposed(name))
    return name


async def _versions(engine: AsyncEngine, project: str) -> list[int]:
    async with engine.connect() as connection:
        rows = await connection.execute(
            sa.text("SELECT version FROM events WHERE stream = :s ORDER BY position"), {"s": stream_of(project)}
        )
        return list(rows.scalars())


async def _confirm(commands: Commands, project: str, name: str, by: str = "prv_1", payload: bytes = b"{}") -> Answer:
    return await commands.execute(CAUSE, confirming(project, by), answered, refused, key(name, payload))


async def test_an_answer_is_given_again_byte_for_byte(commands: Commands, engine: AsyncEngine, project: str) -> None:
    first = await _confirm(commands, project, project)
    again = await _confirm(commands, project, project)
    assert (first.status, first.replayed) == (201, False)
    assert (again.status, again.body, again.headers) == (first.status, first.body, first.headers)
    assert again.replayed
    assert await _versions(engine, project) == [1, 2]


async def test_the_answer_names_the_position_of_its_own_event(
    commands: Commands, engine: AsyncEngine, project: str
) -> None:
    answer = await _confirm(commands, project, project)
    async with engine.connect() as connection:
        stream = await connection.execute(
            sa.text("SELECT stream FROM events WHERE position = :p"), {"p": int(answer.headers["Event-Position"])}
        )
        assert stream.scalar_one() == stream_of(project)


async def test_a_key_that_belongs_to_another_request_is_refused(
    commands: Commands, engine: AsyncEngine, project: str
) -> None:
    await _confirm(commands, project, project, payload=b'{"a":1}')
    with pytest.raises(KeyReusedError):
        await _confirm(commands, project, project, "prv_2", payload=b'{"a":2}')
    assert await _versions(engine, project) == [1, 2]


async def test_two_principals_may_use_the_same_key(commands: Commands, engine: AsyncEngine, project: str) -> None:
    for principal in ("one", "two"):
        answer = await commands.execute(
            CAUSE, confirming(project, principal), answered, refused, key(project, principal=principal)
        )
        assert not answer.replayed
    assert await _versions(engine, project) == [1, 2, 3]


async def test_a_key_whose_first_request_is_still_running_has_no_answer_yet(commands: Commands, project: str) -> None:
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def slow(tx: Transaction) -> Handled[Event, Project]:
        inside.set()
        await go_on.wait()
        return await confirming(project)(tx)

    first = asyncio.create_task(commands.execute(CAUSE, slow, answered, refused, key(project)))
    await inside.wait()
    with pytest.raises(KeyInProgressError):
        await _confirm(commands, project, project)
    go_on.set()
    assert (await first).status == 201
    assert (await _confirm(commands, project, project)).replayed


async def test_a_refusal_is_an_answer_and_stays_the_answer(commands: Commands, engine: AsyncEngine) -> None:
    other = new_project()
    first = await _confirm(commands, other, other)
    assert (first.status, first.replayed) == (409, False)
    await Facts(engine).record(stream_of(other), proposed(other))
    again = await _confirm(commands, other, other)
    assert (again.status, again.body, again.replayed) == (409, first.body, True)
    assert await _versions(engine, other) == [1]


async def test_a_refusal_without_a_key_leaves_nothing_behind(commands: Commands, engine: AsyncEngine) -> None:
    project = new_project()

    async def propose_then_refuse(tx: Transaction) -> Handled[Event, Project]:
        await proposing(project)(tx)
        await tx.flush()
        return await proposing(project)(tx)

    answer = await commands.execute(CAUSE, propose_then_refuse, answered, refused)
    assert answer.status == 409
    assert await _versions(engine, project) == []


async def test_a_mistake_of_ours_is_no_answer_and_frees_the_key(
    commands: Commands, engine: AsyncEngine, project: str
) -> None:
    async def break_down(tx: Transaction) -> Handled[Event, Project]:
        await confirming(project)(tx)
        await tx.flush()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await commands.execute(CAUSE, break_down, answered, refused, key(project))
    assert await _versions(engine, project) == [1]
    assert not (await _confirm(commands, project, project)).replayed


async def test_twenty_copies_of_a_request_have_one_effect_and_one_answer(
    commands: Commands, engine: AsyncEngine, project: str
) -> None:
    async def insist() -> Answer:
        async with asyncio.timeout(10):
            while True:
                try:
                    return await _confirm(commands, project, project)
                except KeyInProgressError:
                    await asyncio.sleep(0.005)

    answers = await asyncio.gather(*(insist() for _ in range(20)))
    assert len({(answer.status, answer.body, answer.headers["ETag"]) for answer in answers}) == 1
    assert [answer.replayed for answer in answers].count(False) == 1
    assert await _versions(engine, project) == [1, 2]


async def test_twenty_different_requests_for_one_subject_all_find_their_place(
    commands: Commands, engine: AsyncEngine, project: str
) -> None:
    async def insist(by: str) -> Answer:
        async with asyncio.timeout(20):
            while True:
                try:
                    return await _confirm(commands, project, f"{project}-{by}", by)
                except StoreBusyError:
                    await asyncio.sleep(0.005)

    answers = await asyncio.gather(*(insist(str(number)) for number in range(20)))
    assert sorted(answer.headers["ETag"] for answer in answers) == sorted(f'"{n}"' for n in range(2, 22))
    assert await _versions(engine, project) == list(range(1, 22))


@pytest.mark.parametrize(("interruptions", "attempts"), [(0, 1), (1, 2), (2, 3)])
async def test_who_loses_a_race_decides_again_on_what_is_true_now(
    commands: Commands, engine: AsyncEngine, project: str, interruptions: int, attempts: int
) -> None:
    tried = 0

    async def interrupted(tx: Transaction) -> Handled[Event, Project]:
        nonlocal tried
        tried += 1
        handled = await confirming(project, "me")(tx)
        if tried <= interruptions:
            await Facts(engine).record(stream_of(project), confirmed(project, f"faster {tried}"), after=tried)
        return handled

    answer = await commands.execute(CAUSE, interrupted, answered, refused, key(project))
    assert (tried, answer.headers["ETag"]) == (attempts, f'"{interruptions + 2}"')


async def test_who_loses_every_race_is_told_to_come_back_and_has_done_nothing(
    commands: Commands, engine: AsyncEngine, project: str
) -> None:
    tried = 0

    async def interrupted(tx: Transaction) -> Handled[Event, Project]:
        nonlocal tried
        tried += 1
        handled = await confirming(project, "me")(tx)
        await Facts(engine).record(stream_of(project), confirmed(project, f"faster {tried}"), after=tried)
        return handled

    with pytest.raises(StoreBusyError):
        await commands.execute(CAUSE, interrupted, answered, refused, key(project))
    assert tried == 3
    assert await _versions(engine, project) == [1, 2, 3, 4]
    assert not (await _confirm(commands, project, project)).replayed


async def test_the_new_decision_may_be_a_refusal(commands: Commands, engine: AsyncEngine, project: str) -> None:
    async def overtaken(tx: Transaction) -> Handled[Event, Project]:
        handled = await confirming(project, "me")(tx)
        await Facts(engine).record(stream_of(project), confirmed(project, "me"), after=1)
        return handled

    answer = await commands.execute(CAUSE, overtaken, answered, refused, key(project))
    assert answer.status == 409
    assert await _versions(engine, project) == [1, 2]


async def test_who_decided_on_an_old_version_is_told_which_is_the_newest(commands: Commands, project: str) -> None:
    async def confirm_version_7(tx: Transaction) -> Handled[Event, Project]:
        return await tx.handle(PROJECT, stream_of(project), Confirm(project_id=project, by="me"), if_match=7)

    with pytest.raises(StaleVersionError) as stale:
        await commands.execute(CAUSE, confirm_version_7, answered, refused, key(project))
    assert (stale.value.expected, stale.value.found) == (7, 1)


async def test_the_relay_is_woken_after_the_commit_and_only_then(engine: AsyncEngine, commands: Commands) -> None:
    project, woken = new_project(), 0

    def wake() -> None:
        nonlocal woken
        woken += 1

    attentive = Commands(engine, "contracts", commands.clock, wake)

    async def look_about(tx: Transaction) -> Handled[Event, Project]:
        handled = await proposing(project)(tx)
        assert woken == 0
        return handled

    await attentive.execute(CAUSE, look_about, answered, refused)
    assert woken == 1
    await attentive.execute(CAUSE, proposing(project), answered, refused)
    assert woken == 1
