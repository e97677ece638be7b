"""A measure against a party: one officer proposes it, another imposes it, time ends it (art. 16, 17)."""

from datetime import date
from typing import Literal, assert_never

from shared.events.registry.standing import Measure, PartyKind, PartySanctioned, SanctionLifted, SanctionProposed
from shared.kernel.calendar import years_after
from shared.kernel.decider import Decider, message
from shared.kernel.refusal import Reason, refuse, refuse_unless
from shared.procedures.approvals import four_eyes

BARRING: frozenset[Measure] = frozenset({"disqualify", "delist"})
"""The measures that take the right to do anything new; suspending disbursement concerns payments only."""

DISQUALIFYING: frozenset[Measure] = frozenset({"disqualify"})
"""The measures that take a body's right to claim: being struck off the list of providers does not (art. 17)."""

CARRIED: frozenset[Measure] = frozenset({"suspend_disbursement", "disqualify"})
"""The measures that a body bears under every id it takes part by; only providers are struck off a list (art. 17)."""

PAID: frozenset[PartyKind] = frozenset({"claimant", "provider"})
"""Whose payments can be suspended: nobody else is party to a redemption or an appraisal."""


@message
class ProposeSanction:
    """`until` is the last day of a suspension; the length of a ban is the rules', and a delisting has no end."""

    sanction_id: str
    party_id: str
    party_kind: PartyKind
    provider_listed: bool
    measure: Measure
    until: date | None
    grounds_digest: str
    proposed_by: str
    on: date
    pack: str
    pack_digest: str


@message
class ApproveSanction:
    """Impose the measure; a ban of `ban_years` begins with this day."""

    approved_by: str
    ban_years: int
    provider_listed: bool
    on: date


@message
class CarryMeasure:
    """Let the `first` measure on a body stand under another of its ids too: to the same day, by the same decision."""

    sanction_id: str
    party_id: str
    party_kind: PartyKind
    first: "InForce"
    grounds_digest: str
    on: date
    pack: str
    pack_digest: str


@message
class LiftSanction:
    on: date


@message
class Unproposed: ...


@message
class Proposed:
    proposal: SanctionProposed


@message
class InForce:
    proposal: SanctionProposed
    approved_by: str
    until: date | None
    on: date


@message
class Lifted:
    proposal: SanctionProposed
    approved_by: str
    until: date | None
    on: date
    lifted_on: date


type Command = ProposeSanction | ApproveSanction | CarryMeasure | LiftSanction
type Event = SanctionProposed | PartySanctioned | SanctionLifted
type Known = Proposed | InForce | Lifted
type State = Unproposed | Known
type Stage = Literal["unproposed", "proposed", "in_force", "lifted"]


def decide(command: Command, state: State) -> list[Event]:
    """Say what happens, or refuse and say which article refuses."""
    match command, state:
        case ProposeSanction(), Unproposed():
            return [_proposed(command)]
        case ApproveSanction(), Proposed(proposal=proposal):
            return [_imposed(command, proposal)]
        case CarryMeasure(), Unproposed():
            return _carried(command)
        case LiftSanction(on=on), InForce(proposal=proposal, until=date() as until):
            if on <= until:
                return []  # The sweep came early.
            return [
                SanctionLifted(
                    sanction_id=proposal.sanction_id, party_id=proposal.party_id, measure=proposal.measure, on=on
                )
            ]
        case LiftSanction(), _:
            return []
        case ((ProposeSanction() | ApproveSanction() | CarryMeasure()), _):
            raise refuse("sanction-not-in-this-stage", article="17", value=stage_of(state), kind="state")
    assert_never(command)


def evolve(state: State, event: Event) -> State:
    """Fold one fact into the state; facts have happened, so nothing is refused here."""
    match event:
        case SanctionProposed():
            return Proposed(proposal=event)
        case PartySanctioned(approved_by=approved_by, until=until, on=on):
            assert isinstance(state, Proposed), state
            return InForce(proposal=state.proposal, approved_by=approved_by, until=until, on=on)
        case SanctionLifted(on=on):
            assert isinstance(state, InForce), state
            return Lifted(
                proposal=state.proposal,
                approved_by=state.approved_by,
                until=state.until,
                on=state.on,
                lifted_on=on,
            )
    assert_never(event)


sanction: Decider[Command, Event, State] = Decider(decide, evolve, initial=Unproposed())


def stage_of(state: State) -> Stage:
    """Name a state for people and programs."""
    match state:
        case Unproposed():
            return "unproposed"
        case Proposed():
            return "proposed"
        case InForce():
            return "in_force"
        case Lifted():
            return "lifted"


def _proposed(command: ProposeSanction) -> SanctionProposed:
    suspends = command.measure == "suspend_disbursement"
    refuse_unless(
        Reason(code="suspension-needs-an-end", article="17") if suspends and command.until is None else None,
        Reason(code="end-is-not-chosen", article="17", value=command.until, parameter="ban_years")
        if not suspends and command.until is not None
        else None,
        Reason(code="end-already-past", article="17", value=command.until, limit=command.on)
        if command.until is not None and command.until < command.on
        else None,
        Reason(code="nothing-to-suspend", article="17", value=command.party_kind)
        if suspends and command.party_kind not in PAID
        else None,
        _not_to_delist(command.measure, listed=command.provider_listed),
    )
    return SanctionProposed(
        sanction_id=command.sanction_id,
        party_id=command.party_id,
        party_kind=command.party_kind,
        measure=command.measure,
        until=command.until,
        grounds_digest=command.grounds_digest,
        proposed_by=command.proposed_by,
        on=command.on,
        pack=command.pack,
        pack_digest=command.pack_digest,
    )


def _imposed(command: ApproveSanction, proposal: SanctionProposed) -> PartySanctioned:
    overtaken = proposal.until is not None and proposal.until < command.on
    refuse_unless(
        four_eyes(proposed_by=proposal.proposed_by, approved_by=command.approved_by, article="17"),
        Reason(code="end-already-past", article="17", value=proposal.until, limit=command.on) if overtaken else None,
        _not_to_delist(proposal.measure, listed=command.provider_listed),
    )
    # A ban is a length of time, not a day by which something must be done: its end never moves to a working day.
    ends = years_after(command.on, command.ban_years) if proposal.measure == "disqualify" else proposal.until
    return PartySanctioned(
        sanction_id=proposal.sanction_id,
        party_id=proposal.party_id,
        party_kind=proposal.party_kind,
        measure=proposal.measure,
        proposed_by=proposal.proposed_by,
        approved_by=command.approved_by,
        until=ends,
        on=command.on,
    )


def _carried(command: CarryMeasure) -> list[Event]:
    first = command.first
    return [
        SanctionProposed(
            sanction_id=command.sanction_id,
            party_id=command.party_id,
            party_kind=command.party_kind,
            measure=first.proposal.measure,
            until=first.proposal.until,
            grounds_digest=command.grounds_digest,
            proposed_by=first.proposal.proposed_by,
            on=command.on,
            pack=command.pack,
            pack_digest=command.pack_digest,
            carried_from=first.proposal.sanction_id,
        ),
        PartySanctioned(
            sanction_id=command.sanction_id,
            party_id=command.party_id,
            party_kind=command.party_kind,
            measure=first.proposal.measure,
            proposed_by=first.proposal.proposed_by,
            approved_by=first.approved_by,
            until=first.until,
            on=command.on,
        ),
    ]


def bears(kind: PartyKind, measure: Measure) -> bool:
    """Tell whether a body bears a measure under an id of this kind too."""
    return measure in CARRIED and (kind in PAID or measure in BARRING)


def _not_to_delist(measure: Measure, *, listed: bool) -> Reason | None:
    """Only who is on the list of providers can be struck off it."""
    if measure != "delist" or listed:
        return None
    return Reason(code="not-on-the-list", article="17", kind="state")
