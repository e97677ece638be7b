"""What issuance tells the others: periods, vouchers and what became of them."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from shared.events.definition import event

type ExpiryCause = Literal["not_registered", "not_used"]
type LapseCause = Literal["not_applied", "refused"]


@event("issuance.period-proposed", key="period_id")
class PeriodProposed:
    """An officer has proposed a period: its quota in fen and its terms, fixed by the rules of the day (art. 12)."""

    period_id: str
    name: str
    quota: int
    face_value_max: int
    registration_days: int
    validity_months: int
    opens_at: datetime
    closes_at: datetime
    proposed_by: str
    on: date
    pack: str
    pack_digest: str


@event("issuance.period-approved", key="period_id")
class PeriodApproved:
    """A second officer has approved the period; it is announced and opens by the server's clock."""

    period_id: str
    approved_by: str
    on: date


@event("issuance.period-opened", key="period_id")
class PeriodOpened:
    """The period's hour has come."""

    period_id: str
    at: datetime


@event("issuance.period-exhausted", key="period_id")
class PeriodExhausted:
    """The quota is spent to the last fen (art. 12: 发完即止)."""

    period_id: str
    at: datetime


@event("issuance.period-closed", key="period_id")
class PeriodClosed:
    """The period's last instant has passed; `issued` is the sum of face values, `vouchers` their number."""

    period_id: str
    issued: int
    vouchers: int
    at: datetime


@event("issuance.voucher-claimed", key="claimant_id")
class VoucherClaimed:
    """A claimant holds a new voucher: quota decremented, allowance of `year` reserved (art. 12, 15(1)).

    `place` counts the period's claims from 1 in order of arrival; `register_by` is the last day to register an activity
    (art. 15(2)), `provisional` while the working days of that year are unpublished. `allowance` is what the claim was
    decided on: the most that the year may hold, in fen.
    """

    voucher_id: str
    period_id: str
    claimant_id: str
    year: int
    amount: int
    allowance: int
    place: int
    on: date
    register_by: date
    provisional: bool
    pack: str
    pack_digest: str


@event("issuance.voucher-cancelled", key="claimant_id")
class VoucherCancelled:
    """The claimant has given the voucher back before registration.

    `released` returns to the allowance, in fen, by the rules of the day; the rest of `amount` stays reserved.
    """

    voucher_id: str
    period_id: str
    claimant_id: str
    year: int
    amount: int
    released: int
    on: date


@event("issuance.voucher-committed", key="claimant_id")
class VoucherCommitted:
    """The voucher's activity is registered: it now belongs to one contract, until `valid_until` (art. 15(2))."""

    voucher_id: str
    period_id: str
    claimant_id: str
    year: int
    amount: int
    contract_id: str
    on: date
    valid_until: date
    provisional: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyNot:
    """One reason of a refusal that travels between contexts."""

    code: str
    article: str
    value: str = ""


@event("issuance.voucher-commitment-refused", key="claimant_id")
class VoucherCommitmentRefused:
    """None of the vouchers of a submitted contract could be committed, and why."""

    contract_id: str
    claimant_id: str
    reasons: tuple[WhyNot, ...]
    on: date


@event("issuance.voucher-commitment-released", key="claimant_id")
class VoucherCommitmentReleased:
    """The contract came to nothing before it was registered; the voucher is as it was before."""

    voucher_id: str
    period_id: str
    claimant_id: str
    year: int
    amount: int
    contract_id: str
    on: date


@event("issuance.voucher-used", key="claimant_id")
class VoucherUsed:
    """The contract was completed within the validity; the voucher now waits for its redemption (art. 15(3))."""

    voucher_id: str
    period_id: str
    claimant_id: str
    year: int
    amount: int
    contract_id: str
    on: date


@event("issuance.voucher-expired", key="claimant_id")
class VoucherExpired:
    """The voucher's time has run out (art. 15(2): 逾期自动作废).

    `released` returns to the allowance, in fen, by the rules of the day; the rest of `amount` stays reserved.
    """

    voucher_id: str
    period_id: str
    claimant_id: str
    year: int
    amount: int
    released: int
    cause: ExpiryCause
    contract_id: str | None
    on: date


@event("issuance.voucher-lapsed", key="claimant_id")
class VoucherLapsed:
    """A used voucher was never paid: no application in time (art. 15(3)), or refused.

    `released` returns to the allowance, in fen, by the rules of the day; the rest of `amount` stays reserved.
    """

    voucher_id: str
    period_id: str
    claimant_id: str
    year: int
    amount: int
    released: int
    contract_id: str
    cause: LapseCause
    on: date


@event("issuance.voucher-revoked", key="claimant_id")
class VoucherRevoked:
    """A sanction has taken the voucher (art. 17); its allowance is not released."""

    voucher_id: str
    period_id: str
    claimant_id: str
    year: int
    amount: int
    sanction_id: str
    on: date


@event("issuance.voucher-redeemed", key="claimant_id")
class VoucherRedeemed:
    """The voucher was paid: `paid` is spent, in fen, and `released` returns to the allowance by the rules of the day.

    What is left of `amount`, if anything, stays reserved.
    """

    voucher_id: str
    period_id: str
    claimant_id: str
    year: int
    amount: int
    contract_id: str
    redemption_id: str
    paid: int
    released: int
    on: date


@event("issuance.quota-returned", key="period_id")
class QuotaReturned:
    """Lapsed money went back to the period, because the rule `return_to_quota` says so."""

    period_id: str
    voucher_id: str
    amount: int
    on: date
