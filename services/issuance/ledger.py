"""The sums that decide: quota and allowance, changed in the transaction of the event that changes them.

The journal of postings, which decides nothing, is `projections/ledger.py`.

Locks are taken in one order everywhere: deadline, claimant, allowance, quota, waiting room, and the log's
head last.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.issuance.deadlines import await_serving
from services.issuance.domain.allowance import posting
from services.issuance.domain.classes import UNDIVIDED, Parts
from services.issuance.domain.period import ReturnQuota, period
from services.issuance.tables import allowances, quotas
from shared.events.issuance.vouchers import (
    VoucherCancelled,
    VoucherExpired,
    VoucherLapsed,
    VoucherRedeemed,
)
from shared.store.transaction import Transaction

type Settling = VoucherCancelled | VoucherExpired | VoucherLapsed | VoucherRedeemed
"""The ends of a voucher that move money: spent, or back to the allowance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What a period has given and has left, in fen; `claims` counts vouchers.

    `owed` of what remains is for those who wait on the reserve list; `entries` counts the places given to entries.
    """

    quota: int
    remaining: int
    issued: int
    returned: int
    claims: int
    closed: bool
    paused: bool
    entries: int
    waiting: int
    owed: int
    parts: Parts = UNDIVIDED

    @property
    def free(self) -> int:
        """What claims may take."""
        return self.remaining - self.owed


async def quota_of(connection: AsyncConnection, period_id: str, *, lock: bool = False) -> Quota | None:
    """Read a period's quota from the row that decides; None before its approval."""
    statement = sa.select(quotas).where(quotas.c.period_id == period_id)
    found = await connection.execute(statement.with_for_update() if lock else statement)
    row = found.one_or_none()
    if row is None:
        return None
    return Quota(
        quota=row.quota,
        remaining=row.remaining,
        issued=row.issued,
        returned=row.returned,
        claims=row.claims,
        closed=row.closed,
        paused=row.paused,
        entries=row.entries,
        waiting=row.waiting,
        owed=row.owed,
        parts=parts_of(row.class_rests, row.class_released),
    )


def parts_of(rests: Sequence[int] | None, released: Sequence[int] | None) -> Parts:
    """Read how the parts of the classes stand, as a period's row has them."""
    return Parts(rests=tuple(rests or ()), released=tuple(released or ())) if rests else UNDIVIDED


async def counted_in(connection: AsyncConnection, claimant_id: str, year: int) -> int:
    """Say what a claimant's year holds, reserved and spent, in fen."""
    statement = sa.select(allowances.c.reserved + allowances.c.spent).where(
        allowances.c.claimant_id == claimant_id, allowances.c.year == year
    )
    return (await connection.execute(statement)).scalar_one_or_none() or 0


async def settle(tx: Transaction, ends: Iterable[Settling]) -> None:
    """Post the ends of vouchers: to the allowances, then to the quotas where `return_to_quota` says so (reading 5)."""
    settled = sorted(ends, key=lambda end: (end.claimant_id, end.year, end.period_id, end.voucher_id))
    for end in settled:
        moved = posting(end)
        await tx.connection.execute(
            sa.update(allowances)
            .where(allowances.c.claimant_id == end.claimant_id, allowances.c.year == end.year)
            .values(reserved=allowances.c.reserved + moved.reserved, spent=allowances.c.spent + moved.spent)
        )
    for end in sorted(settled, key=lambda end: (end.period_id, end.voucher_id)):
        released = posting(end).released
        if released and tx.measures.on(end.on).voucher.return_to_quota:
            await _return_to_quota(tx, end, released)


async def set_quota(connection: AsyncConnection, period_id: str, quota: Quota) -> None:
    """Write how a period's quota stands, as who holds its row has found."""
    values = {name: getattr(quota, name) for name in ("remaining", "issued", "claims", "entries", "waiting", "owed")}
    if quota.parts.rests:
        values |= {"class_rests": quota.parts.rests, "class_released": quota.parts.released}
    await connection.execute(sa.update(quotas).where(quotas.c.period_id == period_id).values(values))


async def leave_reserve(connection: AsyncConnection, period_id: str, left: int) -> None:
    """Have so many wait no longer on a period's reserve list; when nobody does, nothing is owed to it any more."""
    waiting = quotas.c.waiting - left
    owed = sa.case((waiting > 0, quotas.c.owed), else_=0)
    await connection.execute(
        sa.update(quotas).where(quotas.c.period_id == period_id).values(waiting=waiting, owed=owed)
    )


async def _return_to_quota(tx: Transaction, end: Settling, amount: int) -> None:
    """Give money back to a period; while somebody waits on its reserve list, it is theirs, and they are served next."""
    owed = sa.case((quotas.c.waiting > 0, quotas.c.owed + amount), else_=quotas.c.owed)
    waiting = await tx.connection.execute(
        sa.update(quotas)
        .where(quotas.c.period_id == end.period_id)
        .values(remaining=quotas.c.remaining + amount, returned=quotas.c.returned + amount, owed=owed)
        .returning(quotas.c.waiting)
    )
    if waiting.scalar_one():
        await await_serving(tx, end.period_id, end.voucher_id)
    await tx.handle(period, f"period-{end.period_id}", ReturnQuota(voucher_id=end.voucher_id, amount=amount, on=end.on))
