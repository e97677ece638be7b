"""A service agency: authorised by an institution of the platform to do its voucher work (faq 5; art. 9(1), 13)."""

from dataclasses import replace
from datetime import date
from typing import Literal

from services.registry.domain import affiliation
from services.registry.domain.affiliation import Affiliation, CorrectAffiliation, RequestAffiliation, Unrequested
from services.registry.domain.eligibility import Finding
from shared.events.registry.service_agencies import ServiceAgencyAuthorised
from shared.kernel.decider import Decider, message

type AuthoriserKind = Literal["university", "research_institute", "central_enterprise_group"]


@message
class AgencyFacts:
    """What faq 5 asks of one who applies; `authoriser_listed` is what the register itself knows of its authoriser."""

    legal_person: bool
    authoriser: AuthoriserKind
    authoriser_listed: bool


def agency_findings(facts: AgencyFacts) -> tuple[Finding, ...]:
    """Judge one who wants to be a service agency by faq 5; the office reads the letter and the internal rules after."""
    return (
        Finding(
            rule="independent-legal-person",
            code="agency-not-a-legal-person",
            outcome="recorded" if facts.legal_person else "fail",
            value=facts.legal_person,
            limit=None,
            article="faq 5",
        ),
        Finding(
            rule="authorised-by-platform-member",
            code="authoriser-not-on-platform",
            outcome="pass" if facts.authoriser_listed else "fail",
            value=facts.authoriser,
            limit=None,
            article="faq 5",
        ),
        Finding(rule="internal-rules", code="", outcome="needs_review", value=None, limit=None, article="faq 5"),
    )


@message
class ApplyAsServiceAgency:
    request: RequestAffiliation
    provider_id: str


@message
class CorrectApplication:
    correction: CorrectAffiliation
    provider_id: str


@message
class ServiceAgency:
    """`provider_id` is the listed provider that authorises it; empty before anybody applied."""

    affiliation: Affiliation = Unrequested()
    provider_id: str = ""


type Command = affiliation.Command | ApplyAsServiceAgency | CorrectApplication
type Event = affiliation.Event | ServiceAgencyAuthorised


def decide(command: Command, state: ServiceAgency) -> list[Event]:
    """Say what happens, or refuse and say that faq 5 refuses."""
    match command:
        case ApplyAsServiceAgency(request=request, provider_id=provider_id):
            applied = affiliation.decide(request, state.affiliation)
            return [*applied, _authorised(request.party_id, provider_id, request.on)]
        case CorrectApplication(correction=correction, provider_id=provider_id):
            corrected: list[Event] = [*affiliation.decide(correction, state.affiliation)]
            if provider_id == state.provider_id or isinstance(state.affiliation, Unrequested):
                return corrected
            return [*corrected, _authorised(state.affiliation.party_id, provider_id, correction.on)]
        case _:
            return [*affiliation.decide(command, state.affiliation)]


def evolve(state: ServiceAgency, event: Event) -> ServiceAgency:
    """Fold one fact into the state; facts have happened, so nothing is refused here."""
    match event:
        case ServiceAgencyAuthorised(provider_id=provider_id):
            return replace(state, provider_id=provider_id)
        case _:
            return replace(state, affiliation=affiliation.evolve(state.affiliation, event))


service_agency: Decider[Command, Event, ServiceAgency] = Decider(decide, evolve, initial=ServiceAgency())


def _authorised(agency_id: str, provider_id: str, on: date) -> ServiceAgencyAuthorised:
    return ServiceAgencyAuthorised(agency_id=agency_id, provider_id=provider_id, on=on)
