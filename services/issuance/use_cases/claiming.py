"""Rehearsing a claim: what would come of it now (art. 12, 15(1)); the intake decides the real ones."""

from dataclasses import dataclass

from services.issuance import ledger
from services.issuance.claimants import find_claimant
from services.issuance.domain.claiming import (
    Claim,
    Grant,
    grant,
)
from services.issuance.domain.classes import UNDIVIDED
from services.issuance.domain.last_days import registration_deadline
from services.issuance.domain.period import period
from services.issuance.domain.period_phases import Period
from services.issuance.domain.waiting_room import Shown, Unfit
from shared.kernel.calendar import Deadline
from shared.store.transaction import Transaction, UnknownSubjectError


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What a claim would bring if it were made now."""

    grant: Grant
    register_by: Deadline


async def rehearse_claim(
    tx: Transaction,
    *,
    period_id: str,
    claimant_id: str,
    amount: int,
    by_channel: bool = False,
    shown: Shown = Unfit.MISSING,
) -> Prospect:
    """Say what a claim would bring, or refuse it as the claim itself would be; nothing is written.

    UnknownSubjectError: there is no such period.
    """
    asked = (await _facts(tx, period_id, claimant_id, amount, shown))._replace(by_channel=by_channel)
    return Prospect(grant=grant(asked), register_by=_register_by(tx, asked))


async def _facts(tx: Transaction, period_id: str, claimant_id: str, amount: int, shown: Shown) -> Claim:
    state = (await tx.load(period, f"period-{period_id}")).state
    if not isinstance(state, Period):
        raise UnknownSubjectError(period_id)
    claimant = await find_claimant(tx.connection, claimant_id)
    counted = await ledger.counted_in(tx.connection, claimant_id, tx.today.year)
    quota = await ledger.quota_of(tx.connection, period_id)
    return Claim(
        claimant=claimant,
        period=state,
        amount=amount,
        counted=counted,
        remaining=None if quota is None else quota.free,
        at=tx.now,
        on=tx.today,
        terms=tx.measures.on(tx.today),
        principal=tx.cause.actor,
        shown=shown,
        parts=UNDIVIDED if quota is None else quota.parts,
        reserve_waits=quota is not None and quota.waiting > 0,
    )


def _register_by(tx: Transaction, asked: Claim) -> Deadline:
    """Count the days to register by the period's terms (art. 15(2), reading 9)."""
    return registration_deadline(asked.period, tx.today, asked.terms.voucher, tx.measures.working_days)
