"""A period of issuance: planned by one officer, approved by another, open between two instants (art. 12)."""

from dataclasses import replace
from datetime import date, datetime
from enum import StrEnum
from typing import assert_never

from services.issuance.domain.plan import ARTICLE, Agreed, Plan, agreed, faults_of, over
from shared.events.issuance.entries import EntriesDecided, EntryWay, WaysOutcome
from shared.events.issuance.periods import (
    EntryTerms,
    PeriodAnnounced,
    PeriodApproved,
    PeriodClosed,
    PeriodExhausted,
    PeriodOpened,
    PeriodPaused,
    PeriodPlanChanged,
    PeriodProposed,
    PeriodResumed,
    PeriodWithdrawn,
    QuotaClass,
    WaitingRoom,
)
from shared.events.issuance.quotas import QuotaReturned
from shared.kernel.calendar import Deadline, WorkingDays, days_after, deadline_on, months_after
from shared.kernel.decider import Decider, message
from shared.kernel.refusal import Reason, refuse, refuse_unless
from shared.measures.terms import Terms
from shared.procedures.approvals import four_eyes


@message
class ProposePeriod:
    """Plan a period; the settings that `plan` leaves open are those of `terms`, and stay with it (reading 10)."""

    period_id: str
    plan: Plan
    proposed_by: str
    at: datetime
    on: date
    terms: Terms


@message
class ChangePlan:
    """Let the plan read like this from now on; `claims` is how many the period has granted so far."""

    plan: Plan
    changed_by: str
    claims: int
    at: datetime
    on: date
    terms: Terms


@message
class WithdrawPlan:
    """Let nothing come of the plan; `claims` is how many the period has granted so far."""

    reason: str
    withdrawn_by: str
    claims: int
    at: datetime
    on: date


@message
class ApprovePeriod:
    """Approve a plan, as somebody who had no hand in it."""

    approved_by: str
    at: datetime
    on: date


@message
class OpenPeriod:
    """Say that the hour may have come."""

    at: datetime


@message
class PausePeriod:
    """Take no claims for the time being."""

    reason: str
    paused_by: str
    at: datetime


@message
class ResumePeriod:
    """Take claims again."""

    reason: str
    resumed_by: str
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


@message
class DecideEntries:
    """Say that every entry of a way is decided; `asked` is what they asked for, in fen, `seed` that of a draw."""

    way: EntryWay
    outcome: WaysOutcome
    entries: int
    asked: int
    at: datetime
    seed: str = ""


class Phase(StrEnum):
    """How far a period has come."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    OPEN = "open"
    EXHAUSTED = "exhausted"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


@message
class Unplanned:
    """There is no such period."""


@message
class Pause:
    """Why no claims are taken for the time being, and since when."""

    reason: str
    since: datetime


@message
class Period:
    """A period as it stands; `quota` and `face_value_max` in fen, instants in UTC.

    `authors` had a hand in the plan; none of them may approve it. Whatever was `announced` once stays public.
    """

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
    registration_last_day: date | None = None
    validity_last_day: date | None = None
    authors: tuple[str, ...] = ()
    announced: bool = False
    pause: Pause | None = None
    classes: tuple[QuotaClass, ...] = ()
    withdrawn_because: str | None = None
    waiting_room: WaitingRoom | None = None
    entries: EntryTerms | None = None
    decided: frozenset[EntryWay] = frozenset()
    """The ways whose entries are all decided."""


type Command = (
    ProposePeriod
    | ChangePlan
    | WithdrawPlan
    | ApprovePeriod
    | OpenPeriod
    | PausePeriod
    | ResumePeriod
    | ExhaustPeriod
    | ClosePeriod
    | ReturnQuota
    | DecideEntries
)
type Event = (
    PeriodProposed
    | PeriodPlanChanged
    | PeriodWithdrawn
    | PeriodApproved
    | PeriodAnnounced
    | PeriodOpened
    | PeriodPaused
    | PeriodResumed
    | PeriodExhausted
    | PeriodClosed
    | QuotaReturned
    | EntriesDecided
)
type State = Unplanned | Period


def decide(command: Command, state: State) -> list[Event]:
    """Say what happens to a period, or refuse."""
    match command, state:
        case ProposePeriod(plan=plan, terms=terms), Unplanned():
            refuse_unless(*faults_of(plan, terms, command.at))
            return [_proposed(command)]
        case ChangePlan(), Period(phase=Phase.PROPOSED | Phase.APPROVED) as planned:
            return _changed(command, planned)
        case WithdrawPlan(), Period(phase=Phase.PROPOSED | Phase.APPROVED) as planned:
            refuse_unless(_begun(planned, command.claims, command.at))
            withdrawn = PeriodWithdrawn(
                period_id=planned.period_id,
                reason=command.reason,
                withdrawn_by=command.withdrawn_by,
                on=command.on,
            )
            return [withdrawn]
        case ApprovePeriod(approved_by=approved_by, at=at, on=on), Period(phase=Phase.PROPOSED) as plan:
            refuse_unless(_own_plan(plan, approved_by), over(plan.closes_at, at))
            return [
                PeriodApproved(period_id=plan.period_id, approved_by=approved_by, on=on),
                PeriodAnnounced(period_id=plan.period_id, at=at, **_plan_of(plan)),
            ]
        case OpenPeriod(at=at), Period(phase=Phase.APPROVED) as period_:
            return [PeriodOpened(period_id=period_.period_id, at=at)] if at >= period_.opens_at else []
        case (
            PausePeriod(reason=reason, paused_by=who, at=at),
            Period(phase=Phase.APPROVED | Phase.OPEN | Phase.EXHAUSTED) as period_,
        ):
            refuse_unless(_paused_already(period_), over(period_.closes_at, at))
            return [PeriodPaused(period_id=period_.period_id, reason=reason, paused_by=who, at=at)]
        case (
            ResumePeriod(reason=reason, resumed_by=who, at=at),
            Period(phase=Phase.APPROVED | Phase.OPEN | Phase.EXHAUSTED) as period_,
        ):
            refuse_unless(_not_paused(period_), over(period_.closes_at, at))
            return [PeriodResumed(period_id=period_.period_id, reason=reason, resumed_by=who, at=at)]
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
        case DecideEntries(way=way), Period(phase=Phase.APPROVED | Phase.OPEN | Phase.EXHAUSTED) as period_:
            return [] if way in period_.decided else [_decided(command, period_)]
        case ((OpenPeriod() | ExhaustPeriod() | ClosePeriod()), Period()):
            return []  # The due list may come early, late or twice.
        case (
            (
                ProposePeriod()
                | ChangePlan()
                | WithdrawPlan()
                | ApprovePeriod()
                | OpenPeriod()
                | PausePeriod()
                | ResumePeriod()
                | ExhaustPeriod()
                | ClosePeriod()
                | ReturnQuota()
                | DecideEntries()
            ),
            _,
        ):
            raise refuse("period-not-in-this-state", article=ARTICLE, value=_name_of(state), kind="state")
    assert_never(command)


def evolve(state: State, event: Event) -> State:
    """Fold one fact into the period."""
    if isinstance(event, PeriodProposed):
        return Period(
            period_id=event.period_id,
            proposed_by=event.proposed_by,
            authors=(event.proposed_by,),
            approved_by=None,
            phase=Phase.PROPOSED,
            **_plan_of(event),
        )
    assert isinstance(state, Period), state  # a stream begins with its proposal
    match event:
        case PeriodPlanChanged(changed_by=changed_by):
            authors = (*state.authors, *({changed_by} - {*state.authors}))
            return replace(
                state, authors=authors, approved_by=None, phase=Phase.PROPOSED, decided=frozenset(), **_plan_of(event)
            )
        case PeriodWithdrawn(reason=reason):
            return replace(state, phase=Phase.WITHDRAWN, withdrawn_because=reason)
        case PeriodApproved(approved_by=approved_by):
            return replace(state, approved_by=approved_by, phase=Phase.APPROVED, announced=True)
        case PeriodAnnounced():
            return state  # in one breath with the approval
        case PeriodOpened():
            return replace(state, phase=Phase.OPEN)
        case PeriodPaused(reason=reason, at=at):
            return replace(state, pause=Pause(reason=reason, since=at))
        case PeriodResumed():
            return replace(state, pause=None)
        case PeriodExhausted():
            return replace(state, phase=Phase.EXHAUSTED)
        case PeriodClosed():
            return replace(state, phase=Phase.CLOSED)
        case QuotaReturned():
            return replace(state, phase=Phase.OPEN) if state.phase is Phase.EXHAUSTED else state
        case EntriesDecided(way=way):
            return replace(state, decided=state.decided | {way})
    assert_never(event)


def phase_at(phase: Phase, opens_at: datetime, closes_at: datetime, at: datetime) -> Phase:
    """Say what the server's clock makes of a phase that may not be written down yet (art. 15(1)).

    A period is open from its first instant and closed from its last, whenever the due list comes to say so.
    """
    if phase in {Phase.APPROVED, Phase.OPEN, Phase.EXHAUSTED} and at >= closes_at:
        return Phase.CLOSED
    return Phase.OPEN if phase is Phase.APPROVED and at >= opens_at else phase


def registration_deadline(period: Period, claimed_on: date, working_days: WorkingDays, *, roll: bool) -> Deadline:
    """Count the days to register what was claimed on a day, to the period's last days at most (art. 15(2))."""
    counted = deadline_on(days_after(claimed_on, period.registration_days), working_days, roll=roll)
    return _at_most(counted, period.registration_last_day, period.validity_last_day)


def validity_deadline(period: Period, submitted_on: date, working_days: WorkingDays, *, roll: bool) -> Deadline:
    """Count the months that a voucher is valid once registered, to the period's last day at most (art. 15(2))."""
    counted = deadline_on(months_after(submitted_on, period.validity_months), working_days, roll=roll)
    return _at_most(counted, period.validity_last_day)


def _at_most(counted: Deadline, *last_days: date | None) -> Deadline:
    last_day = min(day for day in (counted.last_day, *last_days) if day is not None)
    return counted if last_day == counted.last_day else Deadline(last_day=last_day, provisional=False)


def _proposed(command: ProposePeriod) -> PeriodProposed:
    return PeriodProposed(
        period_id=command.period_id,
        proposed_by=command.proposed_by,
        on=command.on,
        **agreed(command.plan, command.terms),
    )


def _changed(command: ChangePlan, planned: Period) -> list[Event]:
    """Change a plan that nobody could claim by yet; one that reads as before keeps its approval."""
    refuse_unless(_begun(planned, command.claims, command.at), *faults_of(command.plan, command.terms, command.at))
    changed = PeriodPlanChanged(
        period_id=planned.period_id,
        changed_by=command.changed_by,
        voided_approval_of=planned.approved_by,
        on=command.on,
        **agreed(command.plan, command.terms),
    )
    return [] if _plan_of(changed) == _plan_of(planned) else [changed]


def _plan_of(fact: PeriodProposed | PeriodPlanChanged | Period) -> Agreed:
    return Agreed(
        name=fact.name,
        quota=fact.quota,
        face_value_max=fact.face_value_max,
        registration_days=fact.registration_days,
        validity_months=fact.validity_months,
        registration_last_day=fact.registration_last_day,
        validity_last_day=fact.validity_last_day,
        opens_at=fact.opens_at,
        closes_at=fact.closes_at,
        waiting_room=fact.waiting_room,
        pack=fact.pack,
        pack_digest=fact.pack_digest,
        classes=fact.classes,
        entries=fact.entries,
    )


def _decided(command: DecideEntries, period_: Period) -> EntriesDecided:
    return EntriesDecided(
        period_id=period_.period_id,
        way=command.way,
        outcome=command.outcome,
        entries=command.entries,
        asked=command.asked,
        seed=command.seed,
        at=command.at,
    )


def _own_plan(plan: Period, approved_by: str) -> Reason | None:
    """Object when somebody approves a plan in which they had a hand."""
    own = approved_by if approved_by in plan.authors else plan.proposed_by
    return four_eyes(proposed_by=own, approved_by=approved_by, article=ARTICLE)


def _begun(planned: Period, claims: int, at: datetime) -> Reason | None:
    """Object once an approved period may be claimed in: what claimants rely on no longer changes."""
    if planned.phase is not Phase.APPROVED or (at < planned.opens_at and not claims):
        return None
    return Reason(code="period-already-open", article=ARTICLE, value=at, limit=planned.opens_at, kind="state")


def _paused_already(period_: Period) -> Reason | None:
    if period_.pause is None:
        return None
    return Reason(code="period-already-paused", article=ARTICLE, value=period_.pause.since, kind="state")


def _not_paused(period_: Period) -> Reason | None:
    return Reason(code="period-not-paused", article=ARTICLE, kind="state") if period_.pause is None else None


def _name_of(state: State) -> str:
    return state.phase.value if isinstance(state, Period) else "unplanned"


period: Decider[Command, Event, State] = Decider(decide, evolve, initial=Unplanned())
