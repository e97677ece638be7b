"""A period's plan: proposed, changed or withdrawn by officers, approved and announced by another (art. 4, 12)."""

from datetime import date, datetime

from services.issuance.domain.entry_terms import window_over
from services.issuance.domain.period_phases import Period, Phase
from services.issuance.domain.plan import ARTICLE, Plan, agreed, faults_of, over, plan_of
from shared.events.issuance.periods import (
    PeriodAnnounced,
    PeriodApproved,
    PeriodPlanChanged,
    PeriodProposed,
    PeriodWithdrawn,
)
from shared.kernel.decider import message
from shared.kernel.refusal import Reason, refuse_unless
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


def proposed(command: ProposePeriod) -> PeriodProposed:
    """Propose a period by the rules of the day, or refuse with all that stands against its plan."""
    refuse_unless(*faults_of(command.plan, command.terms, command.at))
    return PeriodProposed(
        **plan_of(agreed(command.period_id, command.plan, command.terms)),
        proposed_by=command.proposed_by,
        on=command.on,
    )


def changed(command: ChangePlan, planned: Period) -> list[PeriodPlanChanged]:
    """Change a plan that nobody could claim by yet; one that reads as before keeps its approval."""
    refuse_unless(_begun(planned, command.claims, command.at), *faults_of(command.plan, command.terms, command.at))
    new = plan_of(agreed(planned.period_id, command.plan, command.terms))
    if new == plan_of(planned):
        return []
    voided = planned.approved_by
    return [PeriodPlanChanged(**new, changed_by=command.changed_by, voided_approval_of=voided, on=command.on)]


def withdrawn(command: WithdrawPlan, planned: Period) -> PeriodWithdrawn:
    """Withdraw a plan that nobody could claim by yet."""
    refuse_unless(_begun(planned, command.claims, command.at))
    return PeriodWithdrawn(
        period_id=planned.period_id, reason=command.reason, withdrawn_by=command.withdrawn_by, on=command.on
    )


def approved(command: ApprovePeriod, planned: Period) -> list[PeriodApproved | PeriodAnnounced]:
    """Approve a plan and announce it, in one breath; nobody could enter in a window that is over by then."""
    refuse_unless(
        _own_plan(planned, command.approved_by),
        over(planned.closes_at, command.at),
        window_over(planned.entries, command.at),
    )
    return [
        PeriodApproved(period_id=planned.period_id, approved_by=command.approved_by, on=command.on),
        PeriodAnnounced(**plan_of(planned), at=command.at),
    ]


def _own_plan(plan: Period, approved_by: str) -> Reason | None:
    """Object when somebody approves a plan in which they had a hand."""
    own = approved_by if approved_by in plan.authors else plan.proposed_by
    return four_eyes(proposed_by=own, approved_by=approved_by, article=ARTICLE)


def _begun(planned: Period, claims: int, at: datetime) -> Reason | None:
    """Object once an approved period may be claimed in: what claimants rely on no longer changes."""
    if planned.phase is not Phase.APPROVED or (at < planned.opens_at and not claims):
        return None
    return Reason(code="period-already-open", article=ARTICLE, value=at, limit=planned.opens_at, kind="state")
