"""A laboratory that accepts vouchers: reported, reviewed, and in the catalogue while it is recognised (faq 5, 7)."""

from dataclasses import replace
from datetime import date, timedelta

from services.registry.domain import affiliation
from services.registry.domain.affiliation import (
    Affiliation,
    CorrectAffiliation,
    EndAffiliation,
    Ended,
    RequestAffiliation,
    Requested,
    ReviewAffiliation,
    Unrequested,
    check_granted,
    wrong_stage,
)
from services.registry.domain.eligibility import Finding
from shared.events.registry.affiliations import AffiliationRefused
from shared.events.registry.laboratories import (
    Accreditation,
    FieldCentreJoined,
    FieldCentreLeft,
    LaboratoryAccredited,
    LaboratoryEntered,
    LaboratoryLeft,
    LaboratoryReported,
    LaboratoryRoute,
    LaboratoryTakenIn,
    WhyLeft,
)
from shared.kernel.decider import Decider, message
from shared.kernel.refusal import Reason, refuse, refuse_unless
from shared.measures.terms import StandingTerms

_A_DAY = timedelta(days=1)


def recognised_until(accreditations: tuple[Accreditation, ...], day: date) -> date | None:
    """Say the last day of an unbroken recognition that holds on a day; None for one without an end.

    A day on which nothing holds gives the day before: it was recognised at most until then.
    """
    last = day - _A_DAY
    while True:
        holding = [a.valid_until for a in accreditations if _holds(a, last + _A_DAY)]
        if not holding:
            return last
        if None in holding:
            return None
        last = max(until for until in holding if until is not None)


def laboratory_findings(
    accreditations: tuple[Accreditation, ...], *, on_platform: bool, route: LaboratoryRoute, terms: StandingTerms,
    today: date,
) -> tuple[Finding, ...]:  # fmt: skip
    """Judge a laboratory by faq 5 and faq 7.

    `on_platform`: its organisation has joined the platform. One that has goes through its own service agency; one that
    has not goes through the field centre of its field.
    """
    reversed_kinds = tuple(a.kind for a in accreditations if a.valid_until is not None and a.valid_until < a.valid_from)
    held = {a.kind for a in accreditations if _holds(a, today)}
    accepted = tuple(kind for kind in terms.laboratory_accreditations if kind in held)
    wrong_way = on_platform is (route == "field_centre")
    return (
        Finding(
            rule="accreditation-dates",
            code="accreditation-dates-reversed",
            outcome="fail" if reversed_kinds else "pass",
            value=reversed_kinds,
            limit=None,
            article="faq 7",
        ),
        Finding(
            rule="accredited",
            code="laboratory-not-accredited",
            outcome="needs_review" if accepted else "fail",
            value=accepted or tuple(sorted(held)),
            limit=terms.laboratory_accreditations,
            article="faq 7",
            parameter="laboratory_accreditations",
        ),
        Finding(
            rule="route",
            code="organisation-is-on-platform" if on_platform else "organisation-not-on-platform",
            outcome="fail" if wrong_way else "pass",
            value=on_platform,
            limit=None,
            article="faq 5",
        ),
    )


@message
class ReportLaboratory:
    """`through` is the service agency or the field centre by which it comes."""

    request: RequestAffiliation
    route: LaboratoryRoute
    through: str
    accreditations: tuple[Accreditation, ...]


@message
class CorrectReport:
    correction: CorrectAffiliation
    accreditations: tuple[Accreditation, ...]


@message
class TakeIn:
    """A field centre answers a laboratory that wants to become its member."""

    accepted: bool
    remark_digest: str
    answered_by: str
    on: date


@message
class RecordAccreditations:
    """The office enters what a laboratory is recognised as from today; `accepted_kinds` are those of faq 7."""

    accreditations: tuple[Accreditation, ...]
    accepted_kinds: tuple[str, ...]
    barred: bool
    recorded_by: str
    on: date


@message
class LapseRecognition:
    on: date


@message
class Entry:
    """That a laboratory is in the catalogue: since when, and up to which day (inclusive) if there is an end."""

    on: date
    valid_until: date | None


@message
class Laboratory:
    """`entry` is None while it is not in the catalogue; `taken_in` is for those that come by a field centre."""

    affiliation: Affiliation = Unrequested()
    route: LaboratoryRoute = "service_agency"
    through: str = ""
    accreditations: tuple[Accreditation, ...] = ()
    taken_in: bool = False
    entry: Entry | None = None

    def is_in_catalogue(self, day: date) -> bool:
        """Tell whether vouchers may be used with it on a day not before its entry, as far as is known now."""
        entry = self.entry
        return entry is not None and entry.on <= day and (entry.valid_until is None or day <= entry.valid_until)


type OwnCommand = ReportLaboratory | CorrectReport | TakeIn | RecordAccreditations | LapseRecognition
type OwnEvent = (
    LaboratoryReported | LaboratoryTakenIn | LaboratoryEntered | LaboratoryAccredited | LaboratoryLeft
    | FieldCentreJoined | FieldCentreLeft
)  # fmt: skip
type Command = affiliation.Command | OwnCommand
type Event = affiliation.Event | OwnEvent


def decide(command: Command, state: Laboratory) -> list[Event]:
    """Say what happens, or refuse and say that faq 5 or faq 7 refuses."""
    match command:
        case ReportLaboratory(request=request):
            requested = affiliation.decide(request, state.affiliation)
            return [*requested, _reported(command, request)]
        case CorrectReport(correction=correction, accreditations=accreditations):
            corrected: list[Event] = [*affiliation.decide(correction, state.affiliation)]
            if accreditations == state.accreditations or isinstance(state.affiliation, Unrequested):
                return corrected
            return [*corrected, _reported_anew(state, state.affiliation.party_id, accreditations, correction.on)]
        case TakeIn():
            return _answered(command, state)
        case ReviewAffiliation():
            return _reviewed(command, state)
        case EndAffiliation():
            return _ended(command, state)
        case RecordAccreditations():
            return _recorded(command, state)
        case LapseRecognition(on=on):
            return _lapsed(state, on)
        case _:
            return [*affiliation.decide(command, state.affiliation)]


def evolve(state: Laboratory, event: Event) -> Laboratory:
    """Fold one fact into the state; facts have happened, so nothing is refused here."""
    match event:
        case LaboratoryReported(route=route, through=through, accreditations=accreditations):
            return replace(state, route=route, through=through, accreditations=accreditations)
        case LaboratoryTakenIn():
            return replace(state, taken_in=True)
        case LaboratoryEntered(accreditations=accreditations, valid_until=valid_until, on=on):
            return replace(state, accreditations=accreditations, entry=Entry(on=on, valid_until=valid_until))
        case LaboratoryAccredited(accreditations=accreditations, valid_until=valid_until, entered_on=entered_on):
            return replace(state, accreditations=accreditations, entry=Entry(on=entered_on, valid_until=valid_until))
        case LaboratoryLeft():
            return replace(state, entry=None)
        case FieldCentreJoined() | FieldCentreLeft():
            return state
        case _:
            return replace(state, affiliation=affiliation.evolve(state.affiliation, event))


laboratory: Decider[Command, Event, Laboratory] = Decider(decide, evolve, initial=Laboratory())


def _holds(accreditation: Accreditation, day: date) -> bool:
    until = accreditation.valid_until
    return accreditation.valid_from <= day and (until is None or day <= until)


def _reported(command: ReportLaboratory, request: RequestAffiliation) -> LaboratoryReported:
    return LaboratoryReported(
        laboratory_id=request.party_id,
        route=command.route,
        through=command.through,
        accreditations=command.accreditations,
        on=request.on,
    )


def _reported_anew(
    state: Laboratory, laboratory_id: str, accreditations: tuple[Accreditation, ...], on: date
) -> LaboratoryReported:
    return LaboratoryReported(
        laboratory_id=laboratory_id, route=state.route, through=state.through, accreditations=accreditations, on=on
    )


def _answered(command: TakeIn, state: Laboratory) -> list[Event]:
    """Take a laboratory into a field centre, or turn it down; the office reviews only whom its centre wants."""
    asking = state.affiliation
    if not isinstance(asking, Requested) or state.route != "field_centre" or state.taken_in:
        raise wrong_stage(asking)
    if command.accepted:
        return [
            LaboratoryTakenIn(
                laboratory_id=asking.party_id,
                field_centre_id=state.through,
                taken_in_by=command.answered_by,
                on=command.on,
            )
        ]
    return [
        AffiliationRefused(
            party_id=asking.party_id,
            kind="laboratory",
            unmet=("in_organisation_or_field",),
            remark_digest=command.remark_digest,
            refused_by=command.answered_by,
            on=command.on,
        )
    ]


def _reviewed(command: ReviewAffiliation, state: Laboratory) -> list[Event]:
    """Let a laboratory into the catalogue from today, and into its field centre if it came by one."""
    if state.route == "field_centre" and not state.taken_in and isinstance(state.affiliation, Requested):
        raise refuse("field-centre-has-not-answered", article="faq 5", value=state.through, kind="state")
    decided: list[Event] = [*affiliation.decide(command, state.affiliation)]
    if any(isinstance(fact, AffiliationRefused) for fact in decided) or isinstance(state.affiliation, Unrequested):
        return decided
    laboratory_id = state.affiliation.party_id
    joined = (
        [FieldCentreJoined(laboratory_id=laboratory_id, field_centre_id=state.through, on=command.on)]
        if state.route == "field_centre"
        else []
    )
    return [*decided, *joined, _entered(state, laboratory_id, state.accreditations, command.on)]


def _entered(
    state: Laboratory, laboratory_id: str, accreditations: tuple[Accreditation, ...], on: date
) -> LaboratoryEntered:
    return LaboratoryEntered(
        laboratory_id=laboratory_id,
        route=state.route,
        through=state.through,
        accreditations=accreditations,
        valid_until=recognised_until(accreditations, on),
        on=on,
    )


def _ended(command: EndAffiliation, state: Laboratory) -> list[Event]:
    """Take a laboratory out of the catalogue and of its centre when its affiliation ends."""
    ended = affiliation.decide(command, state.affiliation)
    before = state.affiliation
    assert not isinstance(before, (Unrequested, Ended)), before
    facts: list[Event] = [*ended]
    lapsed = _lapsed(state, command.on)
    if lapsed:
        facts += lapsed
    elif state.entry is not None:
        facts.append(_left(before.party_id, state.entry, command.cause, command.on))
    if state.route == "field_centre" and isinstance(before, affiliation.Granted):
        facts.append(FieldCentreLeft(laboratory_id=before.party_id, field_centre_id=state.through, on=command.on))
    return facts


def _recorded(command: RecordAccreditations, state: Laboratory) -> list[Event]:
    """Enter new accreditations: stay in the catalogue, come back into it, or leave it."""
    laboratory_id, on = check_granted(state.affiliation).party_id, command.on
    known = tuple(a for a in command.accreditations if a.kind in command.accepted_kinds)
    reversed_kinds = tuple(a.kind for a in known if a.valid_until is not None and a.valid_until < a.valid_from)
    refuse_unless(
        Reason(code="accreditation-dates-reversed", article="faq 7", value=reversed_kinds) if reversed_kinds else None,
        Reason(code="party-barred", article="17", kind="state") if command.barred else None,
    )
    left = _lapsed(state, on)
    entry = None if left else state.entry
    until = recognised_until(known, on)
    recognised = until is None or until >= on
    if entry is None:
        if not recognised:
            raise refuse(
                "laboratory-not-accredited",
                article="faq 7",
                value=tuple(a.kind for a in known),
                limit=command.accepted_kinds,
                parameter="laboratory_accreditations",
            )
        return [*left, _entered(state, laboratory_id, known, on)]
    if not recognised:
        return [_left(laboratory_id, entry, "accreditation_lapsed", on)]
    return [
        LaboratoryAccredited(
            laboratory_id=laboratory_id,
            entered_on=entry.on,
            accreditations=known,
            valid_until=until,
            recorded_by=command.recorded_by,
            on=on,
        )
    ]


def _lapsed(state: Laboratory, on: date) -> list[Event]:
    """Take a laboratory out of the catalogue on the day after its recognition ended; early or twice: nothing."""
    entry = state.entry
    if entry is None or entry.valid_until is None or on <= entry.valid_until:
        return []
    laboratory_id = check_granted(state.affiliation).party_id
    return [_left(laboratory_id, entry, "accreditation_lapsed", entry.valid_until + _A_DAY)]


def _left(laboratory_id: str, entry: Entry, cause: WhyLeft, on: date) -> LaboratoryLeft:
    return LaboratoryLeft(laboratory_id=laboratory_id, entered_on=entry.on, cause=cause, on=on)
