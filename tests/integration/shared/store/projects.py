"""A small subject to decide on: a project that is proposed, then confirmed once."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from shared.clock import SystemClock
from shared.events.contracts import ProjectConfirmed, ProjectProposed
from shared.kernel.decider import Decider, message
from shared.kernel.ids import new_id
from shared.kernel.refusal import Refused, refuse
from shared.store.execution import Answer, IdempotencyKey
from shared.store.transaction import Cause, Handled, Transaction, transaction

CONTEXT = "contracts"
DAY = date(2026, 3, 2)
CAUSE = Cause(actor="officer-1", correlation_id="conversation-1", traceparent="00-abc")

type Event = ProjectProposed | ProjectConfirmed


@message
class Project:
    """Who confirmed it, in order, and whether it exists."""

    proposed: bool = False
    confirmed_by: tuple[str, ...] = ()


@message
class Propose:
    """Ask for a service."""

    project_id: str


@message
class Confirm:
    """Say yes; the same person says it once."""

    project_id: str
    by: str


def proposed(project_id: str) -> ProjectProposed:
    """Give the fact that a project was proposed."""
    return ProjectProposed(
        project_id=project_id,
        claimant_id="clm_1",
        provider_id="prv_1",
        service_id="svc_1",
        service_kind="testing",
        planned_amount=12_000_000,
        description_digest="f00d",
        on=DAY,
    )


def confirmed(project_id: str, by: str = "prv_1") -> ProjectConfirmed:
    """Give the fact that a project was confirmed."""
    return ProjectConfirmed(project_id=project_id, claimant_id="clm_1", provider_id="prv_1", confirmed_by=by, on=DAY)


def _decide(command: Propose | Confirm, state: Project) -> list[Event]:
    match command, state:
        case Propose(), Project(proposed=False):
            return [proposed(command.project_id)]
        case Confirm(), Project(proposed=True) if command.by not in state.confirmed_by:
            return [confirmed(command.project_id, command.by)]
        case _:
            raise refuse("project-out-of-turn", article="9(2)", value=len(state.confirmed_by), kind="state")


def _evolve(state: Project, event: Event) -> Project:
    match event:
        case ProjectProposed():
            return Project(proposed=True)
        case ProjectConfirmed():
            return Project(proposed=True, confirmed_by=(*state.confirmed_by, event.confirmed_by))


PROJECT: Decider[Propose | Confirm, Event, Project] = Decider(decide=_decide, evolve=_evolve, initial=Project())


def new_project() -> str:
    """Make the id of a project that nobody has heard of."""
    return new_id("prj", datetime(2026, 3, 2, tzinfo=UTC))


def stream_of(project_id: str) -> str:
    """Name the stream of a project."""
    return f"project-{project_id}"


def proposing(project_id: str) -> Callable[[Transaction], Awaitable[Handled[Event, Project]]]:
    """Make the use case that proposes a project."""

    async def propose(tx: Transaction) -> Handled[Event, Project]:
        return await tx.handle(PROJECT, stream_of(project_id), Propose(project_id=project_id))

    return propose


def confirming(project_id: str, by: str = "prv_1") -> Callable[[Transaction], Awaitable[Handled[Event, Project]]]:
    """Make the use case that confirms a project."""

    async def confirm(tx: Transaction) -> Handled[Event, Project]:
        return await tx.handle(PROJECT, stream_of(project_id), Confirm(project_id=project_id, by=by))

    return confirm


def answered(result: Handled[Event, Project], tx: Transaction) -> Answer:
    """Answer with the version and the position."""
    return Answer(
        status=201,
        headers={"ETag": f'"{result.version}"', "Event-Position": str(tx.position)},
        body=f'{{"version": {result.version}, "at": "{tx.now.isoformat()}"}}'.encode(),
    )


def refused(refusal: Refused) -> Answer:
    """Answer with the codes."""
    return Answer(status=409, body=str(refusal).encode())


def key(name: str, payload: bytes = b"{}", *, principal: str = "officer-1") -> IdempotencyKey:
    """Make an idempotency key."""
    return IdempotencyKey(principal=principal, operation="confirmProject", key=name, payload=payload)


@dataclass(frozen=True, slots=True)
class Facts:
    """Writes facts without asking anybody."""

    engine: AsyncEngine

    async def record(self, stream: str, *events: object, after: int = 0) -> int:
        """Append events to a stream that stands at `after` and say the log's position."""
        async with transaction(self.engine, CONTEXT, SystemClock(), CAUSE) as tx:
            tx.append(stream, after, events)
        return tx.position
