"""A project: proposed by the claimant, confirmed or declined by the provider (art. 9(2), 15(2) and 16)."""

from datetime import date
from typing import Literal, assert_never

from services.contracts.domain.standing import Parties, why_not_together
from shared.events.contracts import ProjectConfirmed, ProjectDeclined, ProjectProposed
from shared.kernel.decider import Decider, message
from shared.kernel.refusal import Reason, refuse, refuse_unless
from shared.measures.terms import ContractTerms

type DeclineReason = Literal[
    "claimant-not-verified",
    "outside-voucher-scope",
    "capability-missing",
    "capacity-exhausted",
    "conditions-not-agreed",
    "other",
]

# Commands: what is asked, with the facts and the terms of the day.


@message
class ProposeProject:
    """A claimant's proposal; `planned_amount` in fen, the declarations as the claimant made them.

    `relation_declared`: the claimant says that the provider is a party related to it.
    """

    project_id: str
    claimant_id: str
    provider_id: str
    service_id: str
    planned_amount: int
    description_digest: str
    no_statutory_testing: bool
    no_municipal_funding: bool
    relation_declared: bool
    parties: Parties
    terms: ContractTerms
    on: date


@message
class ConfirmProject:
    """The provider's confirmation of claimant and project; `confirmed_by` is the principal who answers for it."""

    confirmed_by: str
    parties: Parties
    terms: ContractTerms
    on: date


@message
class DeclineProject:
    """The provider's refusal, by a coded reason; its explanation stays between the two."""

    reason: DeclineReason
    on: date


# States: the facts as they were proposed, and what came of them.


@message
class Unproposed:
    """There is no such project yet."""


@message
class Proposed:
    """The provider has to answer."""

    project: ProjectProposed


@message
class Confirmed:
    """A contract may be signed from `on`."""

    project: ProjectProposed
    confirmed_by: str
    on: date


@message
class Declined:
    """The provider does not take it."""

    project: ProjectProposed
    reason: str
    on: date


type Command = ProposeProject | ConfirmProject | DeclineProject
type Event = ProjectProposed | ProjectConfirmed | ProjectDeclined
type State = Unproposed | Proposed | Confirmed | Declined


def decide(command: Command, state: State) -> list[Event]:
    """Say what happens, or refuse with every reason at once."""
    match command, state:
        case ProposeProject(), Unproposed():
            return [_propose(command)]
        case ConfirmProject(parties=parties, terms=terms, confirmed_by=confirmed_by, on=on), Proposed(project=project):
            refuse_unless(*why_not_together(parties, terms, relation_declared=project.relation_declared))
            return [
                ProjectConfirmed(
                    project_id=project.project_id,
                    claimant_id=project.claimant_id,
                    provider_id=project.provider_id,
                    confirmed_by=confirmed_by,
                    on=on,
                )
            ]
        case DeclineProject(reason=reason, on=on), Proposed(project=project):
            return [
                ProjectDeclined(
                    project_id=project.project_id,
                    claimant_id=project.claimant_id,
                    provider_id=project.provider_id,
                    reason=reason,
                    on=on,
                )
            ]
        case ((ProposeProject() | ConfirmProject() | DeclineProject()), _):
            raise refuse("project-already-decided", article="9(2)", value=name_of(state), kind="state")
    assert_never(command)


def _propose(command: ProposeProject) -> ProjectProposed:
    terms = command.terms
    statutory = Reason(code="statutory-testing-excluded", article="5", parameter="statutory_testing_excluded")
    funded = Reason(code="funded-project-excluded", article="12", parameter="funded_projects_excluded")
    refuse_unless(
        *why_not_together(command.parties, terms, relation_declared=command.relation_declared),
        statutory if terms.statutory_testing_excluded and not command.no_statutory_testing else None,
        funded if terms.funded_projects_excluded and not command.no_municipal_funding else None,
    )
    kind = command.parties.service_kind
    assert kind is not None, "a service that is not offered was refused above"
    return ProjectProposed(
        project_id=command.project_id,
        claimant_id=command.claimant_id,
        provider_id=command.provider_id,
        service_id=command.service_id,
        service_kind=kind,
        planned_amount=command.planned_amount,
        description_digest=command.description_digest,
        relation_declared=command.relation_declared,
        on=command.on,
    )


def evolve(state: State, event: Event) -> State:
    """Fold one fact into the state."""
    match event, state:
        case ProjectProposed(), _:
            return Proposed(project=event)
        case ProjectConfirmed(confirmed_by=confirmed_by, on=on), Proposed(project=project):
            return Confirmed(project=project, confirmed_by=confirmed_by, on=on)
        case ProjectDeclined(reason=reason, on=on), Proposed(project=project):
            return Declined(project=project, reason=reason, on=on)
        case ((ProjectConfirmed() | ProjectDeclined()), _):
            return state
    assert_never(event)


def name_of(state: State) -> str:
    """Name a state as the API and the lists do."""
    return type(state).__name__.lower()


project: Decider[Command, Event, State] = Decider(decide, evolve, initial=Unproposed())
