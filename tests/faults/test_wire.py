"""Claims while the writer's own connection to PostgreSQL is cut, or nothing comes through it any more."""

import asyncio

import pytest

from tests.faults.crowd import AMOUNT, Crowd
from tests.faults.scene import Scene
from tests.faults.wire import Direction, Line, Wire

PLENTY = AMOUNT * 1_000_000
WRITER = "cxq-issuance-intake"
RECOVERS_WITHIN_S = 15.0
IN_TIME = "ReadTimeout"
"""What a caller says who waited five seconds: a service answers before that, if only with 503."""


def wire_of(stage: Scene) -> Wire:
    """Give the wire, and insist that the writers use it."""
    assert stage.wire is not None
    assert stage.wire.of(WRITER), "no writer has a connection"
    return stage.wire


async def hurt_amid_a_batch(wire: Wire, *directions: Direction) -> list[Line]:
    """Let nothing through any more, and return when that has swallowed something."""
    lines = wire.hurt(WRITER, lambda line: line.fall_silent(*directions))
    swallowing = [asyncio.create_task(line.said.wait()) for line in lines]
    async with asyncio.timeout(5):
        await asyncio.wait(swallowing, return_when=asyncio.FIRST_COMPLETED)
    for task in swallowing:
        task.cancel()
    return lines


async def assert_answered_in_time_and_sound(stage: Scene, crowd: Crowd) -> None:
    assert not crowd.seen[IN_TIME], f"somebody waited in vain: {crowd.seen}"
    await stage.assert_sound(crowd)


async def test_claims_survive_a_writer_whose_connection_is_cut_again_and_again(strained: Scene) -> None:
    crowd = await strained.crowd(quota=PLENTY)
    async with crowd.claiming():
        await crowd.more(40)
        for _ in range(5):
            wire_of(strained).hurt(WRITER, Line.cut)
            await crowd.more(40, within=RECOVERS_WITHIN_S)
    assert crowd.seen["busy"] + crowd.seen["outcome-unknown"], f"nobody noticed the cuts: {crowd.seen}"
    await assert_answered_in_time_and_sound(strained, crowd)


async def test_a_batch_whose_answer_is_lost_was_written_once_and_its_keys_tell(strained: Scene) -> None:
    crowd = await strained.crowd(quota=PLENTY)
    async with crowd.claiming():
        await crowd.more(40)
        for line in await hurt_amid_a_batch(wire_of(strained), "answered"):
            line.cut()
        await crowd.more(60, within=RECOVERS_WITHIN_S)
    assert crowd.seen["outcome-unknown"], f"nobody was told that the outcome is unknown: {crowd.seen}"
    await assert_answered_in_time_and_sound(strained, crowd)


async def test_a_batch_that_never_arrived_is_written_when_it_is_sent_again(strained: Scene) -> None:
    crowd = await strained.crowd(quota=PLENTY)
    async with crowd.claiming():
        await crowd.more(40)
        for line in await hurt_amid_a_batch(wire_of(strained), "asked"):
            line.cut()
        await crowd.more(60, within=RECOVERS_WITHIN_S)
    await assert_answered_in_time_and_sound(strained, crowd)


@pytest.mark.parametrize(
    "directions",
    [("asked",), ("answered",), ("asked", "answered")],
    ids=["nothing arrives", "nothing comes back", "nothing either way"],
)
async def test_a_silent_wire_is_given_up_and_the_period_written_through_another(
    strained: Scene, directions: tuple[Direction, ...]
) -> None:
    crowd = await strained.crowd(quota=PLENTY)
    async with crowd.claiming():
        await crowd.more(40)
        silent = await hurt_amid_a_batch(wire_of(strained), *directions)
        try:
            await crowd.more(60, within=RECOVERS_WITHIN_S)
        finally:
            for line in silent:
                line.cut()
        await crowd.more(20, within=RECOVERS_WITHIN_S)
    await assert_answered_in_time_and_sound(strained, crowd)


async def test_the_quota_ends_at_its_last_fen_though_the_writer_is_cut_on_the_way(strained: Scene) -> None:
    claims = 800
    crowd = await strained.crowd(quota=AMOUNT * claims)
    async with crowd.claiming():
        for _ in range(4):
            await crowd.more(60)
            wire_of(strained).hurt(WRITER, Line.cut)
        await crowd.sold_out()
    await assert_answered_in_time_and_sound(strained, crowd)
    assert len(crowd.granted) == claims
