"""Entries: standing requests for a period's money, and the draw that anybody can do again (art. 12)."""

from datetime import datetime
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Depends, Query, Request, Response

from services.issuance import entry_list
from services.issuance.api.entry_models import (
    DrawnEntry,
    DrawView,
    EntryForetold,
    EntryRequest,
    EntryView,
    OwnEntry,
    ahead_view,
    entry_fields,
    foretold,
)
from services.issuance.api.visibility import NamedClaimant, PeriodId, own_claimant_of
from services.issuance.asked_by_channel import act_for_claimant, act_on_entry
from services.issuance.domain.entry import Entry, Event, Stage, State, entry
from services.issuance.domain.entry_terms import draw_ends
from services.issuance.domain.period import period
from services.issuance.domain.period_phases import Period
from services.issuance.tables import entries
from services.issuance.use_cases.entering import enter_period, rehearse_entry, withdraw_entry
from shared.events.codec import decode
from shared.events.definition import TYPE_OF
from shared.events.issuance.entries import DrawCommitted, EntriesDecided
from shared.http.commands import CommandRequest, Presented, response_of
from shared.http.edge import edge_of, visit_of
from shared.http.identity import Caller, claimant_of
from shared.http.models import Money
from shared.http.policy import Role
from shared.http.reading import CursorText, Limit, Page, ReadDesk, ReadRequest
from shared.http.routes import operation, router_for
from shared.kernel.ids import is_id
from shared.kernel.refusal import refuse
from shared.store.tables import events
from shared.store.transaction import Handled, Transaction, UnknownSubjectError, read_stream

router = router_for("issuance", tag="entries")

REFUSALS = (
    "channel-not-authorised",
    "claimant-not-named",
    "user-may-only-read",
    "claimant-not-eligible",
    "claimant-not-registered",
    "claimant-banned",
    "face-value-out-of-range",
    "allowance-exceeded",
    "period-not-approved",
    "period-withdrawn",
    "period-paused",
    "period-closed",
    "period-takes-no-entries",
    "entries-not-taken-yet",
    "entries-taken-no-more",
    "entries-being-decided",
    "quota-not-exhausted",
    "entry-made-already",
)
_DECIDED = TYPE_OF[EntriesDecided].stored


def _entry(entry_id: str) -> str:
    if not is_id(entry_id, "ent"):
        raise UnknownSubjectError(entry_id)
    return entry_id


EntryId = Annotated[str, Depends(_entry)]


@router.post(
    "/periods/{period_id}/entries",
    operation_id="enterPeriod",
    status_code=201,
    response_model=EntryView,
    responses={200: {"model": EntryForetold, "description": "试算（dry_run=true） · What the entry would be answered"}},
    summary="报名：开放前、抽签或候补 · Enter before the opening, for the draw, or on the reserve list",
    openapi_extra=operation(codes=REFUSALS),
)
async def enter(
    period_id: PeriodId,
    body: EntryRequest,
    request: CommandRequest,
    http: Request,
    dry_run: Annotated[bool, Query(description="只试算，不报名，不占用键 · Only say what would happen")] = False,  # noqa: FBT002 (a query parameter)
) -> Response:
    claimant_id = claimant_of(request.caller, body.claimant_id)
    if dry_run:
        async with request.reading() as tx:
            prospect = await rehearse_entry(
                tx,
                period_id=period_id,
                claimant_id=claimant_id,
                amount=body.amount.amount,
                by_channel=request.caller.role is Role.CHANNEL,
            )
        return response_of(Presented(body=foretold(body, period_id, claimant_id, prospect)).answer())
    entry_id = request.new_id("ent")
    return await request.run(
        lambda tx: enter_period(
            tx,
            entry_id=entry_id,
            period_id=period_id,
            claimant_id=claimant_id,
            amount=body.amount.amount,
            or_less=body.or_less,
            by_channel=request.caller.role is Role.CHANNEL,
        ),
        lambda handled: _presented(handled, http, status=201),
    )


@router.get(
    "/periods/{period_id}/entries/mine",
    operation_id="getOwnEntry",
    response_model=OwnEntry,
    summary="查看本单位最近的报名及其次序 · One's own latest entry, and who is before it",
    openapi_extra=operation(idempotent=False, codes=("channel-not-authorised", "claimant-not-named")),
)
async def get_own_entry(
    period_id: PeriodId, request: ReadRequest, http: Request, claimant_id: NamedClaimant = None
) -> Response:
    company = claimant_of(request.caller, claimant_id)
    async with request.reading() as tx:
        row = await _latest(tx, request.caller, period_id, company)
        if row is None:
            raise UnknownSubjectError(period_id)
        loaded = await tx.load(entry, f"entry-{row.entry_id}")
        in_order = row.stage == Stage.WAITING.value and row.way != "draw"
        ahead = await entry_list.ahead_of(tx.connection, period_id, row.way, place=row.place) if in_order else None
    if not isinstance(loaded.state, Entry):
        raise UnknownSubjectError(row.entry_id)
    view = OwnEntry(**_fields(loaded.state, http), ahead=ahead_view(ahead))
    # Not `request.answer`: who is ahead changes without a new version.
    return response_of(Presented(body=view, version=loaded.version).answer())


@router.post(
    "/entries/{entry_id}/withdrawal",
    operation_id="withdrawEntry",
    response_model=EntryView,
    summary="撤回报名 · Ask no more",
    openapi_extra=operation(
        codes=("channel-not-authorised", "user-may-only-read", "entries-being-decided", "entry-not-in-this-state")
    ),
)
async def withdraw(entry_id: EntryId, request: CommandRequest, http: Request) -> Response:
    return await request.run(
        lambda tx: withdraw_entry(tx, entry_id=entry_id, claimant_id=own_claimant_of(request.caller)),
        lambda handled: _presented(handled, http),
    )


@router.get(
    "/periods/{period_id}/draw",
    operation_id="getDraw",
    response_model=DrawView,
    summary="抽签：事先公布的摘要，事后公布的种子 · The draw: the digest told before it, the seed told after it",
)
async def get_draw(period_id: PeriodId, request: ReadRequest) -> Response:
    ends, committed, decided = await _draw_of(period_id, request)
    view = DrawView(
        period_id=period_id,
        commitment=committed.commitment,
        draws_until=ends,
        seed=decided.seed if decided else None,
        entries=decided.entries if decided else None,
        asked=Money.of(decided.asked) if decided else None,
        drawn_at=decided.at if decided else None,
    )
    return response_of(Presented(body=view).answer())


@router.get(
    "/periods/{period_id}/draw/entries",
    operation_id="listDrawnEntries",
    summary="抽签的全部报名，按抽签次序 · Every entry of the draw, in the order of the lots",
    openapi_extra=operation(idempotent=False, codes=("draw-not-held-yet",)),
)
async def list_drawn_entries(
    period_id: PeriodId, request: ReadRequest, limit: Limit = 50, cursor: CursorText = None
) -> Page[DrawnEntry]:
    ends, _, decided = await _draw_of(period_id, request)
    if decided is None:
        raise refuse("draw-not-held-yet", article="12", value=request.now, limit=ends, kind="state")
    select = sa.select(entries).where(entries.c.period_id == period_id, entries.c.drawn.is_not(None))
    return await request.page(select, [entries.c.drawn], limit, cursor, _drawn)


async def _latest(tx: Transaction, caller: Caller, period_id: str, claimant_id: str) -> sa.Row[Any] | None:
    """Read a company's newest entry in a period; for a channel the newest that it made itself."""
    if caller.role is not Role.CHANNEL:
        return await entry_list.latest_of(tx.connection, period_id, claimant_id)
    await act_for_claimant(tx, claimant_id)
    row = await entry_list.latest_of(tx.connection, period_id, claimant_id, principal=caller.principal)
    if row is not None:
        await act_on_entry(tx, row.entry_id, claimant_id)
    return row


async def _draw_of(period_id: str, request: ReadDesk) -> tuple[datetime, DrawCommitted, EntriesDecided | None]:
    """Read until when entries for a period's draw are taken, and what the log tells of it.

    UnknownSubjectError: nothing is drawn in it.
    """
    async with request.reading() as tx:
        state = (await tx.load(period, f"period-{period_id}")).state
        committed = await read_stream(tx.connection, "issuance", f"draw-{period_id}", limit=1)
        told = (await tx.connection.execute(_decisions(period_id))).scalars().all()
    ends = draw_ends(state.entries, state.opens_at) if isinstance(state, Period) else None
    if ends is None or not committed:
        raise UnknownSubjectError(period_id)
    decided = [fact for fact in (decode(_DECIDED, payload) for payload in told) if fact.way == "draw"]
    return ends, committed[0].data, decided[-1] if decided else None


def _decisions(period_id: str) -> sa.Select[Any]:
    here = events.c.stream == f"period-{period_id}"
    return sa.select(sa.cast(events.c.data, sa.Text)).where(here, events.c.type == _DECIDED)


def _drawn(row: sa.Row[Any]) -> DrawnEntry:
    """Show an entry of the draw, as it came out of it; what becomes of the reserve list later is another matter."""
    outcome = "reserve_list" if row.way == "reserve" else "served" if row.stage == Stage.SERVED.value else "passed_over"
    return DrawnEntry(lot=row.drawn, entry_id=row.entry_id, amount=Money.of(row.amount), outcome=outcome)


def _fields(state: Entry, http: Request) -> dict[str, Any]:
    return entry_fields(state, edge_of(http).catalogue, visit_of(http).language)


def _presented(handled: Handled[Event, State], http: Request, *, status: int = 200) -> Presented:
    if not isinstance(handled.state, Entry):
        raise UnknownSubjectError("entry")
    location = f"/v1/periods/{handled.state.period_id}/entries/mine" if status == 201 else ""  # noqa: PLR2004 (created)
    view = EntryView(**_fields(handled.state, http))
    return Presented(body=view, version=handled.version, status=status, location=location)
