"""Waiting rooms of an office on a real database: places are taken, and claims made by them, as the edge does it."""

from datetime import timedelta

from services.issuance.domain.plan import Settings as PlanSettings
from services.issuance.domain.ticket import PASSING, Ticket
from services.issuance.domain.waiting_room import Admission
from services.issuance.use_cases.planning_periods import approve_period, propose_period
from services.issuance.use_cases.waiting import Taken, take_ticket
from services.issuance.waiting_room.room import last_ticket
from shared.events.issuance import WaitingRoom
from shared.kernel.ids import new_id
from shared.kernel.refusal import Refused
from shared.store.execution import Answer, Commands, IdempotencyKey
from shared.store.transaction import Cause, Transaction
from tests.integration.issuance.office import CONTEXT, Office

FACE = 100
HALF_HOUR = timedelta(minutes=30)
PER_SECOND = 4


async def open_room(office: Office, *, challenge: bool = False) -> str:
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
            settings=PlanSettings(waiting_room=room),
        )
    )
    await office.do(lambda tx: approve_period(tx, period_id=period_id, approved_by="officer-wang"))
    return period_id


async def nothing(_tx: Transaction) -> None:
    """Ask nobody for anything."""


async def enter(office: Office, period_id: str, claimant_id: str, *, key: str = "") -> Ticket:
    """Take a place, in a transaction that is repeated after a lost race; Refused when there is none."""
    taken: list[Taken] = []
    refusals: list[Refused] = []

    async def use_case(tx: Transaction) -> Taken:
        given = await take_ticket(
            tx, period_id=period_id, claimant_id=claimant_id, ticket_id=new_id("tkt", tx.now), challenged=nothing
        )
        taken.append(given)
        return given

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
        held = await ticket_of(office, period_id, claimant_id)
        assert held is not None
        assert held.ticket_id.encode() == answer.body
        return held
    return taken[-1].ticket


async def ticket_of(office: Office, period_id: str, claimant_id: str) -> Ticket | None:
    """Read the place that a company took last."""
    async with office.engine.connect() as connection:
        held = await last_ticket(connection, period_id, claimant_id)
    return None if held is None else held.ticket


async def claim_by(office: Office, ticket: Ticket, amount: int = FACE) -> Answer:
    """Claim by a place, as its token lets."""
    shown = Admission(admits_from=ticket.admits_from, expires_at=ticket.expires_at)
    return await office.ask(ticket.period_id, ticket.claimant_id, amount, key=ticket.ticket_id, shown=shown)
