"""What issuance tells the others: periods, vouchers and what became of them."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from shared.events.definition import Payload, event, upcaster

type ExpiryCause = Literal["not_registered", "not_used"]
type DeadlineKind = Literal["registration", "validity"]
type LapseCause = Literal["not_applied", "refused"]
type LiveStage = Literal["claimed", "committed", "used"]
type EntryWay = Literal["window", "draw", "reserve"]
"""Served together before the opening, drawn by lot in its first minutes, or in line for money that returns."""
type WaysOutcome = Literal["served", "race", "drawn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaClass:
    """A class of claimants with its own part of a period's quota, `amount` fen, until an instant (None: the close).

    `who` is `certified` (a certificate that raises the allowance is valid on the day of the claim), `team`, or
    `district:` and the division code of a district of registration.
    """

    name: str
    who: str
    amount: int
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassPart:
    """What a claim took from the part of a class, in fen."""

    name: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryWindow:
    """When entries are taken before the opening; at `until` all are served, if they ask for no more than there is."""

    opens_at: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryTerms:
    """How a period takes entries: before its opening, drawn by lot in its first minutes, or on a reserve list."""

    window: EntryWindow | None = None
    draw_minutes: int = 0
    reserve_list: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingRoom:
    """A room whose places are given in the order of arrival from `opens_at` on, before the period opens.

    It lets in `per_second` places a second from the period's first instant; `challenge`: not before one has shown that
    one is no machine.
    """

    opens_at: datetime
    per_second: int
    challenge: bool


@event("issuance.period-proposed", key="period_id", version=2)
class PeriodProposed:
    """An officer has proposed a period: its quota in fen and its terms, fixed by the rules of the day (art. 12).

    `face_value_max` is in fen. The last days, where there are any, end the registration and the validity of every
    voucher of the period, if the count of art. 15(2) has not ended them before.
    """

    period_id: str
    name: str
    quota: int
    face_value_max: int
    registration_days: int
    validity_months: int
    registration_last_day: date | None
    validity_last_day: date | None
    opens_at: datetime
    closes_at: datetime
    waiting_room: WaitingRoom | None = None
    proposed_by: str
    on: date
    pack: str
    pack_digest: str
    classes: tuple[QuotaClass, ...] = ()
    entries: EntryTerms | None = None


@upcaster("cxq.issuance.period-proposed.v1", to="cxq.issuance.period-proposed.v2")
def _without_last_days(payload: Payload) -> Payload:
    """Say that a plan of before had no last days of its own."""
    return {"registration_last_day": None, "validity_last_day": None, **payload}


@event("issuance.period-plan-changed", key="period_id")
class PeriodPlanChanged:
    """An officer has changed the plan, which now reads like this; it waits for an approval, like a new one.

    `voided_approval_of` names who had approved the plan before; that approval holds no more.
    """

    period_id: str
    name: str
    quota: int
    face_value_max: int
    registration_days: int
    validity_months: int
    registration_last_day: date | None
    validity_last_day: date | None
    opens_at: datetime
    closes_at: datetime
    waiting_room: WaitingRoom | None = None
    changed_by: str
    voided_approval_of: str | None
    on: date
    pack: str
    pack_digest: str
    classes: tuple[QuotaClass, ...] = ()
    entries: EntryTerms | None = None


@event("issuance.period-withdrawn", key="period_id")
class PeriodWithdrawn:
    """The plan is withdrawn before its opening, for a reason that everybody may read; nothing comes of the period."""

    period_id: str
    reason: str
    withdrawn_by: str
    on: date


@event("issuance.period-approved", key="period_id")
class PeriodApproved:
    """Somebody else than its authors has approved the plan as it stands; the period opens by the server's clock."""

    period_id: str
    approved_by: str
    on: date


@event("issuance.period-announced", key="period_id")
class PeriodAnnounced:
    """The approved period is announced to everybody, with all that a claimant has to know of it (art. 12)."""

    period_id: str
    name: str
    quota: int
    face_value_max: int
    registration_days: int
    validity_months: int
    registration_last_day: date | None
    validity_last_day: date | None
    opens_at: datetime
    closes_at: datetime
    waiting_room: WaitingRoom | None = None
    at: datetime
    pack: str
    pack_digest: str
    classes: tuple[QuotaClass, ...] = ()
    entries: EntryTerms | None = None


@event("issuance.period-opened", key="period_id")
class PeriodOpened:
    """The period's hour has come."""

    period_id: str
    at: datetime


@event("issuance.period-paused", key="period_id")
class PeriodPaused:
    """No claims are taken for the time being, for a reason that everybody may read; the hours of the period run on."""

    period_id: str
    reason: str
    paused_by: str
    at: datetime


@event("issuance.period-resumed", key="period_id")
class PeriodResumed:
    """Claims are taken again, for a reason that everybody may read."""

    period_id: str
    reason: str
    resumed_by: str
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
    decided on: the most that the year may hold, in fen. `parts` were taken from the quota's parts for classes; the
    rest of it is everybody's.
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
    parts: tuple[ClassPart, ...] = ()


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


@event("issuance.voucher-reminded", key="claimant_id")
class VoucherReminded:
    """The claimant is reminded that the voucher must be registered, or used, by its last day (art. 15(2)).

    `days_left` counts from `on` to `last_day`; `provisional` while the working days of that year are unpublished.
    """

    voucher_id: str
    period_id: str
    claimant_id: str
    deadline: DeadlineKind
    last_day: date
    provisional: bool
    days_left: int
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


@event("issuance.voucher-revoked", key="claimant_id", version=2)
class VoucherRevoked:
    """A sanction has taken the voucher (art. 17); its allowance is not released.

    `stage` and `contract_id` say where its money lay until then.
    """

    voucher_id: str
    period_id: str
    claimant_id: str
    year: int
    amount: int
    stage: LiveStage
    contract_id: str | None
    sanction_id: str
    on: date


@upcaster("cxq.issuance.voucher-revoked.v1", to="cxq.issuance.voucher-revoked.v2")
def _money_lay_unregistered(old: Payload) -> Payload:
    """Version 1 did not say where the money lay; the audit (M6) names a voucher of which this is not true."""
    return old | {"stage": "claimed", "contract_id": None}


@event("issuance.voucher-redeemed", key="claimant_id", version=2)
class VoucherRedeemed:
    """The voucher was paid: `paid` is spent, in fen, and `released` returns to the allowance by the rules of the day.

    What is left of `amount`, if anything, stays reserved. `revoked` tells of a payment that had left before the
    sanction that took the voucher was heard of (art. 17).
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
    revoked: bool
    on: date


@upcaster("cxq.issuance.voucher-redeemed.v1", to="cxq.issuance.voucher-redeemed.v2")
def _was_not_revoked(old: Payload) -> Payload:
    """Version 1 did not tell a payment on a revoked voucher from others; the audit (M6) names one that was."""
    return old | {"revoked": False}


@event("issuance.voucher-clawed-back", key="claimant_id")
class VoucherClawedBack:
    """Money that was paid on the voucher came back: `recovered`, in fen (art. 17).

    It returns neither to the allowance nor to the period: what was spent stays spent (reading 4).
    """

    voucher_id: str
    period_id: str
    claimant_id: str
    year: int
    amount: int
    contract_id: str
    redemption_id: str
    recovery_id: str
    repayment_id: str
    recovered: int
    on: date


@event("issuance.voucher-claw-back-reversed", key="claimant_id")
class VoucherClawBackReversed:
    """That money had not come back after all: the repayment was recorded by mistake; the reverse of its posting."""

    voucher_id: str
    period_id: str
    claimant_id: str
    year: int
    amount: int
    contract_id: str
    redemption_id: str
    recovery_id: str
    repayment_id: str
    recovered: int
    on: date


@event("issuance.quota-granted", key="period_id")
class QuotaGranted:
    """So much money has been put at a period's disposal, in fen, with its approval (art. 12)."""

    period_id: str
    amount: int
    on: date


@event("issuance.quota-withdrawn", key="period_id")
class QuotaWithdrawn:
    """So much money has been taken from a period's disposal again, in fen: its approval or its quota has changed."""

    period_id: str
    amount: int
    on: date


@event("issuance.quota-returned", key="period_id")
class QuotaReturned:
    """Lapsed money went back to the period, because the rule `return_to_quota` says so."""

    period_id: str
    voucher_id: str
    amount: int
    on: date


@event("issuance.class-quota-released", key="period_id")
class ClassQuotaReleased:
    """A class's time to draw on its own part is over: what it left of it, in fen, is everybody's (art. 12)."""

    period_id: str
    name: str
    amount: int
    at: datetime


@event("issuance.entry-made", key="claimant_id")
class EntryMade:
    """A claimant asks for `amount` fen of a period, in the way that is open at that instant (art. 12).

    `place` counts the period's entries from 1 in the order in which they came. With `or_less` the claimant takes what
    there is when it is less.
    """

    entry_id: str
    period_id: str
    claimant_id: str
    way: EntryWay
    amount: int
    or_less: bool
    place: int
    at: datetime


@event("issuance.entry-withdrawn", key="claimant_id")
class EntryWithdrawn:
    """The claimant no longer asks."""

    entry_id: str
    period_id: str
    claimant_id: str
    at: datetime


@event("issuance.entry-moved-to-reserve", key="claimant_id")
class EntryMovedToReserve:
    """The draw had no money left for the entry, which now has this place on the reserve list."""

    entry_id: str
    period_id: str
    claimant_id: str
    place: int
    at: datetime


@event("issuance.entry-served", key="claimant_id")
class EntryServed:
    """The entry has brought its claimant a voucher of `amount` fen."""

    entry_id: str
    period_id: str
    claimant_id: str
    voucher_id: str
    amount: int
    at: datetime


@event("issuance.entry-ended", key="claimant_id")
class EntryEnded:
    """Nothing comes of the entry any more, and why."""

    entry_id: str
    period_id: str
    claimant_id: str
    reasons: tuple[WhyNot, ...]
    at: datetime


@event("issuance.draw-committed", key="period_id")
class DrawCommitted:
    """The seed of the draw to come lies fast: its SHA-256 is told before anybody can enter (art. 12)."""

    period_id: str
    commitment: str
    on: date


@event("issuance.entries-decided", key="period_id")
class EntriesDecided:
    """All entries of a way are decided: `served` in order, left to the `race`, or `drawn` by the seed told here.

    `asked` is the sum of what was asked for, in fen. The draw is the order of SHA-256("seed:entry id"), the smallest
    first; the seed's own SHA-256 is the commitment.
    """

    period_id: str
    way: EntryWay
    outcome: WaysOutcome
    entries: int
    asked: int
    seed: str
    at: datetime
