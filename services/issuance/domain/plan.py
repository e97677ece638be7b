"""What an officer asks of a period: it may be stricter than the measures, never looser (art. 12, 15(2))."""

from dataclasses import fields
from datetime import date, datetime, timedelta
from typing import Any

from services.issuance.domain.classes import class_faults
from services.issuance.domain.entry_terms import faults_of_entries
from services.issuance.domain.waiting_room import faults_of_room
from shared.events.issuance.periods import AgreedPlan, EntryTerms, QuotaClass, WaitingRoom
from shared.kernel.calendar import business_date, days_after
from shared.kernel.decider import message
from shared.kernel.refusal import Reason
from shared.measures.terms import Terms, VoucherTerms

ARTICLE = "12"
_MOMENT = timedelta(microseconds=1)


@message
class Settings:
    """What a plan may ask for beside its quota and its hours; what is left out is as the measures have it.

    `face_value_max` in fen. The two last days end the registration and the validity of every voucher of the period,
    where the count of art. 15(2) has not ended them before. `classes` have parts of the quota of their own;
    `entries` are requests for it that stand before, beside or after the race.
    """

    face_value_max: int | None = None
    registration_days: int | None = None
    validity_months: int | None = None
    registration_last_day: date | None = None
    validity_last_day: date | None = None
    waiting_room: WaitingRoom | None = None
    classes: tuple[QuotaClass, ...] = ()
    entries: EntryTerms | None = None


@message
class Plan:
    """A period as an officer asks for it; `quota` in fen, claims from `opens_at` until just before `closes_at`."""

    name: str
    quota: int
    opens_at: datetime
    closes_at: datetime
    settings: Settings = Settings()


def agreed(period_id: str, plan: Plan, terms: Terms) -> AgreedPlan:
    """Fill in a plan: its own settings where it has them, else those of the measures of the day (reading 10)."""
    settings, measures = plan.settings, terms.voucher
    return AgreedPlan(
        period_id=period_id,
        name=plan.name,
        quota=plan.quota,
        face_value_max=_or(settings.face_value_max, measures.face_value_max),
        registration_days=_or(settings.registration_days, measures.registration_days),
        validity_months=_or(settings.validity_months, measures.validity_months),
        registration_last_day=settings.registration_last_day,
        validity_last_day=settings.validity_last_day,
        opens_at=plan.opens_at,
        closes_at=plan.closes_at,
        waiting_room=settings.waiting_room,
        pack=terms.pack,
        pack_digest=terms.digest,
        classes=settings.classes,
        entries=settings.entries,
    )


def plan_of(told: AgreedPlan) -> dict[str, Any]:
    """Take the plan, and nothing else, from whatever tells it, to be told again."""
    return {field.name: getattr(told, field.name) for field in fields(AgreedPlan)}


def faults_of(plan: Plan, terms: Terms, at: datetime) -> tuple[Reason | None, ...]:
    """List what stands against a plan at an instant, None for what does not; `terms` are those of its day."""
    settings, measures = plan.settings, terms.voucher
    return (
        Reason(code="quota-not-positive", article=ARTICLE, value=plan.quota) if plan.quota <= 0 else None,
        Reason(code="period-ends-before-it-opens", article=ARTICLE, value=plan.closes_at, limit=plan.opens_at)
        if plan.closes_at <= plan.opens_at
        else None,
        over(plan.closes_at, at),
        _beyond("face-value-cap-out-of-range", ARTICLE, "face_value_max", settings.face_value_max, measures),
        _beyond("registration-days-out-of-range", "15(2)", "registration_days", settings.registration_days, measures),
        _beyond("validity-out-of-range", "15(2)", "validity_months", settings.validity_months, measures),
        *_last_days_too_early(plan, measures),
        *faults_of_room(settings.waiting_room, plan.opens_at),
        *class_faults(settings.classes, plan.quota, plan.opens_at, plan.closes_at),
        *faults_of_entries(settings.entries, plan.opens_at, plan.closes_at, at),
    )


def over(closes_at: datetime, at: datetime) -> Reason | None:
    """Object to a period whose last instant has passed."""
    if closes_at > at:
        return None
    return Reason(code="period-already-over", article=ARTICLE, value=closes_at, limit=at)


def _beyond(code: str, article: str, parameter: str, asked: int | None, measures: VoucherTerms) -> Reason | None:
    """Object to a setting that is looser than the measures, or none at all."""
    limit = getattr(measures, parameter)
    if asked is None or 0 < asked <= limit:
        return None
    return Reason(code=code, article=article, value=asked, limit=limit, parameter=parameter)


def _last_days_too_early(plan: Plan, measures: VoucherTerms) -> tuple[Reason | None, ...]:
    """Object to last days that come before the last claim could be registered, or the last registration be used."""
    settings = plan.settings
    registration, validity = settings.registration_last_day, settings.validity_last_day
    last_claim = business_date(plan.closes_at - _MOMENT)
    days = min(max(_or(settings.registration_days, measures.registration_days), 0), measures.registration_days)
    registered = registration or days_after(last_claim, days)
    return (
        Reason(code="registration-ends-too-early", article="15(2)", value=registration, limit=last_claim)
        if registration is not None and registration < last_claim
        else None,
        Reason(code="validity-ends-too-early", article="15(2)", value=validity, limit=registered)
        if validity is not None and validity < registered
        else None,
    )


def _or(asked: int | None, default: int) -> int:
    return default if asked is None else asked
