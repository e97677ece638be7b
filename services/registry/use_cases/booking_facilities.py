"""Claimants book facilities, providers answer, either cancels; a slot is one booking's (art. 5, 9(2))."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.registry.domain.booking import (
    Booked,
    CancelBooking,
    Command,
    ConcludeBooking,
    ConfirmBooking,
    DeclineBooking,
    Event,
    LapseBooking,
    RequestBooking,
    State,
    booking,
    is_slot,
    minutes_of,
)
from services.registry.domain.booking_terms import BookingTerms, SetTerms, booking_terms
from services.registry.domain.facility import Open, facility
from services.registry.domain.profile import digest_of
from services.registry.domain.sanction import DISQUALIFYING
from services.registry.provider_tables import bookings
from services.registry.tables import claimant_users, facilities, providers
from services.registry.use_cases.acting_for_claimants import acting_for
from services.registry.use_cases.barring import is_barred, is_code_barred, locked_capacities
from services.registry.use_cases.owning import check_owns_facility, standing_of
from services.registry.use_cases.streams import stream_of
from shared.events.registry.bookings import BookingOutcome, BookingParty, OpeningHours
from shared.kernel.refusal import refuse
from shared.procedures.due import clear_deadline, set_deadline
from shared.store.transaction import Handled, Loaded, Transaction, UnknownSubjectError

BOOKING_UNANSWERED = "booking-unanswered"
type BookingHandled = Handled[Event, State]


async def set_terms(
    tx: Transaction, facility_id: str, principal: str, opening: Sequence[OpeningHours], notice_hours: int, *,
    if_match: int | None,
) -> tuple[int, BookingTerms]:  # fmt: skip
    """Say how a facility of the principal's own provider is booked; gives the version and the terms."""
    provider_id = await check_owns_facility(tx, facility_id, principal)
    command = SetTerms(
        facility_id=facility_id,
        provider_id=provider_id,
        facility_open=isinstance((await tx.load(facility, stream_of(facility_id, "fac"))).state, Open),
        opening=tuple(sorted(opening, key=lambda hours: (hours.weekday, hours.opens))),
        notice_hours=notice_hours,
        on=tx.today,
    )
    handled = await tx.handle(booking_terms, _terms_of(facility_id), command, if_match=if_match)
    return handled.version, handled.state


async def terms_of(tx: Transaction, facility_id: str) -> Loaded[BookingTerms]:
    """Give the terms a facility is booked on, with their version; 0 where nobody set any."""
    return await tx.load(booking_terms, _terms_of(facility_id))


async def request_booking(
    tx: Transaction, booking_id: str, principal: str, facility_id: str, starts_at: datetime, ends_at: datetime,
    purpose: str,
) -> BookingHandled:  # fmt: skip
    """Ask for a slot for the principal's own claimant; the database gives an overlapping slot to one booking only."""
    claimant = await acting_for(tx, await own_claimant(tx, principal), principal)
    where = sa.select(facilities.c.provider_id).where(facilities.c.facility_id == facility_id)
    provider_id = (await tx.connection.execute(where)).scalar_one_or_none()
    if provider_id is None:
        raise UnknownSubjectError(facility_id)
    of_claimant = claimant.claimant_id
    barred = await is_barred(tx, of_claimant)
    if claimant.credit_code is not None:
        barred = barred or await is_code_barred(tx, claimant.credit_code, measures=DISQUALIFYING)
    owner = await standing_of(tx, provider_id)
    lock = sa.select(facilities.c.facility_id).where(facilities.c.facility_id == facility_id)
    await tx.connection.execute(lock.with_for_update(read=True))  # Neither withdrawn nor out of service meanwhile.
    found = (await tx.load(facility, stream_of(facility_id, "fac"))).state
    salt = secrets.token_hex(16)
    slot = {
        "booking_id": booking_id,
        "facility_id": facility_id,
        "provider_id": provider_id,
        "claimant_id": of_claimant,
        "starts_at": starts_at,
        "ends_at": ends_at,
        "stage": "requested",
        "machine_minutes": minutes_of(starts_at, ends_at),
        "purpose": purpose,
        "salt": salt,
    }
    possible = is_slot(starts_at, ends_at)  # What is none is refused below, and fits no calendar.
    command = RequestBooking(
        booking_id=booking_id,
        facility_id=facility_id,
        status=found.status if isinstance(found, Open) else None,
        provider_id=provider_id,
        provider_listed=owner.listed,
        provider_leaving=owner.leaving,
        claimant_id=of_claimant,
        barred=barred or owner.barred,
        terms=(await terms_of(tx, facility_id)).state,
        starts_at=starts_at,
        ends_at=ends_at,
        taken=possible and not await _take(tx, slot),
        purpose_digest=digest_of(salt, {"purpose": purpose}),
        at=tx.now,
        on=tx.today,
    )
    handled = await tx.handle(booking, stream_of(booking_id, "bkg"), command)
    await set_deadline(tx, BOOKING_UNANSWERED, booking_id, starts_at)
    return handled


async def confirm_booking(tx: Transaction, booking_id: str, principal: str, *, if_match: int | None) -> BookingHandled:
    """Confirm a booking of the principal's own provider; neither it nor the claimant has been barred meanwhile."""
    row = await _of_provider(tx, booking_id, principal)
    await locked_capacities(tx, row.claimant_id)
    if (await standing_of(tx, row.provider_id)).barred or await is_barred(tx, row.claimant_id):
        raise refuse("party-barred", article="17", kind="state")
    return await _handle(tx, row, ConfirmBooking(at=tx.now, on=tx.today), if_match)


async def decline_booking(
    tx: Transaction, booking_id: str, principal: str, reason: str, *, if_match: int | None
) -> BookingHandled:
    """Decline a booking of the principal's own provider, with a reason for the claimant."""
    row = await _of_provider(tx, booking_id, principal)
    command = DeclineBooking(reason_digest=digest_of(row.salt, {"reason": reason}), on=tx.today)
    return await _handle(tx, row, command, if_match, reason)


async def cancel_booking(
    tx: Transaction, booking_id: str, by: BookingParty, principal: str, reason: str, *, if_match: int | None
) -> BookingHandled:
    """Cancel a booking from the claimant's or the provider's side, with a reason for the other."""
    find = _of_provider if by == "provider" else _of_claimant
    row = await find(tx, booking_id, principal)
    command = CancelBooking(
        cancelled_by=by,
        notice_hours=(await terms_of(tx, row.facility_id)).state.notice_hours,
        reason_digest=digest_of(row.salt, {"reason": reason}),
        at=tx.now,
        on=tx.today,
    )
    return await _handle(tx, row, command, if_match, reason)


async def conclude_booking(
    tx: Transaction, booking_id: str, principal: str, outcome: BookingOutcome, machine_minutes: int, *,
    if_match: int | None,
) -> BookingHandled:  # fmt: skip
    """Say what came of a booking of the principal's own provider, and how long the machine ran."""
    row = await _of_provider(tx, booking_id, principal)
    command = ConcludeBooking(outcome=outcome, machine_minutes=machine_minutes, at=tx.now, on=tx.today)
    return await _handle(tx, row, command, if_match)


async def lapse_booking(tx: Transaction, booking_id: str) -> None:
    """Give a slot back that began without an answer."""
    row = (await tx.connection.execute(_locked(booking_id))).one_or_none()
    if row is not None:
        await _handle(tx, row, LapseBooking(at=tx.now, on=tx.today), None)


async def open_bookings(
    tx: Transaction, *, facility_id: str | None = None, provider_id: str | None = None
) -> Sequence[Any]:
    """Give the bookings of a facility or a provider that are asked for or confirmed and not over, in order of time."""
    query = sa.select(bookings).where(bookings.c.stage.in_(("requested", "confirmed")), bookings.c.ends_at > tx.now)
    if facility_id is not None:
        query = query.where(bookings.c.facility_id == facility_id)
    if provider_id is not None:
        query = query.where(bookings.c.provider_id == provider_id)
    return (await tx.connection.execute(query.order_by(bookings.c.starts_at, bookings.c.booking_id))).all()


async def own_claimant(tx: Transaction, principal: str) -> str:
    """Name the claimant a principal is a user of; who has none is not registered and is refused."""
    own = sa.select(claimant_users.c.claimant_id).where(claimant_users.c.principal == principal)
    claimant_id = (await tx.connection.execute(own)).scalar_one_or_none()
    if claimant_id is None:
        raise refuse("claimant-not-registered", article="10(1)", kind="state")
    return str(claimant_id)


async def _take(tx: Transaction, slot: Mapping[str, object]) -> bool:
    """Take a slot; False when it overlaps another that is taken, even by somebody who was a moment faster."""
    mine = insert(bookings).values(slot).on_conflict_do_nothing().returning(bookings.c.booking_id)
    return (await tx.connection.execute(mine)).first() is not None


async def _handle(
    tx: Transaction, row: Any, command: Command, if_match: int | None, reason: str | None = None
) -> BookingHandled:
    """Decide, and keep the row as it stands; who gives a slot back leaves it to the next."""
    handled = await tx.handle(booking, stream_of(row.booking_id, "bkg"), command, if_match=if_match)
    if isinstance(handled.state, Booked) and handled.events:
        stands = {
            "stage": handled.state.stage,
            "late": handled.state.late,
            "machine_minutes": handled.state.machine_minutes,
            "takes_slot": handled.state.stage not in {"declined", "lapsed", "cancelled"},
            "reason": reason,
        }
        mine = sa.update(bookings).where(bookings.c.booking_id == row.booking_id)
        await tx.connection.execute(mine.values(stands))
        await clear_deadline(tx, BOOKING_UNANSWERED, row.booking_id)
    return handled


async def _of_provider(tx: Transaction, booking_id: str, principal: str) -> Any:
    own = sa.select(providers.c.provider_id).where(providers.c.principal == principal)
    return await _found(tx, booking_id, bookings.c.provider_id.in_(own))


async def _of_claimant(tx: Transaction, booking_id: str, principal: str) -> Any:
    own = sa.select(claimant_users.c.claimant_id).where(claimant_users.c.principal == principal)
    row = await _found(tx, booking_id, bookings.c.claimant_id.in_(own))
    await acting_for(tx, row.claimant_id, principal)
    return row


async def _found(tx: Transaction, booking_id: str, own: sa.ColumnElement[bool]) -> Any:
    row = (await tx.connection.execute(_locked(booking_id).where(own))).one_or_none()
    if row is None:
        raise UnknownSubjectError(booking_id)
    return row


def _locked(booking_id: str) -> sa.Select[Any]:
    return sa.select(bookings).where(bookings.c.booking_id == booking_id).with_for_update()


def _terms_of(facility_id: str) -> str:
    stream_of(facility_id, "fac")
    return f"booking-terms-{facility_id}"
