"""Office users: appointed by two others, with duties that do not exclude one another, between days, until ended."""

from datetime import date
from typing import Literal, assert_never

from shared.events.registry.office import Duty, Office, OfficeUserAppointed, OfficeUserEnded, OfficeUserProposed
from shared.kernel.decider import Decider, message
from shared.kernel.refusal import Reason, refuse, refuse_unless
from shared.procedures.approvals import four_eyes

ARTICLE = "18"
"""The office organises its own work so that it can be supervised."""
EXCLUDES: frozenset[frozenset[Duty]] = frozenset(
    [
        *(frozenset[Duty]({"approval", other}) for other in
          ("registry", "planning", "review", "finance", "supervision", "appraisal")),
        *(frozenset[Duty]({"finance", other}) for other in ("planning", "review", "appraisal")),
    ]
)  # fmt: skip
"""Duties that nobody has together: who approves proposes nothing, and who pays has not decided what is paid for."""


@message
class ProposeUser:
    office_user_id: str
    principal: str
    office: Office
    duties: tuple[Duty, ...]
    valid_from: date
    valid_until: date | None
    proposed_by: str
    on: date


@message
class AppointUser:
    approved_by: str
    on: date


@message
class EndUser:
    ended_by: str
    on: date


@message
class Unproposed: ...


@message
class Proposed:
    proposal: OfficeUserProposed


@message
class Appointed:
    proposal: OfficeUserProposed
    approved_by: str


@message
class Ended:
    proposal: OfficeUserProposed
    approved_by: str | None
    ended_on: date


type Command = ProposeUser | AppointUser | EndUser
type Event = OfficeUserProposed | OfficeUserAppointed | OfficeUserEnded
type Known = Proposed | Appointed | Ended
type State = Unproposed | Known
type Stage = Literal["proposed", "appointed", "ended"]


def decide(command: Command, state: State) -> list[Event]:
    """Say what happens, or refuse and say which article refuses."""
    match command, state:
        case ProposeUser(), Unproposed():
            return [_proposed(command)]
        case AppointUser(), Proposed(proposal=proposal):
            return [_appointed(command, proposal)]
        case EndUser(), Proposed(proposal=proposal) | Appointed(proposal=proposal):
            return [
                OfficeUserEnded(
                    office_user_id=proposal.office_user_id,
                    principal=proposal.principal,
                    ended_by=command.ended_by,
                    on=command.on,
                )
            ]
        case ((ProposeUser() | AppointUser() | EndUser()), _):
            raise refuse("office-user-not-in-this-stage", article=ARTICLE, kind="state")
    assert_never(command)


def evolve(state: State, event: Event) -> State:
    """Fold one fact into the state; facts have happened, so nothing is refused here."""
    match event:
        case OfficeUserProposed():
            return Proposed(proposal=event)
        case OfficeUserAppointed(approved_by=approved_by):
            assert isinstance(state, Proposed), state
            return Appointed(proposal=state.proposal, approved_by=approved_by)
        case OfficeUserEnded(on=on):
            assert isinstance(state, Proposed | Appointed), state
            approver = state.approved_by if isinstance(state, Appointed) else None
            return Ended(proposal=state.proposal, approved_by=approver, ended_on=on)
    assert_never(event)


office_user: Decider[Command, Event, State] = Decider(decide, evolve, initial=Unproposed())


def stage_of(state: Known) -> Stage:
    """Name a state for people and programs."""
    match state:
        case Proposed():
            return "proposed"
        case Appointed():
            return "appointed"
        case Ended():
            return "ended"


def conflicts(duties: tuple[Duty, ...]) -> tuple[str, ...]:
    """Name the pairs among some duties that nobody has together, as `approval + finance`."""
    held = set(duties)
    return tuple(sorted(" + ".join(sorted(pair)) for pair in EXCLUDES if pair <= held))


def _proposed(command: ProposeUser) -> OfficeUserProposed:
    excluded = conflicts(command.duties)
    ends_early = command.valid_until is not None and command.valid_until < command.valid_from
    refuse_unless(
        Reason(code="duties-exclude-each-other", article=ARTICLE, value=excluded) if excluded else None,
        Reason(code="appointment-begins-in-the-past", article=ARTICLE, value=command.valid_from, limit=command.on)
        if command.valid_from < command.on
        else None,
        Reason(code="appointment-ends-too-early", article=ARTICLE, value=command.valid_until, limit=command.valid_from)
        if ends_early
        else None,
        _not_ones_own(command.proposed_by, command.principal),
    )
    return OfficeUserProposed(
        office_user_id=command.office_user_id,
        principal=command.principal,
        office=command.office,
        duties=tuple(sorted(set(command.duties))),
        valid_from=command.valid_from,
        valid_until=command.valid_until,
        proposed_by=command.proposed_by,
        on=command.on,
    )


def _appointed(command: AppointUser, proposal: OfficeUserProposed) -> OfficeUserAppointed:
    refuse_unless(
        four_eyes(proposed_by=proposal.proposed_by, approved_by=command.approved_by, article=ARTICLE),
        _not_ones_own(command.approved_by, proposal.principal),
    )
    return OfficeUserAppointed(
        office_user_id=proposal.office_user_id,
        principal=proposal.principal,
        office=proposal.office,
        duties=proposal.duties,
        valid_from=proposal.valid_from,
        valid_until=proposal.valid_until,
        proposed_by=proposal.proposed_by,
        approved_by=command.approved_by,
        on=command.on,
    )


def _not_ones_own(decides: str, principal: str) -> Reason | None:
    if decides != principal:
        return None
    return Reason(code="not-ones-own-appointment", article=ARTICLE, value=principal)
