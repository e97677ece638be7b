"""Bookings: the calendar for anyone, asking for a slot, answering, cancelling, what came of it (art. 5, 9(2))."""

from datetime import date, datetime, timedelta
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Query, Response

from services.registry.api.booking_models import (
    BookingBody,
    BookingView,
    CalendarView,
    OpeningView,
    OutcomeBody,
    ReasonBody,
    SlotView,
    TermsBody,
    TermsView,
)
from services.registry.api.queries import PartyQuery, PathId
from services.registry.domain.booking import DAYS_AHEAD_MAX, Stage, booking
from services.registry.domain.booking_terms import BookingTerms, free_spans, open_spans
from services.registry.domain.facility import Open, Unopened, facility
from services.registry.provider_tables import bookings
from services.registry.tables import claimant_users, providers
from services.registry.use_cases import booking_facilities
from services.registry.use_cases.booking_facilities import BookingHandled
from services.registry.use_cases.streams import stream_of
from shared.events.registry.bookings import BookingParty, OpeningHours
from shared.http.commands import CommandRequest, Presented
from shared.http.identity import Caller
from shared.http.policy import Role
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.kernel.calendar import business_date, start_of
from shared.store.transaction import Transaction, UnknownSubjectError

router = router_for("registry", tag="bookings")
_STAGE = "booking-not-in-this-stage"
_ONE_DAY = timedelta(days=1)


@router.post(
    "/facilities/{facility_id}/booking-terms",
    operation_id="setBookingTerms",
    response_model=TermsView,
    summary="设定预约规则 · Say how a facility is booked",
    openapi_extra=operation(codes=("facility-not-open", "opening-hours-wrong")),
)
async def set_booking_terms(facility_id: PathId, body: TermsBody, request: CommandRequest) -> Response:
    """Set opening hours and the notice before cancelling of an own facility; bookings already made stay."""
    opening = [OpeningHours(**hours.model_dump()) for hours in body.opening]

    async def set_(tx: Transaction) -> tuple[int, TermsView]:
        version, terms = await booking_facilities.set_terms(
            tx, facility_id, request.caller.principal, opening, body.notice_hours, if_match=request.if_match
        )
        return version, _terms(facility_id, terms)

    return await request.run(set_, lambda result: Presented(body=result[1], version=result[0]))


@router.get(
    "/facilities/{facility_id}/booking-terms",
    operation_id="getBookingTerms",
    response_model=TermsView,
    summary="预约规则 · How a facility is booked",
    openapi_extra=operation(idempotent=False),
)
async def get_booking_terms(facility_id: PathId, request: ReadRequest) -> Response:
    """Show the terms to anyone; without any the facility is open around the clock."""
    async with request.reading() as tx:
        if isinstance((await tx.load(facility, stream_of(facility_id, "fac"))).state, Unopened):
            raise UnknownSubjectError(facility_id)
        loaded = await booking_facilities.terms_of(tx, facility_id)
    return request.answer(Presented(body=_terms(facility_id, loaded.state), version=loaded.version))


@router.get(
    "/facilities/{facility_id}/calendar",
    operation_id="getCalendar",
    response_model=CalendarView,
    summary="设施预约日历 · When a facility is taken and when it is free",
    openapi_extra=operation(idempotent=False),
)
async def get_calendar(
    facility_id: PathId,
    request: ReadRequest,
    first_day: Annotated[date | None, Query(description="起始日，默认今天 · Today by default")] = None,
    days: Annotated[int, Query(ge=1, le=31, description="天数 · How many days")] = 7,
) -> CalendarView:
    """Show busy and free slots to anyone; nothing is free of what is not in service, or not yet bookable."""
    today = business_date(request.now)
    first = min(max(first_day or today, date(2000, 1, 1)), today + _ONE_DAY * DAYS_AHEAD_MAX)
    last = first + timedelta(days=days - 1)
    from_, until = start_of(first), start_of(last + _ONE_DAY)
    async with request.reading() as tx:
        state = (await tx.load(facility, stream_of(facility_id, "fac"))).state
        if isinstance(state, Unopened):
            raise UnknownSubjectError(facility_id)
        terms = (await booking_facilities.terms_of(tx, facility_id)).state
        taken = await tx.connection.execute(
            sa.select(bookings.c.starts_at, bookings.c.ends_at)
            .where(bookings.c.facility_id == facility_id, bookings.c.takes_slot)
            .where(bookings.c.starts_at < until, bookings.c.ends_at > from_)
            .order_by(bookings.c.starts_at)
        )
        busy = [(row.starts_at, row.ends_at) for row in taken]
    usable = isinstance(state, Open) and state.status == "in_service"
    soonest = _next_minute(request.now)
    free = free_spans(open_spans(terms, first, last), busy, soonest) if usable else []
    return CalendarView(
        facility_id=facility_id,
        first_day=first,
        last_day=last,
        opening=_opening(terms),
        busy=[SlotView(starts_at=begins, ends_at=ends) for begins, ends in busy],
        free=[SlotView(starts_at=begins, ends_at=ends) for begins, ends in free],
    )


@router.post(
    "/bookings",
    operation_id="requestBooking",
    status_code=201,
    response_model=BookingView,
    summary="预约设施 · Ask for a slot",
    openapi_extra=operation(
        codes=(
            "claimant-not-registered", "user-may-only-read", "not-found", "provider-not-listed",
            "provider-is-leaving", "party-barred", "facility-not-in-service", "booking-times-wrong",
            "booking-day-wrong", "booking-outside-hours", "slot-taken", _STAGE,
        )
    ),
)  # fmt: skip
async def request_booking(body: BookingBody, request: CommandRequest) -> Response:
    """Ask for a facility for the own claimant; the slot is taken until it is declined, cancelled or not answered."""
    booking_id = request.new_id("bkg")

    async def ask(tx: Transaction) -> tuple[int, BookingView]:
        handled = await booking_facilities.request_booking(
            tx, booking_id, request.caller.principal, body.facility_id, body.starts_at, body.ends_at, body.purpose
        )
        return await _shown(tx, booking_id, handled)

    location = f"/v1/bookings/{booking_id}"
    return await request.run(
        ask, lambda result: Presented(body=result[1], version=result[0], status=201, location=location)
    )


@router.post(
    "/bookings/{booking_id}/confirmation",
    operation_id="confirmBooking",
    response_model=BookingView,
    summary="确认预约 · Confirm a booking",
    openapi_extra=operation(if_match=True, codes=(_STAGE, "booking-has-begun", "party-barred")),
)
async def confirm_booking(booking_id: PathId, request: CommandRequest) -> Response:
    """Confirm a booking of an own facility before it begins."""

    async def confirm(tx: Transaction) -> tuple[int, BookingView]:
        handled = await booking_facilities.confirm_booking(
            tx, booking_id, request.caller.principal, if_match=request.if_match
        )
        return await _shown(tx, booking_id, handled)

    return await request.run(confirm, _presented)


@router.post(
    "/bookings/{booking_id}/refusal",
    operation_id="declineBooking",
    response_model=BookingView,
    summary="不接受预约 · Decline a booking",
    openapi_extra=operation(if_match=True, codes=(_STAGE,)),
)
async def decline_booking(booking_id: PathId, body: ReasonBody, request: CommandRequest) -> Response:
    """Decline a booking of an own facility, with a reason for the claimant; the slot is free again."""

    async def decline(tx: Transaction) -> tuple[int, BookingView]:
        handled = await booking_facilities.decline_booking(
            tx, booking_id, request.caller.principal, body.reason, if_match=request.if_match
        )
        return await _shown(tx, booking_id, handled)

    return await request.run(decline, _presented)


@router.post(
    "/bookings/{booking_id}/cancellation",
    operation_id="cancelBooking",
    response_model=BookingView,
    summary="取消预约 · Cancel a booking",
    openapi_extra=operation(if_match=True, codes=(_STAGE, "booking-has-begun", "user-may-only-read")),
)
async def cancel_booking(booking_id: PathId, body: ReasonBody, request: CommandRequest) -> Response:
    """Cancel from either side before the slot begins; later than the facility's terms ask is noted as late."""
    caller = request.caller

    async def cancel(tx: Transaction) -> tuple[int, BookingView]:
        by: BookingParty = "provider" if caller.role is Role.PROVIDER else "claimant"
        handled = await booking_facilities.cancel_booking(
            tx, booking_id, by, caller.principal, body.reason, if_match=request.if_match
        )
        return await _shown(tx, booking_id, handled)

    return await request.run(cancel, _presented)


@router.post(
    "/bookings/{booking_id}/outcome",
    operation_id="concludeBooking",
    response_model=BookingView,
    summary="登记预约结果与实际机时 · Say what came of a booking",
    openapi_extra=operation(if_match=True, codes=(_STAGE, "booking-not-over", "machine-time-over-booking")),
)
async def conclude_booking(booking_id: PathId, body: OutcomeBody, request: CommandRequest) -> Response:
    """Say how long the machine ran, once the slot is over, or that nobody came, once it has begun."""

    async def conclude(tx: Transaction) -> tuple[int, BookingView]:
        handled = await booking_facilities.conclude_booking(
            tx, booking_id, request.caller.principal, body.outcome, body.machine_minutes, if_match=request.if_match
        )
        return await _shown(tx, booking_id, handled)

    return await request.run(conclude, _presented)


@router.get(
    "/bookings",
    operation_id="listBookings",
    response_model=Page[BookingView],
    summary="预约列表 · List bookings",
    openapi_extra=operation(idempotent=False),
)
async def list_bookings(
    request: ReadRequest,
    facility_id: PartyQuery = None,
    stage: Annotated[Stage | None, Query()] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Page[BookingView]:
    """List bookings by facility and stage, in order of time: a party's own, for the office all."""
    query, table = _visible(request.caller), bookings
    if facility_id is not None:
        query = query.where(table.c.facility_id == facility_id)
    if stage is not None:
        query = query.where(table.c.stage == stage)
    return await request.page(query, [table.c.booking_id], limit, cursor, _view)


@router.get(
    "/bookings/{booking_id}",
    operation_id="getBooking",
    response_model=BookingView,
    summary="预约详情 · One booking",
    openapi_extra=operation(idempotent=False),
)
async def get_booking(booking_id: PathId, request: ReadRequest) -> Response:
    """Show a booking to its two parties and to the office."""
    visible = _visible(request.caller).where(bookings.c.booking_id == booking_id)
    async with request.connection() as connection:
        row = (await connection.execute(visible)).one_or_none()
    if row is None:
        raise UnknownSubjectError(booking_id)
    loaded = await request.load(booking, stream_of(booking_id, "bkg"))
    return request.answer(Presented(body=_view(row), version=loaded.version))


def _visible(caller: Caller) -> sa.Select[Any]:
    query = sa.select(bookings)
    if caller.role is Role.PROVIDER:
        of_provider = sa.select(providers.c.provider_id).where(providers.c.principal == caller.principal)
        return query.where(bookings.c.provider_id.in_(of_provider))
    if caller.role is Role.CLAIMANT:
        of_claimant = sa.select(claimant_users.c.claimant_id).where(claimant_users.c.principal == caller.principal)
        return query.where(bookings.c.claimant_id.in_(of_claimant))
    return query


def _next_minute(now: datetime) -> datetime:
    whole = now.replace(second=0, microsecond=0)
    return whole if whole == now else whole + timedelta(minutes=1)


def _presented(result: tuple[int, BookingView]) -> Presented:
    return Presented(body=result[1], version=result[0])


async def _shown(tx: Transaction, booking_id: str, handled: BookingHandled) -> tuple[int, BookingView]:
    row = (await tx.connection.execute(sa.select(bookings).where(bookings.c.booking_id == booking_id))).one()
    return handled.version, _view(row)


def _view(row: Any) -> BookingView:
    return BookingView(**{name: getattr(row, name) for name in BookingView.model_fields})


def _opening(terms: BookingTerms) -> list[OpeningView]:
    return [OpeningView(weekday=each.weekday, opens=each.opens, closes=each.closes) for each in terms.opening]


def _terms(facility_id: str, terms: BookingTerms) -> TermsView:
    return TermsView(facility_id=facility_id, opening=_opening(terms), notice_hours=terms.notice_hours)
