"""Redemption's invariants, on its own log."""

from collections.abc import AsyncIterator
from datetime import date, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.redemption.tables import invoices, seats
from shared.audit import Breach, Check, Count
from shared.events.codec import decode
from shared.events.redemption import (
    FundsDisbursed,
    NoticeConcluded,
    NoticePublished,
    ObjectionAnswered,
    ObjectionRaised,
    RedemptionApplied,
    RedemptionApproved,
    RedemptionOpened,
)
from shared.measures.looking_back import rules_of
from shared.measures.working_days import load_working_days
from shared.store.rules import announced
from shared.store.tables import events

_FACTS = sa.select(events.c.stream, events.c.position, events.c.type, sa.cast(events.c.data, sa.Text)).order_by(
    events.c.stream, events.c.version
)
type _History = list[tuple[int, object]]


async def _histories(connection: AsyncConnection) -> AsyncIterator[tuple[str, _History]]:
    """Give every redemption's facts with their positions, one redemption after the other."""
    current, history = "", list[tuple[int, object]]()
    async for stream, position, kind, data in await connection.stream(_FACTS):
        if stream != current and history:
            yield current, history
            history = []
        current = stream
        history.append((position, decode(kind, data)))
    if history:
        yield current, history


async def _within_the_share(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    changes = await announced(connection)
    async for stream, history in _histories(connection):
        applied = [f for _, f in history if isinstance(f, RedemptionApplied)]
        rules = [rules_of(f.pack, f.on, changes).on(f.on).redemption for f in applied]
        share = rules[-1].contract_share_max if rules else 0
        actual = {f.contract_id: f.actual_amount for _, f in history if isinstance(f, RedemptionOpened)}
        for position, paid in history:
            if isinstance(paid, FundsDisbursed):
                count.checked += 1
                if 100 * paid.total > share * actual.get(paid.contract_id, 0):
                    yield Breach(
                        where=f"{stream} at {position}",
                        found=f"paid {paid.total} fen of {actual.get(paid.contract_id)} actually spent",
                    )


async def _once(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    paid_by: dict[str, int] = {}
    async for stream, history in _histories(connection):
        for position, fact in history:
            if not isinstance(fact, FundsDisbursed):
                continue
            for payment in fact.payments:
                count.checked += 1
                if payment.voucher_id in paid_by:
                    yield Breach(
                        where=f"{stream} at {position}",
                        found=f"{payment.voucher_id} was paid at {paid_by[payment.voucher_id]} already",
                    )
                paid_by[payment.voucher_id] = position
    used = sa.select(invoices.c.redemption_id, sa.func.sum(invoices.c.amount)).group_by(invoices.c.redemption_id)
    totals = {row[0]: row[1] for row in await connection.execute(used)}
    async for stream, history in _histories(connection):
        invoiced = {f.redemption_id: f.invoiced_amount for _, f in history if isinstance(f, RedemptionOpened)}
        for _, fact in history:
            if isinstance(fact, RedemptionApplied):
                count.checked += 1
                if totals.get(fact.redemption_id) != invoiced.get(fact.redemption_id):
                    yield Breach(where=stream, found=f"its invoices add up to {totals.get(fact.redemption_id)} fen")


async def _within_approval(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    async for stream, history in _histories(connection):
        approved = 0
        for position, fact in history:
            if isinstance(fact, RedemptionApproved):
                approved = fact.approved
            if isinstance(fact, FundsDisbursed):
                count.checked += 1
                over = [p.voucher_id for p in fact.payments if not 0 <= p.paid <= p.amount]
                total = sum(payment.paid for payment in fact.payments)
                if over or total != fact.total or fact.total > approved:
                    yield Breach(
                        where=f"{stream} at {position}",
                        found=f"paid {fact.total}, approved {approved}, spread {total}, over face value: {over}",
                    )


async def _after_review_and_notice(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    async for stream, history in _histories(connection):
        until: date | None = None
        approved = concluded = False
        open_objections: set[str] = set()
        for position, fact in history:
            match fact:
                case RedemptionApproved():
                    approved, concluded = True, False
                case NoticePublished():
                    until = fact.until
                case ObjectionRaised():
                    open_objections.add(fact.objection_id)
                case ObjectionAnswered():
                    open_objections.discard(fact.objection_id)
                    approved = approved and not fact.upheld
                case NoticeConcluded():
                    concluded = until is not None and fact.on > until and not open_objections
                case FundsDisbursed():
                    count.checked += 1
                    if not (approved and concluded):
                        yield Breach(
                            where=f"{stream} at {position}",
                            found=f"paid with approved={approved}, a notice run to its end={concluded}",
                        )
                case _:
                    pass


async def _days_counted_anew(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Count the notice's working days one by one, in another way than the calendar does."""
    calendar, changes = load_working_days(), await announced(connection)
    async for stream, history in _histories(connection):
        packs = [fact.pack for _, fact in history if isinstance(fact, RedemptionApplied)]
        for position, fact in history:
            if not isinstance(fact, NoticePublished):
                continue
            count.checked += 1
            days = (fact.on + timedelta(days=n) for n in range(1, (fact.until - fact.on).days + 1))
            worked = sum(calendar.is_working_day(day) for day in days)
            wanted = rules_of(packs[-1], fact.on, changes).on(fact.on).redemption if packs else None
            length = wanted.redemption_notice_working_days if wanted else None
            if worked != length or not calendar.is_working_day(fact.until):
                yield Breach(
                    where=f"{stream} at {position}", found=f"the notice to {fact.until} has {worked} working days"
                )


_SEATS_LEFT = sa.text(
    """
    SELECT s.redemption_id, s.expert_id FROM seats s WHERE NOT EXISTS (
        SELECT 1 FROM events d WHERE d.stream = 'redemption-' || s.redemption_id
            AND d.type IN ('cxq.redemption.panel-drawn.v1', 'cxq.redemption.experts-replaced.v1')
            AND d.data->'experts' @> to_jsonb(s.expert_id)
            AND NOT EXISTS (SELECT 1 FROM events o WHERE o.stream = d.stream AND o.version > d.version
                AND (o.type IN ('cxq.redemption.redemption-approved.v1', 'cxq.redemption.redemption-refused.v1')
                    OR (o.type = 'cxq.redemption.experts-replaced.v1' AND o.data->'removed' @> to_jsonb(s.expert_id)))))
    ORDER BY s.redemption_id, s.expert_id
    """
)


async def _seats_are_of_running_reviews(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Find the panel behind every seat: one that is not summed up, or the expert would be spared for nothing."""
    count.checked += int((await connection.execute(sa.select(sa.func.count()).select_from(seats))).scalar_one())
    for row in (await connection.execute(_SEATS_LEFT)).all():
        yield Breach(where=f"redemption-{row.redemption_id}", found=f"{row.expert_id} has a seat, but nothing to judge")


CHECKS = (
    Check(id="M4", promise="voucher money paid ≤ its share of the actual amount", look=_within_the_share),
    Check(id="M5", promise="a voucher is paid once at most, an invoice is used once", look=_once),
    Check(id="M6", promise="paid ≤ approved ≤ face value, and payments sum to the total", look=_within_approval),
    Check(
        id="M7",
        promise="nothing is paid without an approved review and a notice that ran its full length",
        look=_after_review_and_notice,
    ),
    Check(id="R43", promise="an expert's seats are those of reviews that run", look=_seats_are_of_running_reviews),
    Check(id="M9", promise="a notice has the working days an independent count gives it", look=_days_counted_anew),
)
