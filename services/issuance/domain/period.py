"""A period of issuance: planned by one officer, approved by another, open between two instants (art. 12)."""

from dataclasses import replace
from datetime import date, datetime
from typing import assert_never

from services.issuance.domain.period_phases import PastPause, Pause, Period, Phase, State, Unplanned
from services.issuance.domain.plan import ARTICLE, over, plan_of
from services.issuance.domain.planning import (
    ApprovePeriod,
    ChangePlan,
    ProposePeriod,
    WithdrawPlan,
    approved,
    changed,
    proposed,
    withdrawn,
)
from shared.events.issuance.entries import EntriesDecided, EntryWay, WaysOutcome
from shared.events.issuance.periods import (
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
)
from shared.events.issuance.quotas import QuotaReturned
from shared.kernel.decider import Decider, message
from shared.kernel.refusal import Reason, refuse, refuse_unless


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


def decide(command: Command, state: State) -> list[Event]:
    """Say what happens to a period, or refuse."""
    match command, state:
        case ProposePeriod(), Unplanned():
            return [proposed(command)]
        case ChangePlan(), Period(phase=Phase.PROPOSED | Phase.APPROVED) as planned:
            return [*changed(command, planned)]
        case WithdrawPlan(), Period(phase=Phase.PROPOSED | Phase.APPROVED) as planned:
            return [withdrawn(command, planned)]
        case ApprovePeriod(), Period(phase=Phase.PROPOSED) as planned:
            return [*approved(command, planned)]
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
            **plan_of(event),
            proposed_by=event.proposed_by,
            authors=(event.proposed_by,),
            approved_by=None,
            phase=Phase.PROPOSED,
        )
    assert isinstance(state, Period), state  # a stream begins with its proposal
    match event:
        case PeriodPlanChanged(changed_by=changed_by):
            authors = (*state.authors, *({changed_by} - {*state.authors}))
            return replace(
                state, authors=authors, approved_by=None, phase=Phase.PROPOSED, decided=frozenset(), **plan_of(event)
            )
        case PeriodWithdrawn(reason=reason):
            return replace(state, phase=Phase.WITHDRAWN, withdrawn_because=reason)
        case PeriodApproved(approved_by=approved_by):
            return replace(state, approved_by=approved_by, phase=Phase.APPROVED, announced=True)
        case PeriodAnnounced():
            return state  # in one breath with the approval
        case PeriodOpened():
            return replace(state, phase=Phase.OPEN, opened=True)
        case PeriodPaused(reason=reason, at=at):
            return replace(state, pause=Pause(reason=reason, since=at))
        case PeriodResumed(reason=reason, at=at):
            return _resumed(state, reason, at)
        case PeriodExhausted():
            return replace(state, phase=Phase.EXHAUSTED)
        case PeriodClosed():
            return replace(state, phase=Phase.CLOSED)
        case QuotaReturned():
            again = Phase.OPEN if state.opened else Phase.APPROVED  # entries may have exhausted it before its hour
            return replace(state, phase=again) if state.phase is Phase.EXHAUSTED else state
        case EntriesDecided(way=way):
            return replace(state, decided=state.decided | {way})
    assert_never(event)


def _resumed(paused: Period, reason: str, at: datetime) -> Period:
    """End a pause and remember it: both its reasons are for everybody to read."""
    assert paused.pause is not None  # who is not paused is not resumed
    ended = PastPause(reason=paused.pause.reason, since=paused.pause.since, until=at, resumed_because=reason)
    return replace(paused, pause=None, past_pauses=(*paused.past_pauses, ended))


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


def _paused_already(period_: Period) -> Reason | None:
    if period_.pause is None:
        return None
    return Reason(code="period-already-paused", article=ARTICLE, value=period_.pause.since, kind="state")


def _not_paused(period_: Period) -> Reason | None:
    return Reason(code="period-not-paused", article=ARTICLE, kind="state") if period_.pause is None else None


def _name_of(state: State) -> str:
    return state.phase.value if isinstance(state, Period) else "unplanned"


period: Decider[Command, Event, State] = Decider(decide, evolve, initial=Unplanned())
