"""The line of claims on a real PostgreSQL: order, one writer, and what happens when something breaks between."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from services.issuance.domain.voucher_stages import Voucher
from services.issuance.intake.intake import OWN_LINE_MAX, TooManyClaimsError
from services.issuance.intake.ownership import HeldElsewhereError
from services.issuance.use_cases.cancelling import cancel_voucher
from shared.kernel.refusal import Refused
from shared.store.execution import Answer, KeyInProgressError, KeyReusedError, OutcomeUnknownError, StoreBusyError
from tests.integration.issuance.office import Office
from tests.locks import until_waited_for

FACE = 100
_DEADLINE_S = 10.0


@pytest.fixture
async def other(engine: AsyncEngine) -> AsyncIterator[Office]:
    """Another instance of the same office."""
    opened = Office(engine)
    yield opened
    await opened.close()


def _body(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(answer.body)
    return found


async def _companies(office: Office, number: int) -> list[str]:
    return [await office.register() for _ in range(number)]


async def _at_once(office: Office, period_id: str, claimants: list[str]) -> list[Answer | BaseException]:
    return await asyncio.gather(
        *(office.ask(period_id, claimant_id, FACE) for claimant_id in claimants), return_exceptions=True
    )


async def test_places_follow_the_order_of_arrival(office: Office) -> None:
    claimants, period_id = await _companies(office, 60), await office.open_period()
    answers = await _at_once(office, period_id, claimants)
    assert [_body(answer)["place"] for answer in answers if isinstance(answer, Answer)] == list(range(1, 61))
    positions = [int(answer.headers["Event-Position"]) for answer in answers if isinstance(answer, Answer)]
    assert positions == list(range(positions[0], positions[0] + 60))


async def test_a_company_with_many_parallel_claims_gains_nothing_over_one_with_one(office: Office) -> None:
    greedy, *others = await _companies(office, 6)
    period_id = await office.open_period(6 * FACE)
    answers = await _at_once(office, period_id, [greedy] * 12 + others)
    places = [_body(answer)["place"] for answer in answers if isinstance(answer, Answer)]
    assert sorted(places) == [1, 2, 3, 4, 5, 6]
    assert [_body(answer)["place"] for answer in answers[12:] if isinstance(answer, Answer)] == [2, 3, 4, 5, 6]


async def test_a_company_may_not_fill_the_line(office: Office) -> None:
    greedy, period_id = await office.register(), await office.open_period()
    answers = await _at_once(office, period_id, [greedy] * (OWN_LINE_MAX + 5))
    sent_away = [answer for answer in answers if isinstance(answer, TooManyClaimsError)]
    granted = [answer for answer in answers if isinstance(answer, Answer)]
    assert (len(sent_away), len(granted)) == (4, OWN_LINE_MAX + 1)


async def test_the_winner_of_a_sold_out_period_gets_its_answer_again_and_a_stranger_is_told_so(office: Office) -> None:
    winner, stranger = await _companies(office, 2)
    period_id = await office.open_period(FACE)
    first = await office.ask(period_id, winner, FACE, key="winner")
    for number in range(30):  # at first everyone is looked up, later from memory
        with pytest.raises(Refused, match="quota-exhausted"):
            await office.ask(period_id, stranger, FACE, key=f"stranger-{number}")
        again = await office.ask(period_id, winner, FACE, key="winner")
        assert (again.body, again.replayed) == (first.body, True)
        await asyncio.sleep(0)
    assert await office.quota_of(period_id) == (0, FACE, 0, 1)


async def test_what_else_stands_against_a_claim_is_told_though_nothing_is_left(office: Office) -> None:
    winner, stranger = await _companies(office, 2)
    period_id = await office.open_period(FACE, face_value_max=FACE)
    await office.ask(period_id, winner, FACE)

    async def codes(amount: int) -> set[tuple[str, ...]]:
        told = set()
        for _ in range(30):  # at first everyone is looked up, later from memory
            with pytest.raises(Refused) as refused:
                await office.ask(period_id, stranger, amount)
            told.add(tuple(reason.code for reason in refused.value.reasons))
            await asyncio.sleep(0)
        return told

    assert await codes(FACE) == {("quota-exhausted",)}
    assert await codes(FACE + 1) == {("face-value-out-of-range", "quota-exhausted")}
    office.clock.at += timedelta(days=30)
    assert await codes(FACE) == {("period-closed", "quota-exhausted")}


async def test_a_writer_that_starts_after_the_sell_out_knows_the_winners(office: Office, other: Office) -> None:
    winner, stranger = await _companies(office, 2)
    period_id = await office.open_period(FACE)
    first = await office.ask(period_id, winner, FACE, key="the-only-one")
    await office.close()
    for _ in range(10):
        with pytest.raises(Refused, match="quota-exhausted"):
            await other.ask(period_id, stranger, FACE)
        assert (await other.ask(period_id, winner, FACE, key="the-only-one")).body == first.body


async def test_a_key_has_one_request_and_one_answer(office: Office) -> None:
    claimant_id, period_id = await office.register(), await office.open_period()
    first, twin = await asyncio.gather(
        office.ask(period_id, claimant_id, FACE, key="one-key"),
        office.ask(period_id, claimant_id, FACE, key="one-key"),
        return_exceptions=True,
    )
    assert isinstance(first, Answer)
    assert isinstance(twin, KeyInProgressError)
    assert (await office.ask(period_id, claimant_id, FACE, key="one-key")).body == first.body
    with pytest.raises(KeyReusedError):
        await office.ask(period_id, claimant_id, 2 * FACE, key="one-key")
    assert await office.year_of(claimant_id) == (FACE, 0)


async def test_a_refusal_that_passes_leaves_its_key_free_and_one_for_good_does_not(office: Office) -> None:
    claimant_id, period_id = await office.register(), await office.open_period()
    now = office.clock.at
    office.clock.at = now - timedelta(seconds=1)
    with pytest.raises(Refused, match="period-not-open-yet"):
        await office.ask(period_id, claimant_id, FACE, key="early-bird")
    office.clock.at = now
    assert (await office.ask(period_id, claimant_id, FACE, key="early-bird")).status == 201
    with pytest.raises(Refused, match="face-value-out-of-range"):
        await office.ask(period_id, claimant_id, 0, key="nothing")
    again = await office.ask(period_id, claimant_id, 0, key="nothing")
    assert (again.status, again.replayed) == (422, True)


async def test_one_claim_that_cannot_be_written_takes_no_other_with_it(office: Office) -> None:
    claimants, period_id = await _companies(office, 9), await office.open_period()
    names = ["" if number != 4 else "not \x00 text" for number in range(9)]
    answers = await asyncio.gather(
        *(office.ask(period_id, one, FACE, key=name) for one, name in zip(claimants, names, strict=True)),
        return_exceptions=True,
    )
    assert [isinstance(answer, Answer) for answer in answers] == [number != 4 for number in range(9)]
    assert isinstance(answers[4], asyncpg.PostgresError)
    assert await office.quota_of(period_id) == (1_000_000_000 - 8 * FACE, 8 * FACE, 0, 8)


async def test_money_that_came_back_is_seen_by_a_writer_that_knew_none(office: Office) -> None:
    owner, next_one = await _companies(office, 2)
    period_id = await office.open_period(FACE)
    held = await office.claim(period_id, owner, FACE)
    with pytest.raises(Refused, match="quota-exhausted"):
        await office.claim(period_id, next_one, FACE)
    async with office.engine.begin() as connection:
        await connection.execute(
            sa.text("UPDATE quotas SET remaining = remaining + 100, returned = returned + 100 WHERE period_id = :id"),
            {"id": period_id},
        )
    granted = await office.claim_soon(period_id, next_one, FACE)
    assert (held.place, granted.place) == (1, 2)


async def test_a_place_that_another_writer_has_given_meanwhile_is_not_given_again(office: Office) -> None:
    first, second = await _companies(office, 2)
    period_id = await office.open_period()
    assert (await office.claim(period_id, first, FACE)).place == 1
    async with office.engine.begin() as connection:
        grant = "remaining = remaining - 100, issued = issued + 100, claims = claims + 1"
        await connection.execute(sa.text(f"UPDATE quotas SET {grant} WHERE period_id = :id"), {"id": period_id})
    assert (await office.claim(period_id, second, FACE)).place == 3


async def test_what_is_owed_to_those_who_wait_is_nobody_elses_to_claim(office: Office) -> None:
    claimant_id, period_id = await office.register(), await office.open_period(FACE)
    async with office.engine.begin() as connection:
        owed = sa.text("UPDATE quotas SET waiting = 1, owed = remaining WHERE period_id = :id")
        await connection.execute(owed, {"id": period_id})
    with pytest.raises(Refused, match="quota-exhausted"):
        await office.claim(period_id, claimant_id, FACE)


async def test_what_a_year_gave_back_can_be_claimed_at_once(office: Office) -> None:
    claimant_id, period_id = await office.register(), await office.open_period()
    held = [await office.claim(period_id, claimant_id, 5_000_000) for _ in range(4)]
    with pytest.raises(Refused, match="allowance-exceeded"):
        await office.claim(period_id, claimant_id, FACE)
    await office.do(lambda tx: cancel_voucher(tx, voucher_id=held[0].voucher_id, claimant_id=claimant_id))
    assert isinstance(await office.claim(period_id, claimant_id, 5_000_000), Voucher)


async def test_another_instance_names_the_writer_and_takes_over_when_it_is_gone(office: Office, other: Office) -> None:
    claimants, period_id = await _companies(office, 2), await office.open_period()
    first = await office.claim(period_id, claimants[0], FACE)
    with pytest.raises(HeldElsewhereError) as held:
        await other.claim(period_id, claimants[1], FACE)
    assert held.value.address == office.address
    await office.close()
    async with asyncio.timeout(_DEADLINE_S):
        while True:
            try:
                second = await other.claim(period_id, claimants[1], FACE)
                break
            except HeldElsewhereError:
                await asyncio.sleep(0.02)
    assert (first.place, second.place) == (1, 2)


async def test_a_writer_that_was_cut_off_writes_nothing_more_on_its_old_copies(office: Office, other: Office) -> None:
    claimants, period_id = await _companies(office, 3), await office.open_period(2 * FACE)
    await office.claim(period_id, claimants[0], FACE)
    await other.intake.take_over(period_id)
    async with asyncio.timeout(_DEADLINE_S):
        while True:
            try:
                await other.claim(period_id, claimants[1], FACE)
                break
            except HeldElsewhereError:
                await asyncio.sleep(0.02)
    with pytest.raises((HeldElsewhereError, OutcomeUnknownError)):
        await office.ask(period_id, claimants[2], FACE)
    assert await office.quota_of(period_id) == (0, 2 * FACE, 0, 2)


async def test_a_connection_cut_amid_a_batch_leaves_the_outcome_to_the_same_key(
    office: Office, engine: AsyncEngine
) -> None:
    claimants, period_id = await _companies(office, 2), await office.open_period()
    await office.claim(period_id, claimants[0], FACE)
    async with engine.connect() as blocking:
        await blocking.execute(sa.text("SELECT 1 FROM quotas WHERE period_id = :id FOR UPDATE"), {"id": period_id})
        asked = asyncio.create_task(office.ask(period_id, claimants[1], FACE, key="cut-off"))
        await until_waited_for(blocking)
        await _cut_writers(engine)
        with pytest.raises(OutcomeUnknownError):
            await asked
        await blocking.rollback()
    answer = await office.ask(period_id, claimants[1], FACE, key="cut-off")
    assert (answer.status, _body(answer)["place"]) == (201, 2)
    assert await office.quota_of(period_id) == (1_000_000_000 - 2 * FACE, 2 * FACE, 0, 2)


async def test_a_quota_that_somebody_holds_too_long_makes_claims_wait_and_then_sends_them_away_unharmed(
    office: Office, owner: AsyncEngine
) -> None:
    claimant_id, period_id = await office.register(), await office.open_period()
    async with owner.connect() as blocking:  # a service's own would be ended after a second
        await blocking.execute(sa.text("SELECT 1 FROM quotas WHERE period_id = :id FOR UPDATE"), {"id": period_id})
        with pytest.raises(StoreBusyError):
            await office.ask(period_id, claimant_id, FACE, key="patient")
        await blocking.rollback()
    assert (await office.ask(period_id, claimant_id, FACE, key="patient")).status == 201
    assert await office.year_of(claimant_id) == (FACE, 0)


async def test_whoever_still_waits_when_the_service_stops_is_told_and_nothing_is_half_written(office: Office) -> None:
    claimants, period_id = await _companies(office, 20), await office.open_period()
    asked = [asyncio.create_task(office.ask(period_id, claimant_id, FACE)) for claimant_id in claimants]
    await asyncio.sleep(0)
    await office.close()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(answer, (Answer, StoreBusyError, OutcomeUnknownError)) for answer in answers)
    granted = sum(isinstance(answer, Answer) for answer in answers)
    assert (await office.quota_of(period_id))[3] >= granted


async def _cut_writers(engine: AsyncEngine) -> None:
    cut = sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cxq-intake-test'")
    async with engine.connect() as connection:
        await connection.execute(cut)
