"""A period of issuance: planned by one officer, approved by another, open between two instants (art. 12)."""

from dataclasses import replace
from datetime import date, datetime
from enum import StrEnum
from typing import assert_never

from shared.events.issuance import (
    PeriodApproved,
    PeriodClosed,
    PeriodExhausted,
    PeriodOpened,
    PeriodProposed,
    QuotaReturned,
)
from shared.kernel.decider import Decider, message
from shared.kernel.refusal import Reason, refuse, refuse_unless
from shared.measures.terms import Terms
from shared.procedures.approvals import four_eyes

ARTICLE = "12"


@message
class ProposePeriod:
    """Plan a period; its terms are those of `terms` and stay with it (reading 10). `quota` in fen."""

    period_id: str
    name: str
    quota: int
    opens_at: datetime
    closes_at: datetime
    proposed_by: str
    at: datetime
    on: date
    terms: Terms


@message
class ApprovePeriod:
    """Approve a plan, as somebody else."""

    approved_by: str
    at: datetime
    on: date


@message
class OpenPeriod:
    """Say that the hour may have come."""

    at: datetime


@message
class ExhaustPeriod:
    """Say that the last fen was claimed."""

    at: datetime


@message
class ClosePeriod:
    """Say that the last instant may have passed, and what was issued: fen and number of vouchers."""

    issued: int
    vouchers: int
    at: datetime


@message
class ReturnQuota:
    """Give a voucher's money back to the period (`return_to_quota`, reading 5)."""

    voucher_id: str
    amount: int
    on: date


class Phase(StrEnum):
    """How far a period has come."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    OPEN = "open"
    EXHAUSTED = "exhausted"
    CLOSED = "closed"


@message
class Unplanned:
    """There is no such period."""


@message
class Period:
    """A period as it stands; `quota` and `face_value_max` in fen, instants in UTC."""

    period_id: str
    name: str
    quota: int
    face_value_max: int
    registration_days: int
    validity_months: int
    opens_at: datetime
    closes_at: datetime
    proposed_by: str
    approved_by: str | None
    phase: Phase
    pack: str
    pack_digest: str


type Command = ProposePeriod | ApprovePeriod | OpenPeriod | ExhaustPeriod | ClosePeriod | ReturnQuota
type Event = PeriodProposed | PeriodApproved | PeriodOpened | PeriodExhausted | PeriodClosed | QuotaReturned
type State = Unplanned | Period


def decide(command: Command, state: State) -> list[Event]:
    """Say what happens to a period, or refuse."""
    match command, state:
        case ProposePeriod(), Unplanned():
            refuse_unless(*_faults_of_plan(command))
            return [_proposed(command)]
        case ApprovePeriod(approved_by=approved_by, at=at, on=on), Period(phase=Phase.PROPOSED) as plan:
            refuse_unless(
                four_eyes(proposed_by=plan.proposed_by, approved_by=approved_by, article=ARTICLE),
                _over(plan.closes_at, at),
            )
            return [PeriodApproved(period_id=plan.period_id, approved_by=approved_by, on=on)]
        case OpenPeriod(at=at), Period(phase=Phase.APPROVED) as period_:
            return [PeriodOpened(period_id=period_.period_id, at=at)] if at >= period_.opens_at else []
        case ExhaustPeriod(at=at), Period(phase=Phase.APPROVED | Phase.OPEN) as period_:
            return [PeriodExhausted(period_id=period_.period_id, at=at)]
        case (
            ClosePeriod(issued=issued, vouchers=vouchers, at=at),
            Period(phase=Phase.APPROVED | Phase.OPEN | Phase.EXHAUSTED) as period_,
        ):
            if at < period_.closes_at:
                return []
            return [PeriodClosed(period_id=period_.period_id, issued=issued, vouchers=vouchers, at=at)]
        case (
            ReturnQuota(voucher_id=voucher_id, amount=amount, on=on),
            Period(phase=Phase.APPROVED | Phase.OPEN | Phase.EXHAUSTED | Phase.CLOSED) as period_,
        ):
            return [QuotaReturned(period_id=period_.period_id, voucher_id=voucher_id, amount=amount, on=on)]
        case ((OpenPeriod() | ExhaustPeriod() | ClosePeriod()), Period()):
            return []  # The due list may come early, late or twice.
        case ((ProposePeriod() | ApprovePeriod() | OpenPeriod() | ExhaustPeriod() | ClosePeriod() | ReturnQuota()), _):
            raise refuse("period-not-in-this-state", article=ARTICLE, value=_name_of(state), kind="state")
    assert_never(command)


def evolve(state: State, event: Event) -> State:
    """Fold one fact into the period."""
    if isinstance(event, PeriodProposed):
        return Period(
            period_id=event.period_id,
            name=event.name,
            quota=event.quota,
            face_value_max=event.face_value_max,
            registration_days=event.registration_days,
            validity_months=event.validity_months,
            opens_at=event.opens_at,
            closes_at=event.closes_at,
            proposed_by=event.proposed_by,
            approved_by=None,
            phase=Phase.PROPOSED,
            pack=event.pack,
            pack_digest=event.pack_digest,
        )
    assert isinstance(state, Period), state  # a stream begins with its proposal
    match event:
        case PeriodApproved(approved_by=approved_by):
            return replace(state, approved_by=approved_by, phase=Phase.APPROVED)
        case PeriodOpened():
            return replace(state, phase=Phase.OPEN)
        case PeriodExhausted():
            return replace(state, phase=Phase.EXHAUSTED)
        case PeriodClosed():
            return replace(state, phase=Phase.CLOSED)
        case QuotaReturned():
            return replace(state, phase=Phase.OPEN) if state.phase is Phase.EXHAUSTED else state
    assert_never(event)


def _proposed(plan: ProposePeriod) -> PeriodProposed:
    terms = plan.terms.voucher
    return PeriodProposed(
        period_id=plan.period_id,
        name=plan.name,
        quota=plan.quota,
        face_value_max=terms.face_value_max,
        registration_days=terms.registration_days,
        validity_months=terms.validity_months,
        opens_at=plan.opens_at,
        closes_at=plan.closes_at,
        proposed_by=plan.proposed_by,
        on=plan.on,
        pack=plan.terms.pack,
        pack_digest=plan.terms.digest,
    )


def _faults_of_plan(plan: ProposePeriod) -> tuple[Reason | None, ...]:
    quota = Reason(code="quota-not-positive", article=ARTICLE, value=plan.quota) if plan.quota <= 0 else None
    backwards = (
        Reason(code="period-ends-before-it-opens", article=ARTICLE, value=plan.closes_at, limit=plan.opens_at)
        if plan.closes_at <= plan.opens_at
        else None
    )
    return quota, backwards, _over(plan.closes_at, plan.at)


def _over(closes_at: datetime, at: datetime) -> Reason | None:
    if closes_at > at:
        return None
    return Reason(code="period-already-over", article=ARTICLE, value=closes_at, limit=at)


def _name_of(state: State) -> str:
    return state.phase.value if isinstance(state, Period) else "unplanned"


period: Decider[Command, Event, State] = Decider(decide, evolve, initial=Unplanned())
