"""What must always hold of money that is asked back, on redemption's own log (art. 17)."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.audit import Breach, Check, Count
from shared.events.codec import decode
from shared.events.definition import TYPE_OF
from shared.events.redemption import (
    FundsDisbursed,
    FundsRecovered,
    RecoveryOrdered,
    RecoveryProposed,
    RepaymentReversed,
)
from shared.store.tables import events

_KINDS = (FundsDisbursed, RecoveryProposed, RecoveryOrdered, FundsRecovered, RepaymentReversed)
_FACTS = (
    sa.select(events.c.position, events.c.stream, events.c.type, sa.cast(events.c.data, sa.Text))
    .where(sa.or_(*(events.c.type.like(f"{TYPE_OF[kind].name}.v%") for kind in _KINDS)))
    .order_by(events.c.position)
)


@dataclass(slots=True)
class _Followed:
    """What was paid of each voucher, what was asked back, and what has come in so far; in fen."""

    paid: dict[str, int] = field(default_factory=dict)
    proposed: dict[str, RecoveryProposed] = field(default_factory=dict)
    ordered: dict[str, int] = field(default_factory=dict)
    repayments: dict[str, FundsRecovered] = field(default_factory=dict)
    back: Counter[str] = field(default_factory=Counter)
    received: Counter[str] = field(default_factory=Counter)

    def found(self, fact: object) -> Iterator[str]:
        """Follow a fact, and say what is wrong with it."""
        match fact:
            case FundsDisbursed(payments=payments):
                self.paid |= {payment.voucher_id: payment.paid for payment in payments}
            case RecoveryProposed():
                self.proposed[fact.recovery_id] = fact
            case RecoveryOrdered():
                yield from self._ordered(fact)
            case FundsRecovered():
                yield from self._recovered(fact)
            case RepaymentReversed():
                yield from self._reversed(fact)
            case _:
                pass

    def _ordered(self, fact: RecoveryOrdered) -> Iterator[str]:
        self.ordered[fact.recovery_id] = fact.amount
        of = self.proposed.get(fact.recovery_id)
        if of is None or fact.approved_by == of.proposed_by or fact.amount != of.amount:
            yield f"{fact.recovery_id} was not ordered as another officer proposed it"

    def _recovered(self, fact: FundsRecovered) -> Iterator[str]:
        self.repayments[fact.repayment_id] = fact
        self.back.update({part.voucher_id: part.amount for part in fact.recoveries})
        self.received[fact.recovery_id] += fact.amount
        if sum(part.amount for part in fact.recoveries) != fact.amount:
            yield f"{fact.repayment_id}: the vouchers' parts do not come to {fact.amount} fen"
        for part in fact.recoveries:
            paid, back = self.paid.get(part.voucher_id, 0), self.back[part.voucher_id]
            if back > paid:
                yield f"{back} fen came back of {part.voucher_id}, on which {paid} were paid"
        ordered, received = self.ordered.get(fact.recovery_id, 0), self.received[fact.recovery_id]
        if received > ordered:
            yield f"{received} fen came in for {fact.recovery_id}, ordered were {ordered}"

    def _reversed(self, fact: RepaymentReversed) -> Iterator[str]:
        repayment = self.repayments.pop(fact.repayment_id, None)
        if repayment is None or repayment.recoveries != fact.recoveries:
            yield f"{fact.repayment_id} is reversed, and not as it was recorded, once"
        elif repayment.recorded_by == fact.reversed_by:
            yield f"{fact.reversed_by} has reversed an entry of their own"
        self.back.subtract({part.voucher_id: part.amount for part in fact.recoveries})
        self.received[fact.recovery_id] -= fact.amount


async def no_more_comes_back_than_was_paid(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Follow every payment: what came back of a voucher was paid on it, and by an order of two officers."""
    followed = _Followed()
    async for position, stream, kind, data in await connection.stream(_FACTS):
        count.checked += 1
        for found in followed.found(decode(kind, data)):
            yield Breach(where=f"{stream} at {position}", found=found)


_WAITING = sa.text(
    """
    SELECT o.data->>'redemption_id' || '/' || (o.data->>'recovery_id') AS subject, o.position, o.stream FROM events o
    WHERE o.type = 'cxq.redemption.recovery-ordered.v1'
        AND NOT EXISTS (SELECT FROM events e WHERE e.stream = o.stream
            AND e.data->>'recovery_id' = o.data->>'recovery_id'
            AND e.type IN ('cxq.redemption.recovery-withdrawn.v1', 'cxq.redemption.recovery-overdue.v1'))
        AND (o.data->>'amount')::bigint > (SELECT coalesce(sum(CASE
                WHEN e.type = 'cxq.redemption.funds-recovered.v1' THEN (e.data->>'amount')::bigint
                WHEN e.type = 'cxq.redemption.repayment-reversed.v1' THEN -(e.data->>'amount')::bigint
                ELSE 0 END), 0)
            FROM events e WHERE e.stream = o.stream AND e.data->>'recovery_id' = o.data->>'recovery_id')
        AND NOT EXISTS (SELECT FROM deadlines d WHERE d.kind = 'recovery-overdue'
            AND d.subject = o.data->>'redemption_id' || '/' || (o.data->>'recovery_id'))
    ORDER BY o.position
    """
)


async def what_is_asked_for_is_waited_for(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Find orders that nobody would miss: not paid back, not withdrawn, not overdue, and without a deadline."""
    count.checked += 1
    for row in (await connection.execute(_WAITING)).all():
        yield Breach(where=f"{row.stream} at {row.position}", found=f"nobody waits for {row.subject}")


RECOVERY_CHECKS = (
    Check(
        id="M6",
        promise="no more comes back than was paid and ordered by two officers, voucher by voucher",
        look=no_more_comes_back_than_was_paid,
    ),
    Check(id="P6", promise="what is asked back is waited for", look=what_is_asked_for_is_waited_for),
)
"""The checks of money that is asked back."""
