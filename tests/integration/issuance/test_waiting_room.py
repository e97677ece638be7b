"""Places in a waiting room on a real PostgreSQL: one line for all, one place a company, and one claim a place."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from functools import partial

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from services.issuance.domain.plan import Plan
from services.issuance.domain.plan import Settings as PlanSettings
from services.issuance.domain.ticket import PASSING, Ticket
from services.issuance.domain.waiting_room import Admission, Shown
from services.issuance.use_cases.planning_periods import approve_period, change_plan, propose_period, withdraw_plan
from services.issuance.use_cases.waiting import Taken, take_ticket
from services.issuance.waiting_room.challenges import spend
from services.issuance.waiting_room.room import last_ticket, line_in, state_of
from shared.events.issuance import WaitingRoom
from shared.kernel.ids import new_id
from shared.kernel.refusal import Refused
from shared.store.execution import Answer, Commands, IdempotencyKey
from shared.store.transaction import Cause, Transaction, VersionConflictError
from tests.integration.issuance.office import CONTEXT, Office

FACE = 100
SECOND = timedelta(seconds=1)
HALF_HOUR = timedelta(minutes=30)
PER_SECOND = 4
SPACING = SECOND / PER_SECOND


@pytest.fixture
async def other(engine: AsyncEngine) -> AsyncIterator[Office]:
    """Another instance of the same office."""
    opened = Office(engine)
    yield opened
    await opened.close()


async def _room(office: Office, *, challenge: bool = False, quota: int = 1_000_000_000, approve: bool = True) -> str:
    """Announce a period whose waiting room is open now, and which itself opens in half an hour."""
    now = office.clock.now()
    period_id = new_id("prd", now)
    room = WaitingRoom(opens_at=now, per_second=PER_SECOND, challenge=challenge)
    await office.do(
        lambda tx: propose_period(
            tx,
            period_id=period_id,
            name="2026 年第一期",
            quota=quota,
            opens_at=now + HALF_HOUR,
            closes_at=now + timedelta(days=10),
            proposed_by="officer-li",
            settings=PlanSettings(waiting_room=room),
        )
    )
    if approve:
        await office.do(lambda tx: approve_period(tx, period_id=period_id, approved_by="officer-wang"))
    return period_id


async def _nothing(_tx: Transaction) -> None:
    """Let everybody in."""


async def _enter(office: Office, period_id: str, claimant_id: str, *, key: str = "") -> Ticket:
    """Take a place as the edge does: in a transaction that is repeated after a lost race."""
    taken: list[Taken] = []

    async def use_case(tx: Transaction) -> Taken:
        given = await take_ticket(
            tx,
            period_id=period_id,
            claimant_id=claimant_id,
            ticket_id=new_id("tkt", tx.now),
            challenged=_nothing,
        )
        taken.append(given)
        return given

    refusals: list[Refused] = []

    def told(refused: Refused) -> Answer:
        refusals.append(refused)
        return Answer(status=409)

    principal = f"user-of-{claimant_id}"
    commands = Commands(office.engine, CONTEXT, office.clock, lambda: None, office.measures)
    answer = await commands.execute(
        Cause(actor=principal, correlation_id="test"),
        use_case,
        answer=lambda given, _tx: Answer(status=201, body=given.ticket.ticket_id.encode()),
        refused=told,
        key=IdempotencyKey(principal=principal, operation="enterWaitingRoom", key=key, payload=b"") if key else None,
        passes=lambda refused: any(reason.code in PASSING for reason in refused.reasons),
    )
    if refusals:
        raise refusals[-1]
    if answer.replayed:
        held = await _held(office, period_id, claimant_id)
        assert held is not None
        assert held.ticket_id.encode() == answer.body
        return held
    return taken[-1].ticket


async def _held(office: Office, period_id: str, claimant_id: str) -> Ticket | None:
    async with office.engine.connect() as connection:
        held = await last_ticket(connection, period_id, claimant_id)
    return None if held is None else held.ticket


async def _state(office: Office, ticket: Ticket) -> str:
    async with office.engine.connect() as connection:
        held = await last_ticket(connection, ticket.period_id, ticket.claimant_id)
    assert held is not None
    return state_of(held, office.clock.now())


def _shows(ticket: Ticket) -> Shown:
    return Admission(admits_from=ticket.admits_from, expires_at=ticket.expires_at)


async def _claim(office: Office, ticket: Ticket, amount: int = FACE) -> Answer:
    return await office.ask(ticket.period_id, ticket.claimant_id, amount, key=ticket.ticket_id, shown=_shows(ticket))


async def test_companies_that_come_at_once_get_places_without_gaps_each_in_its_distance(
    office: Office, other: Office
) -> None:
    period_id = await _room(office)
    companies = [await office.register() for _ in range(40)]
    opens_at = office.clock.now() + HALF_HOUR
    tickets = await asyncio.gather(
        *(_enter((office, other)[number % 2], period_id, one) for number, one in enumerate(companies))
    )
    in_order = sorted(tickets, key=lambda ticket: ticket.place)
    assert [ticket.place for ticket in in_order] == list(range(1, 41))
    assert [ticket.admits_from for ticket in in_order] == [opens_at + number * SPACING for number in range(40)]


async def test_a_company_that_asks_many_times_at_once_has_one_place(office: Office) -> None:
    period_id, greedy = await _room(office), await office.register()
    outcomes = await asyncio.gather(*(_enter(office, period_id, greedy) for _ in range(8)), return_exceptions=True)
    tickets = [outcome for outcome in outcomes if isinstance(outcome, Ticket)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    assert (len(tickets), len(refused)) == (1, 7)
    assert {reason.code for one in refused for reason in one.reasons} == {"ticket-unused"}
    assert (await _enter(office, period_id, await office.register())).place == 2


async def test_a_repeated_request_has_the_same_place_and_a_refusal_that_passes_leaves_its_key_free(
    office: Office,
) -> None:
    company = await office.register()
    now = office.clock.now()
    period_id = await _room(office)
    office.clock.at = now - SECOND
    with pytest.raises(Refused, match="waiting-room-not-open"):
        await _enter(office, period_id, company, key="one-key")
    office.clock.at = now
    first = await _enter(office, period_id, company, key="one-key")
    assert await _enter(office, period_id, company, key="one-key") == first
    with pytest.raises(Refused, match="ticket-unused"):
        await _enter(office, period_id, company, key="another-key")


async def test_places_outlive_the_service_across_the_opening(office: Office, other: Office) -> None:
    period_id, company = await _room(office), await office.register()
    ticket = await _enter(office, period_id, company)
    await office.close()
    other.clock.at = ticket.admits_from
    assert await _held(other, period_id, company) == ticket
    assert (await _claim(other, ticket)).status == 201
    assert (await _enter(other, period_id, await other.register())).place == 2


async def test_a_place_is_good_for_one_claim_and_its_answer_is_given_again(office: Office) -> None:
    period_id, company = await _room(office), await office.register()
    ticket = await _enter(office, period_id, company)
    assert await _state(office, ticket) == "waiting"
    office.clock.at = ticket.admits_from
    assert await _state(office, ticket) == "admitted"
    first = await _claim(office, ticket)
    assert await _state(office, ticket) == "used"
    office.clock.at = ticket.expires_at + SECOND
    again = await _claim(office, ticket)
    assert (again.body, again.replayed) == (first.body, True)
    assert await office.year_of(company) == (FACE, 0)
    next_one = await _enter(office, period_id, company)
    assert (next_one.place, next_one.admits_from) == (2, office.clock.now())


async def test_who_comes_too_early_or_with_nothing_is_sent_away_and_its_key_stays_free(office: Office) -> None:
    period_id, company = await _room(office), await office.register()
    await _enter(office, period_id, await office.register())
    ticket = await _enter(office, period_id, company)
    office.clock.at = ticket.admits_from - timedelta(microseconds=1)
    for _ in range(2):
        with pytest.raises(Refused, match="entry-token-early"):
            await _claim(office, ticket)
        with pytest.raises(Refused, match="entry-token-missing"):
            await office.ask(period_id, company, FACE, key=ticket.ticket_id)
    office.clock.at = ticket.admits_from
    assert (await _claim(office, ticket)).status == 201


async def test_a_claim_that_is_refused_for_good_has_used_its_place(office: Office) -> None:
    period_id, company = await _room(office), await office.register()
    ticket = await _enter(office, period_id, company)
    office.clock.at = ticket.admits_from
    with pytest.raises(Refused, match="face-value-out-of-range"):
        await _claim(office, ticket, 0)
    assert await _state(office, ticket) == "used"
    assert (await _enter(office, period_id, company)).place == 2


async def test_a_place_that_was_not_used_in_its_time_makes_room_for_another_at_the_end(office: Office) -> None:
    period_id, company = await _room(office), await office.register()
    ticket = await _enter(office, period_id, company)
    office.clock.at = ticket.expires_at - timedelta(microseconds=1)
    with pytest.raises(Refused, match="ticket-unused"):
        await _enter(office, period_id, company)
    office.clock.at = ticket.expires_at
    assert await _state(office, ticket) == "expired"
    with pytest.raises(Refused, match="entry-token-expired"):
        await _claim(office, ticket)
    assert (await _enter(office, period_id, company)).place == 2


async def _changed(office: Office, period_id: str, opens_at: datetime, room: WaitingRoom | None) -> None:
    plan = Plan(
        name="2026 年第一期",
        quota=1_000_000_000,
        opens_at=opens_at,
        closes_at=opens_at + timedelta(days=10),
        settings=PlanSettings(waiting_room=room),
    )
    await office.do(lambda tx: change_plan(tx, period_id=period_id, plan=plan, changed_by="officer-li"))


async def test_a_plan_by_which_companies_stand_in_line_stays_as_it_is_but_can_be_withdrawn(office: Office) -> None:
    period_id, company = await _room(office), await office.register()
    opens_at = office.clock.now() + HALF_HOUR
    await _enter(office, period_id, company)
    with pytest.raises(Refused, match="waiting-room-entered"):
        await _changed(office, period_id, opens_at + SECOND, None)
    await office.do(lambda tx: withdraw_plan(tx, period_id=period_id, reason="预算调整", withdrawn_by="officer-li"))
    with pytest.raises(Refused, match="period-withdrawn"):
        await _enter(office, period_id, await office.register())


async def test_a_line_follows_the_plan_that_is_approved_at_last(office: Office) -> None:
    period_id, company = await _room(office), await office.register()
    opens_at = office.clock.now() + HALF_HOUR + SECOND
    room = WaitingRoom(opens_at=office.clock.now(), per_second=1, challenge=False)
    await _changed(office, period_id, opens_at, room)
    with pytest.raises(Refused, match="period-not-approved"):
        await _enter(office, period_id, company)
    await office.do(lambda tx: approve_period(tx, period_id=period_id, approved_by="officer-wang"))
    tickets = [await _enter(office, period_id, one) for one in (company, await office.register())]
    assert [ticket.admits_from for ticket in tickets] == [opens_at, opens_at + SECOND]


async def test_a_plan_that_changes_while_somebody_asks_is_looked_at_again(office: Office) -> None:
    period_id, company = await _room(office), await office.register()
    async with office.engine.begin() as connection:
        await connection.execute(
            sa.text("UPDATE waiting_rooms SET spacing = spacing * 2 WHERE period_id = :id"), {"id": period_id}
        )
    take = partial(take_ticket, period_id=period_id, claimant_id=company, ticket_id="tkt_1", challenged=_nothing)
    with pytest.raises(VersionConflictError):
        await office.do(take)


async def test_whoever_has_a_challenge_before_them_is_asked_last_and_takes_no_place_without(office: Office) -> None:
    class NotShownError(Exception):
        """The challenge is not met."""

    async def not_shown(_tx: Transaction) -> None:
        raise NotShownError

    period_id, company = await _room(office, challenge=True), await office.register()
    take = partial(take_ticket, period_id=period_id, ticket_id="tkt_1", challenged=not_shown)
    with pytest.raises(Refused, match="claimant-not-registered"):
        await office.do(partial(take, claimant_id="clm_unknown"))
    with pytest.raises(NotShownError):
        await office.do(partial(take, claimant_id=company))
    async with office.engine.connect() as connection:
        line = await line_in(connection, period_id)
    assert line is not None
    assert line.places == 0


async def test_what_is_good_once_is_spent_once_by_whoever_is_first(engine: AsyncEngine, office: Office) -> None:
    now = office.clock.now()

    async def spent() -> bool:
        async with engine.begin() as connection:
            return await spend(connection, "puz_1", now + SECOND, now)

    assert sorted(await asyncio.gather(*(spent() for _ in range(5)))) == [False, False, False, False, True]


async def test_what_has_expired_by_itself_is_forgotten(engine: AsyncEngine, office: Office) -> None:
    now = office.clock.now() + timedelta(days=1)
    async with engine.begin() as connection:
        for number in range(20):
            await spend(connection, f"old_{number}", now, now - SECOND)
        for number in range(4):
            assert await spend(connection, f"new_{number}", now + SECOND, now)
        names = (await connection.execute(sa.text("SELECT name FROM spent_challenges ORDER BY 1"))).scalars().all()
    assert [name for name in names if name.startswith("old_")] == []
    assert [name for name in names if name.startswith("new_")] == [f"new_{number}" for number in range(4)]


async def test_an_open_period_sends_away_at_the_door_who_has_no_turn(office: Office, owner: AsyncEngine) -> None:
    period_id, company, late = await _room(office), await office.register(), await office.register()
    first, second = await _enter(office, period_id, company), await _enter(office, period_id, late)
    office.clock.at = first.admits_from
    began = asyncio.get_running_loop().time()
    office.seconds = lambda: began  # what was seen stays fresh
    await _claim(office, first)
    async with owner.begin() as connection:
        await connection.execute(sa.text("LOCK TABLE idempotency IN ACCESS EXCLUSIVE MODE"))  # nobody is looked up
        async with asyncio.timeout(0.5):
            with pytest.raises(Refused, match="entry-token-missing"):
                await office.ask(period_id, late, FACE, key="a-key-of-ones-own")
            with pytest.raises(Refused, match="entry-token-early"):
                await _claim(office, second)
    again = await _claim(office, first)
    assert (again.status, again.replayed) == (201, True)
    bare = await office.ask(period_id, company, FACE, key=first.ticket_id)
    assert bare.body == again.body
