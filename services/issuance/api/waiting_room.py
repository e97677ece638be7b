"""The waiting room of a period: a place in the order of arrival, and the token of one claim (art. 12, 15(1))."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, cast

from fastapi import FastAPI, Header, Request, Response

from services.issuance.api.visibility import NamedClaimant, PeriodId
from services.issuance.api.waiting_room_models import ChallengeTask, EntryTicket, WaitingRoomNow
from services.issuance.asked_by_channel import act_for_claimant
from services.issuance.domain.entry_terms import race_begins
from services.issuance.domain.period import period
from services.issuance.domain.period_phases import Period, Phase, phase_at
from services.issuance.domain.ticket import TICKET
from services.issuance.domain.waiting_room import Line, ahead_of, line_of, waiting_in
from services.issuance.use_cases.waiting import Asked, Challenged, Taken
from services.issuance.waiting_room.door import Door
from services.issuance.waiting_room.room import Held, last_ticket, line_in, state_of
from services.issuance.waiting_room.tokens import EntryTokens
from shared.events.issuance.periods import WaitingRoom
from shared.http.challenges import CHALLENGE_RESPONSE, Challenge, Fault, Verdict, challenge_of, challenge_required
from shared.http.commands import CommandRequest, Presented, response_of
from shared.http.edge import Edge, edge_of, visit_of, writer_of
from shared.http.identity import claimant_of
from shared.http.policy import Role
from shared.http.problems import PROBLEM_JSON, ProblemError
from shared.http.reading import ReadRequest
from shared.http.routes import operation, router_for
from shared.kernel.refusal import Refused
from shared.store.execution import Answer
from shared.store.transaction import UnknownSubjectError

router = router_for("issuance", tag="waiting-room")
_MILLISECOND = timedelta(milliseconds=1)

ChallengeResponse = Annotated[
    str,
    Header(
        alias=CHALLENGE_RESPONSE,
        description="人机验证的答案（见 GET /v1/challenge），要求验证的等候室须填 · The response to the challenge",
        examples=["c2VhbGVk:48213"],
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reception:
    """What the waiting rooms of a process have at their door."""

    door: Door
    challenge: Challenge


@asynccontextmanager
async def open_reception(app: FastAPI, edge: Edge) -> AsyncIterator[None]:
    """Give an app the door of its waiting rooms, and the challenge that `CXQ_CHALLENGE` names, while it is open."""
    reception = _Reception(door=Door(edge.runtime.commands), challenge=challenge_of(edge.settings))
    app.state.reception = reception
    serving = asyncio.create_task(reception.door.run(), name="waiting-rooms")
    try:
        yield
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        reception.door.close()
        await reception.challenge.close()


def _reception_of(http: Request) -> _Reception:
    return cast("_Reception", http.app.state.reception)


@router.get(
    "/challenge",
    operation_id="getChallenge",
    summary="获取人机验证题 · Get the task that a waiting room may ask for",
)
async def get_challenge(request: ReadRequest, http: Request) -> ChallengeTask:
    task = _reception_of(http).challenge.issue(request.now)
    return ChallengeTask(
        kind=task.kind, puzzle=task.puzzle, bits=task.bits, site_key=task.site_key, expires_at=task.expires_at
    )


@router.post(
    "/periods/{period_id}/waiting-room",
    operation_id="enterWaitingRoom",
    status_code=201,
    response_model=EntryTicket,
    summary="排队取号，得一次有效的入场令牌 · Take a place, and the token of one claim",
    openapi_extra=operation(
        codes=(
            "channel-not-authorised",
            "claimant-not-named",
            "claimant-not-registered",
            "user-may-only-read",
            "claimant-not-eligible",
            "claimant-banned",
            "period-not-approved",
            "period-withdrawn",
            "period-closed",
            "no-waiting-room",
            "waiting-room-not-open",
            "waiting-room-full",
            "ticket-unused",
            "challenge-required",
            "challenge-unavailable",
            "not-found",
        )
    ),
)
async def enter_waiting_room(
    period_id: PeriodId,
    request: CommandRequest,
    http: Request,
    challenge_response: ChallengeResponse = "",
    claimant_id: NamedClaimant = None,
) -> Response:
    caller, reception, tokens = request.caller, _reception_of(http), EntryTokens(request.settings)
    verdict = await reception.challenge.check(
        challenge_response, address=visit_of(http).address, now=request.now
    )  # before the transaction, which waits for nobody outside

    def given(taken: Taken) -> Answer:
        ticket, token = taken.ticket, tokens.write(taken.ticket)
        view = _view(Held(ticket=ticket, used=False), taken.line, ticket.entered_at, token)
        return Presented(body=view, status=201, location=f"/v1/periods/{period_id}/waiting-room/ticket").answer()

    def told(refused: Refused) -> Answer:
        problem = writer_of(http).of_refusal(refused)
        return Answer(
            status=problem.status, headers={"Content-Type": PROBLEM_JSON, **problem.headers}, body=problem.body
        )

    asked = Asked(
        key=await request.key(),
        answer=asyncio.get_running_loop().create_future(),
        period_id=period_id,
        claimant_id=claimant_of(caller, claimant_id),
        ticket_id=request.new_id(TICKET),
        by_channel=caller.role is Role.CHANNEL,
        challenged=_challenged(verdict, http),
        given=given,
        told=told,
    )
    return response_of(await reception.door.take(asked))


def _challenged(verdict: Verdict, http: Request) -> Challenged:
    """Say how the challenge was met, and what is to be told where it was not."""
    return Challenged(
        fault=_required(http, verdict.fault) if verdict.fault is not None else None,
        name=verdict.single_use,
        expires_at=verdict.expires_at,
        spent=_required(http, "challenge_spent"),
    )


def _required(http: Request, fault: Fault) -> ProblemError:
    return challenge_required(fault, edge_of(http).catalogue, visit_of(http).language)


@router.get(
    "/periods/{period_id}/waiting-room/ticket",
    operation_id="getEntryTicket",
    response_model=EntryTicket,
    summary="查看本单位最近取的号 · The place that your company took last, and how long it has to wait",
    openapi_extra=operation(idempotent=False, codes=("channel-not-authorised", "claimant-not-named")),
)
async def get_entry_ticket(period_id: PeriodId, request: ReadRequest, claimant_id: NamedClaimant = None) -> Response:
    company, is_channel = claimant_of(request.caller, claimant_id), request.caller.role is Role.CHANNEL
    async with request.reading() as tx:
        if is_channel:
            await act_for_claimant(tx, company)
        held = await last_ticket(tx.connection, period_id, company)
        line = await line_in(tx.connection, period_id)
    is_own = held is not None and held.ticket.principal == request.caller.principal
    if held is None or line is None or (is_channel and not is_own):
        raise UnknownSubjectError(period_id)
    token = EntryTokens(request.settings).write(held.ticket)
    view = _view(held, line, request.now, token if is_own else None)
    return response_of(Presented(body=view).answer())


@router.get(
    "/periods/{period_id}/waiting-room",
    operation_id="getWaitingRoom",
    summary="查看等候室：多少家在等，每秒放行多少 · How many wait, and how many are let in each second",
    openapi_extra=operation(idempotent=False, codes=("not-found",)),
)
async def get_waiting_room(period_id: PeriodId, request: ReadRequest) -> WaitingRoomNow:
    async with request.reading() as tx:
        state = (await tx.load(period, f"period-{period_id}")).state
        line = await line_in(tx.connection, period_id)
    if not isinstance(state, Period) or not state.announced or state.waiting_room is None:
        raise UnknownSubjectError(period_id)
    begins = race_begins(state.entries, state.opens_at)
    return _room(state, state.waiting_room, line or line_of(state.waiting_room, begins), request.now)


def _view(held: Held, line: Line, at: datetime, token: str | None) -> EntryTicket:
    ticket = held.ticket
    return EntryTicket(
        ticket_id=ticket.ticket_id,
        period_id=ticket.period_id,
        claimant_id=ticket.claimant_id,
        place=ticket.place,
        ahead=ahead_of(ticket.place, ticket.admits_from, line.spacing, at),
        state=state_of(held, at),
        entered_at=ticket.entered_at,
        admits_from=ticket.admits_from,
        expires_at=ticket.expires_at,
        expected_wait_ms=max(0, -((at - ticket.admits_from) // _MILLISECOND)),
        server_time=at,
        entry_token=token,
    )


def _room(state: Period, room: WaitingRoom, line: Line, at: datetime) -> WaitingRoomNow:
    phase = phase_at(state.phase, state.opens_at, state.closes_at, at)
    return WaitingRoomNow(
        period_id=state.period_id,
        opens_at=room.opens_at,
        per_second=room.per_second,
        challenge=room.challenge,
        period_opens_at=state.opens_at,
        closed=phase in {Phase.CLOSED, Phase.WITHDRAWN},
        places=line.places,
        waiting=waiting_in(line, at),
        server_time=at,
    )
