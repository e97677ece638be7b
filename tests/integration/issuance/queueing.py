"""Waiting rooms of an office on a real database: places are taken, and claims made by them, as the edge does it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from services.issuance.domain.plan import Settings as PlanSettings
from services.issuance.domain.ticket import Ticket
from services.issuance.domain.waiting_room import Admission
from services.issuance.use_cases.planning_periods import approve_period, propose_period
from services.issuance.use_cases.waiting import Asked, Challenged
from services.issuance.waiting_room.door import Door
from services.issuance.waiting_room.room import last_ticket
from shared.events.issuance.periods import EntryTerms, WaitingRoom
from shared.kernel.ids import new_id
from shared.kernel.refusal import Refused
from shared.store.execution import Answer, Commands, IdempotencyKey
from tests.integration.issuance.office import CONTEXT, Office

FACE = 100
HALF_HOUR = timedelta(minutes=30)
PER_SECOND = 4


async def open_room(office: Office, *, challenge: bool = False, entries: EntryTerms | None = None) -> str:
    """Announce a period whose waiting room is open now, and which itself opens in half an hour."""
    now = office.clock.now()
    period_id = new_id("prd", now)
    room = WaitingRoom(opens_at=now, per_second=PER_SECOND, challenge=challenge)
    await office.do(
        lambda tx: propose_period(
            tx,
            period_id=period_id,
            name="2026 年第一期",
            quota=1_000_000_000,
            opens_at=now + HALF_HOUR,
            closes_at=now + timedelta(days=10),
            proposed_by="officer-li",
            settings=PlanSettings(waiting_room=room, entries=entries),
        )
    )
    await office.do(lambda tx: approve_period(tx, period_id=period_id, approved_by="officer-wang"))
    return period_id


def door_of(office: Office) -> Door:
    """Give the door of an office's waiting rooms; somebody has to run it."""
    return Door(Commands(office.engine, CONTEXT, office.clock, lambda: None, office.measures))


async def enter(
    office: Office,
    period_id: str,
    claimant_id: str,
    *,
    key: str = "",
    by: str = "",
    challenged: Challenged | None = None,
    door: Door | None = None,
) -> Ticket:
    """Take a place, at a door of one's own unless one is given; Refused when there is none."""
    refusals: list[Refused] = []

    def told(refused: Refused) -> Answer:
        refusals.append(refused)
        return Answer(status=409)

    asked = Asked(
        key=IdempotencyKey(
            principal=by or f"user-of-{claimant_id}",
            operation="enterWaitingRoom",
            key=key or new_id("key", office.clock.now()),
            payload=b"",
        ),
        answer=asyncio.get_running_loop().create_future(),
        period_id=period_id,
        claimant_id=claimant_id,
        ticket_id=new_id("tkt", office.clock.now()),
        by_channel=bool(by),
        challenged=challenged or Challenged(),
        given=lambda taken: Answer(status=201, body=taken.ticket.ticket_id.encode()),
        told=told,
    )
    answer = await (_taken(door_of(office), asked) if door is None else door.take(asked))
    if answer.status != 201:
        raise refusals[-1]
    ticket = await ticket_of(office, period_id, claimant_id)
    assert ticket is not None
    assert ticket.ticket_id.encode() == answer.body
    return ticket


async def _taken(door: Door, asked: Asked) -> Answer:
    async with running(door):
        return await door.take(asked)


@asynccontextmanager
async def running(door: Door) -> AsyncIterator[Door]:
    """Have a door served."""
    serving = asyncio.create_task(door.run())
    try:
        yield door
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        door.close()


async def ticket_of(office: Office, period_id: str, claimant_id: str) -> Ticket | None:
    """Read the place that a company took last."""
    async with office.engine.connect() as connection:
        held = await last_ticket(connection, period_id, claimant_id)
    return None if held is None else held.ticket


async def claim_by(office: Office, ticket: Ticket, amount: int = FACE) -> Answer:
    """Claim by a place, as its token lets."""
    shown = Admission(admits_from=ticket.admits_from, expires_at=ticket.expires_at)
    return await office.ask(ticket.period_id, ticket.claimant_id, amount, key=ticket.ticket_id, shown=shown)
