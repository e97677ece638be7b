"""The yearly evaluation of a service agency: one officer proposes it on the records, another approves it (faq 5).

The words of faq 5 are all there is: 每年度办公室对专业服务机构进行绩效评价. No criteria, no grades and no consequences
are given, so there are none here: figures from the records, and what the office says of them.
"""

from collections.abc import Iterable
from datetime import date
from typing import Literal, assert_never

from shared.events.registry.evaluations import (
    AgencyEvaluated,
    AgencyEvaluationProposed,
    AgencyEvaluationWithdrawn,
    EvaluationFigures,
)
from shared.kernel.decider import Decider, message
from shared.kernel.refusal import Reason, refuse, refuse_unless
from shared.procedures.approvals import four_eyes

ARTICLE = "faq 5"


@message
class ReportedLaboratory:
    """When an agency put a laboratory forward, and every stay in the catalogue: its first day, the day it left."""

    reported_on: date
    stays: tuple[tuple[date, date | None], ...] = ()


@message
class HeldDelegation:
    """A delegation an agency accepted: from its first day on to the last day, or to the day before its end."""

    provider_id: str
    first_day: date
    last_day: date
    ended_on: date | None = None

    def was_in_force(self, first: date, last: date) -> bool:
        """Tell whether it was in force on any day between two, both included."""
        begins = max(self.first_day, first)
        return begins <= min(self.last_day, last) and (self.ended_on is None or begins < self.ended_on)


def figures_of(
    year: int, laboratories: Iterable[ReportedLaboratory], delegations: Iterable[HeldDelegation]
) -> EvaluationFigures:
    """Sum up what the records say of a year."""
    first, last = date(year, 1, 1), date(year, 12, 31)
    reported = tuple(laboratories)
    held = [delegation for delegation in delegations if delegation.was_in_force(first, last)]
    return EvaluationFigures(
        laboratories_reported=sum(first <= each.reported_on <= last for each in reported),
        laboratories_entered=sum(any(first <= entered <= last for entered, _ in each.stays) for each in reported),
        laboratories_catalogued=sum(
            any(entered <= last and (left is None or left > last) for entered, left in each.stays) for each in reported
        ),
        delegations=len(held),
        providers=len({delegation.provider_id for delegation in held}),
    )


@message
class ProposeEvaluation:
    """`was_listed`: the agency was on the list on some day of the year."""

    agency_id: str
    year: int
    was_listed: bool
    figures: EvaluationFigures
    assessment_digest: str
    proposed_by: str
    on: date
    pack: str
    pack_digest: str


@message
class ApproveEvaluation:
    approved_by: str
    on: date


@message
class WithdrawEvaluation:
    withdrawn_by: str
    on: date


@message
class Unevaluated: ...


@message
class Proposed:
    proposal: AgencyEvaluationProposed


@message
class Withdrawn:
    proposal: AgencyEvaluationProposed
    on: date


@message
class Evaluated:
    proposal: AgencyEvaluationProposed
    approved_by: str
    on: date


type Command = ProposeEvaluation | ApproveEvaluation | WithdrawEvaluation
type Event = AgencyEvaluationProposed | AgencyEvaluationWithdrawn | AgencyEvaluated
type Known = Proposed | Withdrawn | Evaluated
type State = Unevaluated | Known
type Stage = Literal["unevaluated", "proposed", "withdrawn", "evaluated"]


def decide(command: Command, state: State) -> list[Event]:
    """Say what happens, or refuse and say that faq 5 refuses."""
    match command, state:
        case ProposeEvaluation(), Unevaluated() | Withdrawn():
            return [_proposed(command)]
        case ApproveEvaluation(approved_by=approved_by, on=on), Proposed(proposal=proposal):
            refuse_unless(four_eyes(proposed_by=proposal.proposed_by, approved_by=approved_by, article=ARTICLE))
            return [
                AgencyEvaluated(
                    agency_id=proposal.agency_id,
                    year=proposal.year,
                    figures=proposal.figures,
                    assessment_digest=proposal.assessment_digest,
                    proposed_by=proposal.proposed_by,
                    approved_by=approved_by,
                    on=on,
                )
            ]
        case WithdrawEvaluation(withdrawn_by=by, on=on), Proposed(proposal=proposal):
            return [AgencyEvaluationWithdrawn(agency_id=proposal.agency_id, year=proposal.year, withdrawn_by=by, on=on)]
        case ((ProposeEvaluation() | ApproveEvaluation() | WithdrawEvaluation()), _):
            raise refuse("evaluation-not-in-this-stage", article=ARTICLE, value=stage_of(state), kind="state")
    assert_never(command)


def evolve(state: State, event: Event) -> State:
    """Fold one fact into the state; facts have happened, so nothing is refused here."""
    match event:
        case AgencyEvaluationProposed():
            return Proposed(proposal=event)
        case AgencyEvaluationWithdrawn(on=on):
            assert isinstance(state, Proposed), state
            return Withdrawn(proposal=state.proposal, on=on)
        case AgencyEvaluated(approved_by=approved_by, on=on):
            assert isinstance(state, Proposed), state
            return Evaluated(proposal=state.proposal, approved_by=approved_by, on=on)
    assert_never(event)


evaluation: Decider[Command, Event, State] = Decider(decide, evolve, initial=Unevaluated())


def stage_of(state: State) -> Stage:
    """Name a state for people and programs."""
    match state:
        case Unevaluated():
            return "unevaluated"
        case Proposed():
            return "proposed"
        case Withdrawn():
            return "withdrawn"
        case Evaluated():
            return "evaluated"


def _proposed(command: ProposeEvaluation) -> AgencyEvaluationProposed:
    """Evaluate a year that is over, because the records of any other still change."""
    refuse_unless(
        None
        if command.year < command.on.year
        else Reason(code="evaluation-year-not-over", article=ARTICLE, value=command.year, limit=command.on.year - 1),
        None
        if command.was_listed
        else Reason(code="agency-not-listed-in-year", article=ARTICLE, value=command.year, kind="state"),
    )
    return AgencyEvaluationProposed(
        agency_id=command.agency_id,
        year=command.year,
        figures=command.figures,
        assessment_digest=command.assessment_digest,
        proposed_by=command.proposed_by,
        on=command.on,
        pack=command.pack,
        pack_digest=command.pack_digest,
    )
