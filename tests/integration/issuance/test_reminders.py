"""A voucher's last days on a real log: reminders before them, and the end of what nobody registered after them."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from services.issuance.app import DUE
from services.issuance.deadlines import (
    EXPIRE_UNREGISTERED,
    FIND_UNREGISTERED,
    REMIND_OF_REGISTRATION,
    REMIND_OF_VALIDITY,
    await_registration,
)
from services.issuance.use_cases import expiring, reminding
from services.issuance.use_cases.cancelling import cancel_voucher
from shared.events.contracts import ContractRejected, VoucherUse
from shared.kernel.ids import new_id
from shared.procedures.daily import FIRST
from shared.procedures.due_list import DueList
from tests.integration.issuance.office import CONTEXT, NINE_IN_MARCH, Office

FACE = 1_000_000
LAST = date(2026, 3, 17)
"""Fifteen days after the second of March."""
_DAILY = (FIND_UNREGISTERED, REMIND_OF_REGISTRATION, REMIND_OF_VALIDITY)


@pytest.fixture
async def day(office: Office) -> Office:
    """An office whose daily work begins on the day of its clock: the tests share a database, and begin in March."""
    await _begin(office)
    return office


async def _begin(office: Office) -> None:
    async with office.engine.begin() as connection:
        await connection.execute(sa.text("DELETE FROM deadlines"))
        await connection.execute(
            sa.text("INSERT INTO deadlines (kind, subject, due_at) VALUES (:kind, :first, :at)"),
            [{"kind": kind, "first": FIRST, "at": NINE_IN_MARCH} for kind in _DAILY],
        )
    await office.wait_until(office.clock.now())


def _nine(day: date) -> datetime:
    """Nine o'clock in Beijing."""
    return datetime(day.year, day.month, day.day, 1, tzinfo=UTC)


async def _reminders(office: Office, voucher_id: str) -> list[tuple[str, str, int, str]]:
    statement = sa.text(
        "SELECT data->>'deadline', data->>'last_day', (data->>'days_left')::integer, data->>'on' FROM events"
        " WHERE type = 'cxq.issuance.voucher-reminded.v1' AND data->>'voucher_id' = :id ORDER BY position".replace(
            "::", "\\:\\:"
        )
    )
    async with office.engine.connect() as connection:
        return [tuple(row) for row in await connection.execute(statement, {"id": voucher_id})]


async def test_a_claimant_is_reminded_of_the_registration_on_three_mornings(day: Office) -> None:
    held = await day.claim(await day.open_period(), await day.register(), FACE)
    expected: list[tuple[str, str, int, str]] = []
    for step in (5, 3, 1):
        morning = _nine(LAST - timedelta(days=step))
        await day.wait_until(morning - timedelta(microseconds=1))
        assert await _reminders(day, held.voucher_id) == expected
        await day.wait_until(morning)
        expected.append(("registration", "2026-03-17", step, (LAST - timedelta(days=step)).isoformat()))
        assert await _reminders(day, held.voucher_id) == expected
    await day.wait_until(_nine(LAST + timedelta(days=3)))
    assert await _reminders(day, held.voucher_id) == expected
    assert (await day.look(held.voucher_id)).stage == "expired"
    assert await day.names(f"voucher-{held.voucher_id}") == ["voucher-claimed", "voucher-expired"]


async def test_nobody_is_reminded_of_what_is_settled_or_twice(day: Office) -> None:
    period_id, claimant_id = await day.open_period(), await day.register()
    held, cancelled, registered = [await day.claim(period_id, claimant_id, FACE) for _ in range(3)]
    await day.do(lambda tx: cancel_voucher(tx, voucher_id=cancelled.voucher_id, claimant_id=claimant_id))
    await day.submit(new_id("ctr", day.clock.now()), [registered])
    morning = _nine(LAST - timedelta(days=5))
    await day.wait_until(morning)
    for _ in range(2):  # the same day once more, and by several processes at once
        await _begin(day)
    assert [len(await _reminders(day, each.voucher_id)) for each in (held, cancelled, registered)] == [1, 0, 0]
    waits = sa.text("SELECT kind, failure FROM deadlines WHERE kind = ANY(CAST(:kinds AS text[])) ORDER BY kind")
    async with day.engine.connect() as connection:
        left = [tuple(row) for row in await connection.execute(waits, {"kinds": list(_DAILY)})]
    assert left == [(kind, None) for kind in sorted(_DAILY)]


async def test_once_registered_a_voucher_is_reminded_of_the_end_of_its_validity(day: Office) -> None:
    held = await day.claim(await day.open_period(), await day.register(), FACE)
    first = await day.submit(new_id("ctr", day.clock.now()), [held])
    await day.tell(
        ContractRejected(
            contract_id=first.contract_id,
            claimant_id=held.claimant_id,
            provider_id="prv_1",
            vouchers=(VoucherUse(voucher_id=held.voucher_id, amount=FACE),),
            reasons=(),
            on=date(2026, 3, 2),
        )
    )
    await day.submit(new_id("ctr", day.clock.now()), [held])  # given the same last day a second time
    valid_until = (await day.look(held.voucher_id)).valid_until
    assert valid_until == date(2026, 6, 2)
    for left in range(6, -1, -1):
        await day.wait_until(_nine(valid_until - timedelta(days=left)))
    assert await _reminders(day, held.voucher_id) == [
        ("validity", "2026-06-02", step, (valid_until - timedelta(days=step)).isoformat()) for step in (5, 3, 1)
    ]


async def test_reminders_of_many_are_sent_piece_by_piece(day: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reminding, "_PIECE", 2)
    period_id, claimant_id = await day.open_period(), await day.register()
    held = [await day.claim(period_id, claimant_id, FACE) for _ in range(7)]
    await day.wait_until(_nine(LAST - timedelta(days=1)))
    for each in held:  # after a rest of two weeks only the last reminder is sent, once
        assert [left for _, _, left, _ in await _reminders(day, each.voucher_id)] == [1]


async def test_several_processes_share_a_days_reminders_and_nobody_is_reminded_twice(
    day: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reminding, "_PIECE", 2)
    period_id, claimant_id = await day.open_period(), await day.register()
    held = [await day.claim(period_id, claimant_id, FACE) for _ in range(9)]
    day.clock.at = _nine(LAST - timedelta(days=3))
    lists = [DueList(day.engine, CONTEXT, day.clock, day.measures, DUE, lambda: None) for _ in range(4)]
    await asyncio.gather(*(each.sweep() for each in lists))
    await lists[0].sweep()
    for each in held:
        assert [left for _, _, left, _ in await _reminders(day, each.voucher_id)] == [3]


async def test_vouchers_without_a_deadline_of_their_own_are_found_when_their_day_is_over(
    day: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiring, "_PIECE", 2)
    period_id, claimant_id = await day.open_period(), await day.register()
    held = [await day.claim(period_id, claimant_id, FACE) for _ in range(5)]
    registered, released = held[1], held[2]
    await day.submit(new_id("ctr", day.clock.now()), [registered])
    contract = await day.submit(new_id("ctr", day.clock.now()), [released])
    await day.tell(
        ContractRejected(
            contract_id=contract.contract_id,
            claimant_id=claimant_id,
            provider_id="prv_1",
            vouchers=(VoucherUse(voucher_id=released.voucher_id, amount=FACE),),
            reasons=(),
            on=date(2026, 3, 2),
        )
    )
    async with day.engine.begin() as connection:
        await connection.execute(sa.text("DELETE FROM deadlines WHERE kind = :kind"), {"kind": EXPIRE_UNREGISTERED})
    over = datetime(2026, 3, 17, 17, tzinfo=UTC)  # one in the morning of the 18th: the last day and the grace are over
    await day.wait_until(over - timedelta(microseconds=1))
    assert [(await day.look(each.voucher_id)).stage.value for each in held].count("claimed") == 4
    await day.wait_until(over)
    stages = {each.voucher_id: (await day.look(each.voucher_id)).stage.value for each in held}
    assert stages == {each.voucher_id: "committed" if each is registered else "expired" for each in held}
    assert await day.year_of(claimant_id) == (FACE, 0)


async def test_many_vouchers_of_many_claimants_expire_in_one_transaction(day: Office) -> None:
    period_id = await day.open_period()
    owners = [await day.register() for _ in range(3)]
    held = [await day.claim(period_id, owners[n % 3], FACE + n) for n in range(9)]
    later = await day.claim(await day.open_period(), owners[0], 5)  # of the same year, in another period
    for each in (*held, later):  # as the daily search puts them on the due list
        await day.do(partial(await_registration, voucher_id=each.voucher_id, register_by=each.register_by))
    commits = []
    day.clock.at = datetime(2026, 3, 17, 17, tzinfo=UTC)
    due = DueList(
        day.engine,
        CONTEXT,
        day.clock,
        day.measures,
        {EXPIRE_UNREGISTERED: DUE[EXPIRE_UNREGISTERED]},
        lambda: commits.append(1),
    )
    assert await due.sweep() == 10
    assert len(commits) == 1
    assert [(await day.look(each.voucher_id)).stage.value for each in held] == ["expired"] * 9
    assert [await day.year_of(owner) for owner in owners] == [(0, 0)] * 3
