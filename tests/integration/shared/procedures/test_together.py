"""A kind whose handler does many deadlines at once: the same order, the same care, and far fewer transactions."""

from collections.abc import Sequence

import pytest

from shared.procedures.due import DueHandlers, Together, clear_deadline
from shared.store.transaction import Transaction
from tests.integration.shared.procedures.waiting import MINUTE, NOON, Desk


def _handlers(desk: Desk, *poisoned: str) -> DueHandlers:
    async def lapse(tx: Transaction, subjects: Sequence[str]) -> None:
        for subject in subjects:
            await desk.lapse(tx, subject)
        if hit := set(subjects) & set(poisoned):
            raise ValueError(f"poison: {sorted(hit)}")

    return {"lapse": Together(lapse)}


async def test_many_deadlines_are_done_in_order_in_few_transactions(desk: Desk) -> None:
    await desk.wait_for_many("lapse", 1_010)
    assert await desk.due_list(_handlers(desk)).sweep() == 1_010
    assert await desk.done() == [f"{n:06}" for n in range(1, 1_011)]
    assert await desk.open() == []
    assert desk.commits == 5


async def test_what_is_poisoned_waits_with_its_reason_and_all_others_are_done(desk: Desk) -> None:
    await desk.wait_for_many("lapse", 300)
    assert await desk.due_list(_handlers(desk, "000007", "000280")).sweep() == 298
    assert await desk.done() == [f"{n:06}" for n in range(1, 301) if n not in {7, 280}]
    assert [(row.subject, row.failure) for row in await desk.open()] == [
        ("000007", "ValueError: poison: ['000007']"),
        ("000280", "ValueError: poison: ['000280']"),
    ]


async def test_an_event_that_somebody_else_wrote_first_is_decided_again_alone(desk: Desk) -> None:
    await desk.wait_for_many("lapse", 3)
    async with desk.transaction() as tx:
        await desk.lapse(tx, "000002")
    seen: list[Sequence[str]] = []

    async def lapse(tx: Transaction, subjects: Sequence[str]) -> None:
        seen.append(subjects)
        done = set(await desk.done())
        for subject in subjects:
            if len(subjects) > 1 or subject not in done:
                await desk.lapse(tx, subject)

    assert await desk.due_list({"lapse": Together(lapse)}).sweep() == 3
    assert seen == [["000001", "000002", "000003"], ["000001"], ["000002"], ["000003"]]
    assert sorted(await desk.done()) == ["000001", "000002", "000003"]
    assert await desk.open() == []


async def test_kinds_that_are_done_together_do_not_mix_with_others(desk: Desk) -> None:
    batches: list[tuple[str, ...]] = []

    async def lapse(tx: Transaction, subjects: Sequence[str]) -> None:
        batches.append(tuple(subjects))
        for subject in subjects:
            await desk.lapse(tx, subject)

    for kind, subject in (("lapse", "a"), ("lapse", "b"), ("close", "c"), ("lapse", "d")):
        await desk.wait_for(kind, subject, NOON)
    handlers: DueHandlers = {"lapse": Together(lapse), "close": desk.lapse}
    assert await desk.due_list(handlers).sweep() == 4
    assert batches == [("a", "b"), ("d",)]
    assert await desk.done() == ["a", "b", "c", "d"]


@pytest.mark.parametrize("kept", ["b", "x"])
async def test_a_handler_may_set_and_clear_deadlines_of_its_kind(desk: Desk, kept: str) -> None:
    for subject, minutes in (("a", 0), ("b", 0), ("x", 5)):
        await desk.wait_for("lapse", subject, NOON + minutes * MINUTE)

    async def lapse(tx: Transaction, subjects: Sequence[str]) -> None:
        for subject in subjects:
            await desk.lapse(tx, subject)
        await clear_deadline(tx, "lapse", kept)

    assert await desk.due_list({"lapse": Together(lapse)}).sweep() == 2
    assert [row.subject for row in await desk.open()] == ([] if kept == "x" else ["x"])
