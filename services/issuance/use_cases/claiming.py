"""Claiming a voucher: first come, first served, in one transaction (art. 12, 15(1))."""

from dataclasses import dataclass

from services.issuance import ledger
from services.issuance.claimants import find_claimant
from services.issuance.deadlines import await_registration
from services.issuance.domain.claiming import Claim, Grant, grant, period_closed, quota_exhausted
from services.issuance.domain.period import ExhaustPeriod, Period, period
from services.issuance.domain.voucher import ClaimVoucher, Event, State, voucher
from shared.kernel.calendar import Deadline, days_after, deadline_on
from shared.kernel.refusal import Refused
from shared.store.transaction import Handled, Transaction, UnknownSubjectError


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What a claim would bring if it were made now."""

    grant: Grant
    register_by: Deadline


async def claim(
    tx: Transaction, *, voucher_id: str, period_id: str, claimant_id: str, amount: int
) -> Handled[Event, State]:
    """Grant a claim of `amount` fen, or refuse it with every reason. UnknownSubjectError: there is no such period."""
    asked = await _facts(tx, period_id, claimant_id, amount, lock=True)
    granted = grant(asked)
    year = tx.today.year
    register_by = _register_by(tx, asked)
    await await_registration(tx, voucher_id, register_by.last_day)
    await ledger.reserve(
        tx.connection,
        claimant_id=claimant_id,
        year=year,
        amount=amount,
        ceiling=granted.allowance,
        voucher_id=voucher_id,
    )
    taken = await ledger.take_quota(tx.connection, period_id, amount)
    if taken is None:
        raise await _too_late(tx, asked)
    written = ClaimVoucher(
        voucher_id=voucher_id,
        period_id=period_id,
        claimant_id=claimant_id,
        year=year,
        amount=amount,
        allowance=granted.allowance,
        place=taken.place,
        on=tx.today,
        register_by=register_by,
        pack=asked.terms.pack,
        pack_digest=asked.terms.digest,
    )
    new = voucher.decide(written, voucher.initial)
    version = tx.append(f"voucher-{voucher_id}", 0, new)
    if taken.remaining == 0:
        await tx.handle(period, f"period-{period_id}", ExhaustPeriod(at=tx.now))
    return Handled(state=voucher.fold(new), version=version, events=tuple(new))


async def rehearse_claim(tx: Transaction, *, period_id: str, claimant_id: str, amount: int) -> Prospect:
    """Say what a claim would bring, or refuse it as the claim itself would be; nothing is written."""
    asked = await _facts(tx, period_id, claimant_id, amount, lock=False)
    return Prospect(grant=grant(asked), register_by=_register_by(tx, asked))


async def _facts(tx: Transaction, period_id: str, claimant_id: str, amount: int, *, lock: bool) -> Claim:
    state = (await tx.load(period, f"period-{period_id}")).state
    if not isinstance(state, Period):
        raise UnknownSubjectError(period_id)
    claimant = await find_claimant(tx.connection, claimant_id, lock=lock)
    counted = (
        await ledger.counted_in(tx.connection, claimant_id, tx.today.year, lock=lock) if claimant is not None else 0
    )
    quota = await ledger.quota_of(tx.connection, period_id)
    return Claim(
        claimant=claimant,
        period=state,
        amount=amount,
        counted=counted,
        remaining=None if quota is None else quota.remaining,
        at=tx.now,
        on=tx.today,
        terms=tx.measures.on(tx.today),
    )


async def _too_late(tx: Transaction, asked: Claim) -> Refused:
    """Say what changed between the look at the period and the attempt to take from it."""
    quota = await ledger.quota_of(tx.connection, asked.period.period_id)
    if quota is None or quota.closed:
        return Refused(period_closed(asked))
    return Refused(quota_exhausted(asked, quota.remaining))


def _register_by(tx: Transaction, asked: Claim) -> Deadline:
    """Count the days to register by the period's terms (art. 15(2), reading 9)."""
    last_day = days_after(tx.today, asked.period.registration_days)
    return deadline_on(last_day, tx.measures.working_days, roll=asked.terms.voucher.roll_to_working_day)
