"""The waiting room of a period: a place in the order of arrival, and the token of one claim (art. 12, 15(1))."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Annotated, cast

from fastapi import FastAPI, Header, Request, Response

from services.issuance.api.visibility import PeriodId, claimant_of
from services.issuance.api.waiting_room_models import ChallengeTask, EntryTicket, WaitingRoomNow
from services.issuance.domain.period import Period, Phase, period, phase_at
from services.issuance.domain.ticket import PASSING, TICKET
from services.issuance.domain.waiting_room import Line, ahead_of, line_of, waiting_in
from services.issuance.use_cases.waiting import take_ticket
from services.issuance.waiting_room.challenges import spend
from services.issuance.waiting_room.room import Held, last_ticket, line_in, state_of
from services.issuance.waiting_room.tokens import EntryTokens
from shared.events.issuance import WaitingRoom
from shared.http.challenges import CHALLENGE_RESPONSE, Challenge, Fault, Verdict, challenge_of, challenge_required
from shared.http.commands import CommandRequest, Presented, response_of
from shared.http.edge import Edge, edge_of, visit_of
from shared.http.problems import ProblemError
from shared.http.reading import ReadRequest
from shared.http.routes import operation, router_for
from shared.store.transaction import Transaction, UnknownSubjectError

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


@asynccontextmanager
async def open_challenge(app: FastAPI, edge: Edge) -> AsyncIterator[None]:
    """Give an app the challenge that `CXQ_CHALLENGE` names, while it is open."""
    app.state.challenge = challenge_of(edge.settings)
    try:
        yield
    finally:
        await _challenge_of(app).close()


def _challenge_of(app: FastAPI) -> Challenge:
    return cast("Challenge", app.state.challenge)


@router.get(
    "/challenge",
    operation_id="getChallenge",
    summary="取人机验证题 · Get the task that a waiting room may ask for",
)
async def get_challenge(request: ReadRequest, http: Request) -> ChallengeTask:
    task = _challenge_of(http.app).issue(request.now)
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
    period_id: PeriodId, request: CommandRequest, http: Request, challenge_response: ChallengeResponse = ""
) -> Response:
    claimant_id, ticket_id = claimant_of(request.caller), request.new_id(TICKET)
    address, tokens = visit_of(http).address, EntryTokens(request.settings)
    # Judged before the transaction, which waits for nobody outside; heeded in it, where a repeated key has its answer.
    verdict = await _challenge_of(http.app).check(challenge_response, address=address, now=request.now)

    return await request.run(
        lambda tx: take_ticket(
            tx,
            period_id=period_id,
            claimant_id=claimant_id,
            ticket_id=ticket_id,
            challenged=lambda tx: _let_in(tx, http, verdict),
        ),
        lambda taken: Presented(
            body=_view(
                Held(ticket=taken.ticket, used=False), taken.line, taken.ticket.entered_at, tokens.write(taken.ticket)
            ),
            status=201,
            location=f"/v1/periods/{period_id}/waiting-room/ticket",
        ),
        passing=PASSING,
    )


async def _let_in(tx: Transaction, http: Request, verdict: Verdict) -> None:
    """Raise what is wrong with a response to the challenge; what is good once only is spent with this transaction."""
    if verdict.fault is not None:
        raise _required(http, verdict.fault)
    if verdict.expires_at is not None and not await spend(
        tx.connection, verdict.single_use, verdict.expires_at, tx.now
    ):
        raise _required(http, "challenge_spent")


def _required(http: Request, fault: Fault) -> ProblemError:
    return challenge_required(fault, edge_of(http).catalogue, visit_of(http).language)


@router.get(
    "/periods/{period_id}/waiting-room/ticket",
    operation_id="getEntryTicket",
    response_model=EntryTicket,
    summary="查看本单位最近取的号 · The place that your company took last, and how long it has to wait",
)
async def get_entry_ticket(period_id: PeriodId, request: ReadRequest) -> Response:
    async with request.connection() as connection:
        held = await last_ticket(connection, period_id, claimant_of(request.caller))
        line = await line_in(connection, period_id)
    if held is None or line is None:
        raise UnknownSubjectError(period_id)
    token = EntryTokens(request.settings).write(held.ticket)
    is_own = held.ticket.principal == request.caller.principal
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
    return _room(state, state.waiting_room, line or line_of(state.waiting_room, state.opens_at), request.now)


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
