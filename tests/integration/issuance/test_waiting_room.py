"""Places in a waiting room on a real PostgreSQL: one line for all, one place a company, and one claim a place."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from services.issuance.domain.plan import Plan
from services.issuance.domain.plan import Settings as PlanSettings
from services.issuance.domain.ticket import Ticket
from services.issuance.use_cases.planning_periods import approve_period, change_plan, withdraw_plan
from services.issuance.use_cases.waiting import Challenged
from services.issuance.waiting_room.challenges import spend
from services.issuance.waiting_room.room import last_ticket, state_of
from shared.events.issuance.periods import EntryTerms, WaitingRoom
from shared.kernel.ids import new_id
from shared.kernel.refusal import Refused
from shared.store.execution import KeyInProgressError, KeyReusedError, StoreBusyError
from shared.store.transaction import UnknownSubjectError
from tests.integration.issuance.entering import Entrants
from tests.integration.issuance.office import Office
from tests.integration.issuance.queueing import (
    FACE,
    HALF_HOUR,
    PER_SECOND,
    claim_by,
    door_of,
    enter,
    open_room,
    running,
    ticket_of,
)
from tests.integration.issuance.stories import authorised

SECOND = timedelta(seconds=1)
SPACING = SECOND / PER_SECOND
_ANSWERED = sa.text(
    "INSERT INTO idempotency (principal, operation, key, request_hash, status, headers, body, recorded_at)"
    " VALUES (:who, 'enterWaitingRoom', 'other-request', CAST('x' AS bytea), 201, CAST('{}' AS jsonb), '', now())"
)


@pytest.fixture
async def other(engine: AsyncEngine) -> AsyncIterator[Office]:
    """Another instance of the same office."""
    opened = Office(engine)
    yield opened
    await opened.close()


async def _state(office: Office, ticket: Ticket) -> str:
    async with office.engine.connect() as connection:
        held = await last_ticket(connection, ticket.period_id, ticket.claimant_id)
    assert held is not None
    return state_of(held, office.clock.now())


async def test_companies_that_come_at_once_get_places_without_gaps_each_in_its_distance(
    office: Office, other: Office
) -> None:
    period_id = await open_room(office)
    companies = [await office.register() for _ in range(60)]
    opens_at = office.clock.now() + HALF_HOUR
    async with running(door_of(office)) as first, running(door_of(other)) as second:
        tickets = await asyncio.gather(
            *(enter(office, period_id, one, door=(first, second)[number % 2]) for number, one in enumerate(companies))
        )
    in_order = sorted(tickets, key=lambda ticket: ticket.place)
    assert [ticket.place for ticket in in_order] == list(range(1, 61))
    assert [ticket.admits_from for ticket in in_order] == [opens_at + number * SPACING for number in range(60)]
    for mine in (tickets[::2], tickets[1::2]):  # at either door, who came first is served first
        assert [ticket.place for ticket in mine] == sorted(ticket.place for ticket in mine)


async def test_where_the_first_minutes_are_drawn_the_line_begins_when_the_race_does(office: Office) -> None:
    drawn = timedelta(minutes=20)  # longer than any place may be used
    period_id = await open_room(office, entries=EntryTerms(draw_minutes=20))
    companies, opens_at = [await office.register() for _ in range(3)], office.clock.now() + HALF_HOUR
    early = [await enter(office, period_id, one) for one in companies[:2]]
    office.clock.at = opens_at + timedelta(minutes=1)
    tickets = [*early, await enter(office, period_id, companies[2])]
    assert [ticket.admits_from for ticket in tickets] == [opens_at + drawn + number * SPACING for number in range(3)]
    assert await _state(office, tickets[0]) == "waiting"
    await office.wait_until(opens_at + drawn)
    assert (await claim_by(office, tickets[0])).status == 201
    assert await Entrants(office).breaches() == []


async def test_a_company_that_asks_many_times_at_once_has_one_place(office: Office, other: Office) -> None:
    period_id, greedy = await open_room(office), await office.register()
    async with running(door_of(office)) as first, running(door_of(other)) as second:
        outcomes = await asyncio.gather(
            *(enter(office, period_id, greedy, door=(first, second)[number % 2]) for number in range(8)),
            return_exceptions=True,
        )
    tickets = [outcome for outcome in outcomes if isinstance(outcome, Ticket)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    assert (len(tickets), len(refused)) == (1, 7)
    assert {reason.code for one in refused for reason in one.reasons} == {"ticket-unused"}
    assert (await enter(office, period_id, await office.register())).place == 2


async def test_a_key_that_is_being_served_is_told_so_and_one_of_another_request_is_refused(office: Office) -> None:
    period_id, company = await open_room(office), await office.register()
    async with running(door_of(office)) as door:
        first, twin = await asyncio.gather(
            *(enter(office, period_id, company, key="one-key", door=door) for _ in range(2)), return_exceptions=True
        )
        assert isinstance(first, Ticket)
        assert isinstance(twin, KeyInProgressError)
        async with office.engine.begin() as connection:
            await connection.execute(_ANSWERED, {"who": f"user-of-{company}"})
        with pytest.raises(KeyReusedError):
            await enter(office, period_id, company, key="other-request", door=door)


async def test_one_who_cannot_be_served_takes_no_other_along(office: Office) -> None:
    period_id = await open_room(office)
    companies = [await office.register() for _ in range(5)]
    async with running(door_of(office)) as door:
        outcomes = await asyncio.gather(
            *(
                enter(office, period_id, one, key="not \x00 text" if number == 2 else "", door=door)
                for number, one in enumerate(companies)
            ),
            return_exceptions=True,
        )
    assert [isinstance(outcome, Ticket) for outcome in outcomes] == [number != 2 for number in range(5)]
    assert sorted(outcome.place for outcome in outcomes if isinstance(outcome, Ticket)) == [1, 2, 3, 4]


async def test_of_a_period_that_does_not_exist_there_is_no_place(office: Office) -> None:
    with pytest.raises(UnknownSubjectError):
        await enter(office, new_id("prd", office.clock.now()), await office.register())


async def test_a_repeated_request_has_the_same_place_and_a_refusal_that_passes_leaves_its_key_free(
    office: Office,
) -> None:
    company = await office.register()
    now = office.clock.now()
    period_id = await open_room(office)
    office.clock.at = now - SECOND
    with pytest.raises(Refused, match="waiting-room-not-open"):
        await enter(office, period_id, company, key="one-key")
    office.clock.at = now
    first = await enter(office, period_id, company, key="one-key")
    assert await enter(office, period_id, company, key="one-key") == first
    with pytest.raises(Refused, match="ticket-unused"):
        await enter(office, period_id, company, key="another-key")


async def test_places_outlive_the_service_across_the_opening(office: Office, other: Office) -> None:
    period_id, company = await open_room(office), await office.register()
    ticket = await enter(office, period_id, company)
    await office.close()
    other.clock.at = ticket.admits_from
    assert await ticket_of(other, period_id, company) == ticket
    assert (await claim_by(other, ticket)).status == 201
    assert (await enter(other, period_id, await other.register())).place == 2


async def test_a_place_is_good_for_one_claim_and_its_answer_is_given_again(office: Office) -> None:
    period_id, company = await open_room(office), await office.register()
    ticket = await enter(office, period_id, company)
    assert await _state(office, ticket) == "waiting"
    office.clock.at = ticket.admits_from
    assert await _state(office, ticket) == "admitted"
    first = await claim_by(office, ticket)
    assert await _state(office, ticket) == "used"
    office.clock.at = ticket.expires_at + SECOND
    again = await claim_by(office, ticket)
    assert (again.body, again.replayed) == (first.body, True)
    assert await office.year_of(company) == (FACE, 0)
    next_one = await enter(office, period_id, company)
    assert (next_one.place, next_one.admits_from) == (2, office.clock.now())


async def test_who_comes_too_early_or_withnothing_is_sent_away_and_its_key_stays_free(office: Office) -> None:
    period_id, company = await open_room(office), await office.register()
    await enter(office, period_id, await office.register())
    ticket = await enter(office, period_id, company)
    office.clock.at = ticket.admits_from - timedelta(microseconds=1)
    for _ in range(2):
        with pytest.raises(Refused, match="entry-token-early"):
            await claim_by(office, ticket)
        with pytest.raises(Refused, match="entry-token-missing"):
            await office.ask(period_id, company, FACE, key=ticket.ticket_id)
    office.clock.at = ticket.admits_from
    assert (await claim_by(office, ticket)).status == 201


async def test_a_claim_that_is_refused_for_good_has_used_its_place(office: Office) -> None:
    period_id, company = await open_room(office), await office.register()
    ticket = await enter(office, period_id, company)
    office.clock.at = ticket.admits_from
    with pytest.raises(Refused, match="face-value-out-of-range"):
        await claim_by(office, ticket, 0)
    assert await _state(office, ticket) == "used"
    assert (await enter(office, period_id, company)).place == 2


async def test_a_place_that_was_not_used_in_its_time_makes_room_for_another_at_the_end(office: Office) -> None:
    period_id, company = await open_room(office), await office.register()
    ticket = await enter(office, period_id, company)
    office.clock.at = ticket.expires_at - timedelta(microseconds=1)
    with pytest.raises(Refused, match="ticket-unused"):
        await enter(office, period_id, company)
    office.clock.at = ticket.expires_at
    assert await _state(office, ticket) == "expired"
    with pytest.raises(Refused, match="entry-token-expired"):
        await claim_by(office, ticket)
    assert (await enter(office, period_id, company)).place == 2


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
    period_id, company = await open_room(office), await office.register()
    opens_at = office.clock.now() + HALF_HOUR
    await enter(office, period_id, company)
    with pytest.raises(Refused, match="waiting-room-entered"):
        await _changed(office, period_id, opens_at + SECOND, None)
    await office.do(lambda tx: withdraw_plan(tx, period_id=period_id, reason="预算调整", withdrawn_by="officer-li"))
    with pytest.raises(Refused, match="period-withdrawn"):
        await enter(office, period_id, await office.register())


async def test_a_line_follows_the_plan_that_is_approved_at_last(office: Office) -> None:
    period_id, company = await open_room(office), await office.register()
    opens_at = office.clock.now() + HALF_HOUR + SECOND
    room = WaitingRoom(opens_at=office.clock.now(), per_second=1, challenge=False)
    await _changed(office, period_id, opens_at, room)
    with pytest.raises(Refused, match="period-not-approved"):
        await enter(office, period_id, company)
    await office.do(lambda tx: approve_period(tx, period_id=period_id, approved_by="officer-wang"))
    tickets = [await enter(office, period_id, one) for one in (company, await office.register())]
    assert [ticket.admits_from for ticket in tickets] == [opens_at, opens_at + SECOND]


async def test_a_plan_that_is_approved_while_somebody_asks_is_looked_at_again(office: Office) -> None:
    period_id, company = await open_room(office), await office.register()
    async with office.engine.begin() as connection:  # as it is seen by whoever asked just before the approval
        await connection.execute(
            sa.text("UPDATE waiting_rooms SET shut = true WHERE period_id = :id"), {"id": period_id}
        )
    with pytest.raises(StoreBusyError):
        await enter(office, period_id, company)


class NotShownError(Exception):
    """The challenge is not met."""


class SpentError(Exception):
    """The response has counted before."""


async def test_whoever_has_a_challenge_before_them_is_asked_last_and_takes_no_place_without(office: Office) -> None:
    period_id, company = await open_room(office, challenge=True), await office.register()
    fault = Challenged(fault=NotShownError())
    with pytest.raises(Refused, match="claimant-not-registered"):
        await enter(office, period_id, "clm_unknown", challenged=fault)
    with pytest.raises(NotShownError):
        await enter(office, period_id, company, key="not-shown", challenged=fault)
    assert (await enter(office, period_id, company, key="not-shown")).place == 1
    without = await open_room(office)
    assert (await enter(office, without, company, challenged=fault)).place == 1


async def test_what_counts_once_lets_in_the_first_of_those_who_show_it_together(office: Office) -> None:
    period_id = await open_room(office, challenge=True)
    companies = [await office.register() for _ in range(3)]
    once = Challenged(name="puz_shared", expires_at=office.clock.now() + SECOND, spent=SpentError())
    async with running(door_of(office)) as door:
        outcomes = await asyncio.gather(
            *(enter(office, period_id, one, challenged=once, door=door) for one in companies), return_exceptions=True
        )
    assert [type(outcome) for outcome in outcomes] == [Ticket, SpentError, SpentError]
    with pytest.raises(SpentError):
        await enter(office, period_id, companies[2], challenged=once)


async def test_what_is_good_once_is_spent_once_by_whoever_is_first(engine: AsyncEngine, office: Office) -> None:
    now = office.clock.now()

    async def spent() -> set[str]:
        async with engine.begin() as connection:
            return await spend(connection, {"puz_1": now + SECOND}, now)

    outcomes = await asyncio.gather(*(spent() for _ in range(5)))
    assert sorted(map(len, outcomes)) == [0, 0, 0, 0, 1]


async def test_what_has_expired_by_itself_is_forgotten(engine: AsyncEngine, office: Office) -> None:
    now = office.clock.now() + timedelta(days=1)
    async with engine.begin() as connection:
        await spend(connection, {f"old_{number}": now for number in range(8)}, now - SECOND)
        for number in range(4):
            name = f"new_{number}"
            assert await spend(connection, {name: now + SECOND}, now) == {name}
        names = (await connection.execute(sa.text("SELECT name FROM spent_challenges ORDER BY 1"))).scalars().all()
    assert [name for name in names if name.startswith("old_")] == []
    assert [name for name in names if name.startswith("new_")] == [f"new_{number}" for number in range(4)]


async def test_a_channel_takes_a_place_only_for_a_company_that_has_let_it(office: Office) -> None:
    period_id, company = await open_room(office), await office.register()
    with pytest.raises(Refused, match="channel-not-authorised") as refused:
        await enter(office, period_id, company, by="bank-clerk")
    assert len(refused.value.reasons) == 1
    await office.tell(authorised(company, "bank-clerk", office))
    ticket = await enter(office, period_id, company, by="bank-clerk")
    assert (ticket.place, ticket.principal) == (1, "bank-clerk")


async def test_an_open_period_sends_away_at_the_door_who_has_no_turn(office: Office, owner: AsyncEngine) -> None:
    period_id, company, late = await open_room(office), await office.register(), await office.register()
    first, second = await enter(office, period_id, company), await enter(office, period_id, late)
    office.clock.at = first.admits_from
    began = asyncio.get_running_loop().time()
    office.seconds = lambda: began  # what was seen stays fresh
    await claim_by(office, first)
    async with owner.begin() as connection:
        await connection.execute(sa.text("LOCK TABLE kept_claims IN ACCESS EXCLUSIVE MODE"))  # nobody is looked up
        async with asyncio.timeout(2.5):
            with pytest.raises(Refused, match="entry-token-missing"):
                await office.ask(period_id, late, FACE, key="a-key-of-ones-own")
            with pytest.raises(Refused, match="entry-token-early"):
                await claim_by(office, second)
    again = await claim_by(office, first)
    assert (again.status, again.replayed) == (201, True)
    bare = await office.ask(period_id, company, FACE, key=first.ticket_id)
    assert bare.body == again.body
