"""What happens to a period of issuance, from its plan to its close."""

from dataclasses import dataclass
from datetime import date, datetime

from shared.events.definition import Payload, event, upcaster


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


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreedPlan:
    """A period's plan with every setting filled in, money in fen; each fact that tells of a plan tells the whole of it.

    `pack` and `pack_digest` name the rules of the day that filled in what the officer left open.
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
    pack: str
    pack_digest: str
    classes: tuple[QuotaClass, ...] = ()
    entries: EntryTerms | None = None


@event("issuance.period-proposed", key="period_id", version=2)
class PeriodProposed(AgreedPlan):
    """An officer has proposed a period: its quota in fen and its terms, fixed by the rules of the day (art. 12).

    `face_value_max` is in fen. The last days, where there are any, end the registration and the validity of every
    voucher of the period, if the count of art. 15(2) has not ended them before.
    """

    proposed_by: str
    on: date


@upcaster("cxq.issuance.period-proposed.v1", to="cxq.issuance.period-proposed.v2")
def _without_last_days(payload: Payload) -> Payload:
    """Say that a plan of before had no last days of its own."""
    return {"registration_last_day": None, "validity_last_day": None, **payload}


@event("issuance.period-plan-changed", key="period_id")
class PeriodPlanChanged(AgreedPlan):
    """An officer has changed the plan, which now reads like this; it waits for an approval, like a new one.

    `voided_approval_of` names who had approved the plan before; that approval holds no more.
    """

    changed_by: str
    voided_approval_of: str | None
    on: date


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
class PeriodAnnounced(AgreedPlan):
    """The approved period is announced to everybody, with all that a claimant has to know of it (art. 12)."""

    at: datetime


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
