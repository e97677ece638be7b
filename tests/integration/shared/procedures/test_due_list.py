"""What is due is done in order, once, together with its effect; what fails holds up nobody."""

import asyncio
from datetime import timedelta

import sqlalchemy as sa

from shared.procedures.due import DueHandler, clear_deadline, set_deadline
from shared.store.transaction import Transaction
from tests.integration.shared.bus.log_and_topic import eventually
from tests.integration.shared.procedures.waiting import MINUTE, NOON, Desk


async def test_deadlines_are_done_in_order_of_their_due_time_then_subject(desk: Desk) -> None:
    for subject, minutes in (("d", 3), ("b", 1), ("c", 1), ("a", 2)):
        await desk.wait_for("lapse", subject, NOON + minutes * MINUTE)
    desk.clock.advance(5 * MINUTE)
    assert await desk.due_list({"lapse": desk.lapse}).sweep() == 4
    assert await desk.done() == ["b", "c", "a", "d"]
    assert await desk.open() == []


async def test_nothing_is_done_before_its_time_and_everything_at_it(desk: Desk) -> None:
    await desk.wait_for("lapse", "a", NOON + MINUTE)
    due = desk.due_list({"lapse": desk.lapse})
    desk.clock.advance(MINUTE - timedelta(microseconds=1))
    assert await due.sweep() == 0
    assert (await desk.done(), desk.commits) == ([], 0)
    desk.clock.advance(timedelta(microseconds=1))
    assert await due.sweep() == 1
    assert (await desk.done(), desk.commits) == (["a"], 1)


async def test_what_is_long_overdue_is_done_once(desk: Desk) -> None:
    await desk.wait_for("lapse", "a", NOON - timedelta(days=900))
    due = desk.due_list({"lapse": desk.lapse})
    assert [await due.sweep(), await due.sweep()] == [1, 0]
    assert await desk.done() == ["a"]


async def test_the_event_says_that_the_clock_brought_it_about(desk: Desk) -> None:
    await desk.wait_for("lapse", "a", NOON)
    await desk.wait_for("lapse", "b", NOON)
    await desk.due_list({"lapse": desk.lapse}).sweep()
    async with desk.engine.connect() as connection:
        found = await connection.execute(
            sa.text(
                "SELECT metadata->>'actor', metadata->>'correlation_id' FROM events WHERE stream IN (:a, :b) ORDER BY 2"
            ),
            {"a": desk.stream("a"), "b": desk.stream("b")},
        )
    assert [tuple(row) for row in found] == [("clock", "due-lapse-a"), ("clock", "due-lapse-b")]


async def test_a_deadline_that_fails_waits_with_its_reason_and_the_others_are_done(desk: Desk) -> None:
    for subject in "abc":
        await desk.wait_for("lapse", subject, NOON)
    tries = 0

    async def lapse(tx: Transaction, subject: str) -> None:
        nonlocal tries
        await desk.lapse(tx, subject)
        if subject == "b":
            tries += 1
            raise ValueError("not now")

    due = desk.due_list({"lapse": lapse})
    assert await due.sweep() == 2
    assert await desk.done() == ["a", "c"]
    (waiting,) = await desk.open()
    assert (waiting.subject, waiting.attempts, waiting.failure) == ("b", 1, "ValueError: not now")
    assert waiting.retry_at == NOON + timedelta(seconds=2)

    tries = 0
    desk.clock.advance(timedelta(seconds=1))
    assert (await due.sweep(), tries) == (0, 0)
    desk.clock.advance(timedelta(seconds=1))
    assert await due.sweep() == 0
    assert (await desk.open())[0].attempts == 2

    desk.clock.advance(timedelta(hours=1))
    assert await desk.due_list({"lapse": desk.lapse}).sweep() == 1
    assert await desk.done() == ["a", "c", "b"]


async def test_a_statement_that_fails_in_the_database_holds_up_no_other(desk: Desk) -> None:
    for subject in "abc":
        await desk.wait_for("lapse", subject, NOON)

    async def lapse(tx: Transaction, subject: str) -> None:
        await desk.lapse(tx, subject)
        if subject == "a":
            await tx.connection.execute(sa.text("SELECT 1 / 0"))

    assert await desk.due_list({"lapse": lapse}).sweep() == 2
    assert await desk.done() == ["b", "c"]
    assert "division by zero" in (await desk.open())[0].failure


async def test_a_handler_may_set_the_next_deadline_of_the_same_kind(desk: Desk) -> None:
    await desk.wait_for("remind", "a", NOON)

    async def remind(tx: Transaction, subject: str) -> None:
        await desk.lapse(tx, subject)
        await set_deadline(tx, "remind", subject, desk.clock.now() + MINUTE)

    assert await desk.due_list({"remind": remind}).sweep() == 1
    assert [row.due_at for row in await desk.open()] == [NOON + MINUTE]


async def test_a_deadline_cleared_by_an_earlier_one_of_the_same_sweep_is_not_done(desk: Desk) -> None:
    for subject in "ab":
        await desk.wait_for("lapse", subject, NOON)

    async def lapse(tx: Transaction, subject: str) -> None:
        await desk.lapse(tx, subject)
        await clear_deadline(tx, "lapse", "b")

    assert await desk.due_list({"lapse": lapse}).sweep() == 1
    assert await desk.done() == ["a"]
    assert await desk.open() == []


async def test_a_deadline_moved_by_an_earlier_one_of_the_same_sweep_waits(desk: Desk) -> None:
    for subject in "ab":
        await desk.wait_for("lapse", subject, NOON)

    async def lapse(tx: Transaction, subject: str) -> None:
        await desk.lapse(tx, subject)
        await set_deadline(tx, "lapse", "b", NOON + MINUTE)

    due = desk.due_list({"lapse": lapse})
    assert await due.sweep() == 1
    assert await desk.done() == ["a"]


async def test_deadlines_that_write_to_one_stream_are_all_done(desk: Desk) -> None:
    for subject in "abcde":
        await desk.wait_for("lapse", subject, NOON)

    async def lapse(tx: Transaction, subject: str) -> None:
        stream = desk.stream("shared")
        found = sa.text("SELECT count(*) FROM events WHERE stream = :stream")
        version = (await tx.connection.execute(found, {"stream": stream})).scalar_one()
        tx.append(stream, version, [desk.fact(subject)])

    assert await desk.due_list({"lapse": lapse}).sweep() == 5
    assert await desk.done() == ["a", "b", "c", "d", "e"]


async def test_two_workers_share_the_list_and_nothing_is_done_twice(desk: Desk) -> None:
    await desk.wait_for_many("lapse", 450)
    done = await asyncio.gather(*(desk.due_list({"lapse": desk.lapse}).sweep() for _ in range(3)))
    assert sum(done) == 450
    assert sorted(await desk.done()) == [f"{n:06}" for n in range(1, 451)]
    assert await desk.open() == []


async def test_a_long_list_is_done_in_order_many_to_a_transaction(desk: Desk) -> None:
    await desk.wait_for_many("lapse", 1_050)

    async def lapse(tx: Transaction, subject: str) -> None:
        if subject == "000777":
            raise ValueError("poison")
        await desk.lapse(tx, subject)

    assert await desk.due_list({"lapse": lapse}).sweep() == 1_049
    assert await desk.done() == [f"{n:06}" for n in range(1, 1_051) if n != 777]
    assert desk.commits < 130


async def test_deadlines_of_different_kinds_are_never_done_in_one_transaction(desk: Desk) -> None:
    for subject, kind in (("a", "close"), ("b", "close"), ("c", "lapse"), ("d", "lapse"), ("e", "close")):
        await desk.wait_for(kind, subject, NOON)
    kinds_of: dict[str, list[str]] = {}

    def noting(kind: str) -> DueHandler:
        async def handler(tx: Transaction, subject: str) -> None:
            await desk.lapse(tx, subject)
            transaction = await tx.connection.scalar(sa.text("SELECT pg_current_xact_id()::text"))
            kinds_of.setdefault(transaction, []).append(kind)

        return handler

    assert await desk.due_list({kind: noting(kind) for kind in ("close", "lapse")}).sweep() == 5
    assert list(kinds_of.values()) == [["close", "close"], ["lapse", "lapse"], ["close"]]
    assert await desk.done() == ["a", "b", "c", "d", "e"]


async def test_a_kind_that_this_process_does_not_know_is_left_to_one_that_does(desk: Desk) -> None:
    await desk.wait_for("unheard-of", "a", NOON)
    assert await desk.due_list({"lapse": desk.lapse}).sweep() == 0
    assert [row.attempts for row in await desk.open()] == [0]


async def test_the_worker_wakes_for_what_comes_due_and_for_what_is_new(desk: Desk) -> None:
    due = desk.due_list({"lapse": desk.lapse})
    working = asyncio.create_task(due.run())
    try:
        await desk.wait_for("lapse", "later", NOON + timedelta(hours=1))
        await desk.wait_for("lapse", "new", NOON)
        due.wake()
        await eventually(lambda: _done(desk, ["new"]), within=5)
        desk.clock.advance(timedelta(hours=1))
        await eventually(lambda: _done(desk, ["new", "later"]), within=5)
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def _done(desk: Desk, subjects: list[str]) -> bool:
    return await desk.done() == subjects


async def test_an_effect_that_is_not_committed_leaves_its_deadline(desk: Desk) -> None:
    await desk.wait_for("lapse", "a", NOON)
    begun = asyncio.Event()

    async def hang(tx: Transaction, subject: str) -> None:
        await desk.lapse(tx, subject)
        begun.set()
        await asyncio.Event().wait()

    stopped = asyncio.create_task(desk.due_list({"lapse": hang}).sweep())
    await begun.wait()
    stopped.cancel()
    await asyncio.gather(stopped, return_exceptions=True)
    await desk.engine.dispose()  # its connection may have been ended as idle in a transaction, on a slow machine
    assert (await desk.done(), len(await desk.open())) == ([], 1)
    assert await desk.due_list({"lapse": desk.lapse}).sweep() == 1
    assert await desk.done() == ["a"]


async def test_a_deadline_that_another_worker_holds_is_left_to_it(desk: Desk) -> None:
    for subject in "ab":
        await desk.wait_for("lapse", subject, NOON)
    async with desk.engine.begin() as other:
        await other.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = 0"))  # it is held on purpose
        await other.execute(sa.text("SELECT 1 FROM deadlines WHERE subject = 'a' FOR UPDATE"))
        async with asyncio.timeout(10):
            assert await desk.due_list({"lapse": desk.lapse}).sweep() == 1
    assert await desk.done() == ["b"]


async def test_a_cleared_deadline_is_not_counted_where_each_is_done_by_itself(desk: Desk) -> None:
    for subject in "abc":
        await desk.wait_for("lapse", subject, NOON)

    async def lapse(tx: Transaction, subject: str) -> None:
        if subject == "a":
            raise ValueError("not now")
        await desk.lapse(tx, subject)
        await clear_deadline(tx, "lapse", "c")

    assert await desk.due_list({"lapse": lapse}).sweep() == 1
    assert await desk.done() == ["b"]
    assert [row.subject for row in await desk.open()] == ["a"]
