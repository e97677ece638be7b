"""A referral agency: its conditions, profile, training, events, and the enterprises it serves (faq 4)."""

from dataclasses import replace
from datetime import date
from typing import Literal, assert_never

from services.registry.domain import affiliation
from services.registry.domain.affiliation import Affiliation, Granted, Unrequested, check_granted
from services.registry.domain.eligibility import Finding
from shared.events.registry.referral_agencies import (
    PromotionEventHeld,
    PromotionEventPlanned,
    ReferralAccepted,
    ReferralAgencyDescribed,
    ReferralAgencyTrained,
    ReferralEnded,
    ReferralOffered,
)
from shared.kernel.decider import Decider, message
from shared.kernel.refusal import Reason, refuse, refuse_unless
from shared.measures.terms import StandingTerms


@message
class ReferralFacts:
    """What faq 4 asks of one who applies.

    `enterprises` is how many it serves, `promotion_events` how many it can hold at least; `working_rules` are the parts
    that its working mechanism and its safeguards set out.
    """

    enterprises: int
    promotion_events: int
    undertaking: bool
    working_rules: tuple[str, ...]


def referral_findings(facts: ReferralFacts, terms: StandingTerms) -> tuple[Finding, ...]:
    """Judge one who wants to refer enterprises by the three conditions of faq 4; a person reads the papers after."""
    missing = tuple(part for part in terms.referral_working_rules if part not in facts.working_rules)
    return (
        Finding(
            rule="served-enterprises",
            code="referral-enterprises-too-few",
            outcome="pass" if facts.enterprises >= terms.referral_agency_enterprises_min else "fail",
            value=facts.enterprises,
            limit=terms.referral_agency_enterprises_min,
            article="faq 4",
            parameter="referral_agency_enterprises_min",
        ),
        Finding(
            rule="promotion-undertaking",
            code="referral-undertaking-missing",
            outcome="recorded" if facts.undertaking else "fail",
            value=facts.undertaking,
            limit=None,
            article="faq 4",
        ),
        Finding(
            rule="promotion-events",
            code="referral-events-too-few",
            outcome="pass" if facts.promotion_events >= terms.referral_agency_events_min else "fail",
            value=facts.promotion_events,
            limit=terms.referral_agency_events_min,
            article="faq 4",
            parameter="referral_agency_events_min",
        ),
        Finding(
            rule="working-rules",
            code="referral-working-rules-incomplete",
            outcome="fail" if missing else "needs_review",
            value=missing or facts.working_rules,
            limit=terms.referral_working_rules,
            article="faq 4",
            parameter="referral_working_rules",
        ),
    )


@message
class DescribeAgency:
    profile_digest: str
    on: date


@message
class RecordTraining:
    training_id: str
    held_on: date
    attended: bool
    recorded_by: str
    on: date


@message
class PlanPromotionEvent:
    event_id: str
    planned_for: date
    on: date


@message
class ReportPromotionEvent:
    event_id: str
    held_on: date
    enterprises: int
    on: date


@message
class OfferReferral:
    """`barred`: a measure of art. 17 stands against the claimant."""

    claimant_id: str
    barred: bool
    on: date


@message
class AcceptReferral:
    """`barred`: a measure of art. 17 has come to stand against the claimant or the agency."""

    claimant_id: str
    barred: bool
    on: date


@message
class EndReferral:
    claimant_id: str
    ended_by: Literal["agency", "claimant"]
    on: date


@message
class Training:
    training_id: str
    held_on: date
    attended: bool


@message
class PromotionEvent:
    """An event that is planned, and once it was held its day and how many enterprises came."""

    event_id: str
    planned_for: date
    held_on: date | None = None
    enterprises: int = 0


@message
class ReferralAgency:
    """`listed_on` is the day its profile was first complete: from then on the public sees it."""

    affiliation: Affiliation = Unrequested()
    listed_on: date | None = None
    trainings: tuple[Training, ...] = ()
    events: tuple[PromotionEvent, ...] = ()
    offered: frozenset[str] = frozenset()
    serves: frozenset[str] = frozenset()

    @property
    def is_public(self) -> bool:
        """Tell whether it is on the public list."""
        return isinstance(self.affiliation, Granted) and self.listed_on is not None


type OwnCommand = (
    DescribeAgency | RecordTraining | PlanPromotionEvent | ReportPromotionEvent | OfferReferral | AcceptReferral
    | EndReferral
)  # fmt: skip
type OwnEvent = (
    ReferralAgencyDescribed | ReferralAgencyTrained | PromotionEventPlanned | PromotionEventHeld | ReferralOffered
    | ReferralAccepted | ReferralEnded
)  # fmt: skip
type Command = affiliation.Command | OwnCommand
type Event = affiliation.Event | OwnEvent


def decide(command: Command, state: ReferralAgency) -> list[Event]:
    """Say what happens, or refuse and say that faq 4 refuses."""
    match command:
        case DescribeAgency(profile_digest=digest, on=on):
            granted = check_granted(state.affiliation)
            return [ReferralAgencyDescribed(agency_id=granted.party_id, profile_digest=digest, on=on)]
        case RecordTraining():
            return [_trained(command, check_granted(state.affiliation))]
        case PlanPromotionEvent():
            return [_planned(command, check_granted(state.affiliation))]
        case ReportPromotionEvent():
            return [_held(command, state)]
        case OfferReferral() | AcceptReferral() | EndReferral():
            return _referred(command, state)
        case _:
            return [*affiliation.decide(command, state.affiliation)]


def evolve(state: ReferralAgency, event: Event) -> ReferralAgency:
    """Fold one fact into the state; facts have happened, so nothing is refused here."""
    match event:
        case ReferralAgencyDescribed(on=on):
            return replace(state, listed_on=state.listed_on or on)
        case ReferralAgencyTrained(training_id=training_id, held_on=held_on, attended=attended):
            training = Training(training_id=training_id, held_on=held_on, attended=attended)
            return replace(state, trainings=(*state.trainings, training))
        case PromotionEventPlanned(event_id=event_id, planned_for=day):
            return replace(state, events=(*state.events, PromotionEvent(event_id=event_id, planned_for=day)))
        case PromotionEventHeld():
            return replace(state, events=tuple(_as_held(known, event) for known in state.events))
        case ReferralOffered(claimant_id=claimant_id):
            return replace(state, offered=state.offered | {claimant_id})
        case ReferralAccepted(claimant_id=claimant_id):
            return replace(state, offered=state.offered - {claimant_id}, serves=state.serves | {claimant_id})
        case ReferralEnded(claimant_id=claimant_id):
            return replace(state, offered=state.offered - {claimant_id}, serves=state.serves - {claimant_id})
        case _:
            return replace(state, affiliation=affiliation.evolve(state.affiliation, event))


referral_agency: Decider[Command, Event, ReferralAgency] = Decider(decide, evolve, initial=ReferralAgency())


def _trained(command: RecordTraining, granted: Granted) -> ReferralAgencyTrained:
    refuse_unless(_not_yet(command.held_on, command.on), _before(command.held_on, granted.on))
    return ReferralAgencyTrained(
        agency_id=granted.party_id,
        training_id=command.training_id,
        held_on=command.held_on,
        attended=command.attended,
        recorded_by=command.recorded_by,
        on=command.on,
    )


def _planned(command: PlanPromotionEvent, granted: Granted) -> PromotionEventPlanned:
    if command.planned_for < command.on:
        raise refuse("event-planned-in-the-past", article="faq 4", value=command.planned_for, limit=command.on)
    return PromotionEventPlanned(
        agency_id=granted.party_id, event_id=command.event_id, planned_for=command.planned_for, on=command.on
    )


def _held(command: ReportPromotionEvent, state: ReferralAgency) -> PromotionEventHeld:
    granted = check_granted(state.affiliation)
    planned = next((event for event in state.events if event.event_id == command.event_id), None)
    if planned is None or planned.held_on is not None:
        raise refuse("event-not-planned", article="faq 4", value=command.event_id, kind="state")
    refuse_unless(_not_yet(command.held_on, command.on), _before(command.held_on, granted.on))
    return PromotionEventHeld(
        agency_id=granted.party_id,
        event_id=command.event_id,
        held_on=command.held_on,
        enterprises=command.enterprises,
        on=command.on,
    )


def _referred(command: OfferReferral | AcceptReferral | EndReferral, state: ReferralAgency) -> list[Event]:
    """Both sides agree before the agency counts a claimant as one it serves; either may end it."""
    claimant_id, on = command.claimant_id, command.on
    match command:
        case OfferReferral(barred=barred):
            agency_id = check_granted(state.affiliation).party_id
            known = claimant_id in state.offered | state.serves
            refuse_unless(
                Reason(code="referral-already-offered", article="faq 4", kind="state") if known else None,
                Reason(code="party-barred", article="17", kind="state") if barred else None,
            )
            return [ReferralOffered(agency_id=agency_id, claimant_id=claimant_id, on=on)]
        case AcceptReferral(barred=barred):
            agency_id = check_granted(state.affiliation).party_id
            refuse_unless(
                None
                if claimant_id in state.offered
                else Reason(code="referral-not-offered", article="faq 4", kind="state"),
                Reason(code="party-barred", article="17", kind="state") if barred else None,
            )
            return [ReferralAccepted(agency_id=agency_id, claimant_id=claimant_id, on=on)]
        case EndReferral(ended_by=ended_by):
            if claimant_id not in state.offered | state.serves or isinstance(state.affiliation, Unrequested):
                raise refuse("referral-not-offered", article="faq 4", kind="state")
            return [
                ReferralEnded(agency_id=state.affiliation.party_id, claimant_id=claimant_id, ended_by=ended_by, on=on)
            ]
    assert_never(command)


def _as_held(known: PromotionEvent, event: PromotionEventHeld) -> PromotionEvent:
    if known.event_id != event.event_id:
        return known
    return replace(known, held_on=event.held_on, enterprises=event.enterprises)


def _not_yet(held_on: date, today: date) -> Reason | None:
    if held_on <= today:
        return None
    return Reason(code="held-in-the-future", article="faq 4", value=held_on, limit=today)


def _before(held_on: date, joined_on: date) -> Reason | None:
    """Training and events of an agency come after it has joined."""
    if held_on >= joined_on:
        return None
    return Reason(code="held-before-joining", article="faq 4", value=held_on, limit=joined_on)
