"""The way onto the list by application: six conditions, a public notice, objections (art. 6 paragraph 2)."""

from datetime import date

from services.registry.domain.listing import not_barred
from shared.events.registry.facilities import ServiceKind
from shared.events.registry.providers import (
    ProviderApplied,
    ProviderCondition,
    ProviderConditionChecked,
    ProviderListed,
    ProviderNoticeConcluded,
    ProviderNoticePublished,
    ProviderObjectionAnswered,
    ProviderObjectionRaised,
    ProviderRefused,
    WhyNotListed,
)
from shared.kernel.calendar import WorkingDays
from shared.kernel.decider import message
from shared.kernel.refusal import refuse
from shared.procedures.notices import (
    AnswerObjection,
    Notice,
    RaiseObjection,
    check_answer,
    check_objection,
    period_of_notice,
)

type Event = (
    ProviderApplied | ProviderConditionChecked | ProviderNoticePublished | ProviderObjectionRaised
    | ProviderObjectionAnswered | ProviderNoticeConcluded | ProviderRefused | ProviderListed
)  # fmt: skip
type Checked = tuple[tuple[ProviderCondition, bool], ...]
"""The conditions looked at so far and whether each is met, in the order of their first check."""


@message
class ApplyToOpen:
    provider_id: str
    principal: str
    barred: bool
    profile_digest: str
    on: date
    pack: str
    pack_digest: str


@message
class CheckCondition:
    """`conditions` are all those that the rules ask for; the last one checked publishes or refuses."""

    condition: ProviderCondition
    met: bool
    conditions: tuple[str, ...]
    checked_by: str
    notice_id: str
    notice_working_days: int
    working_days: WorkingDays
    on: date


@message
class ConcludeNotice:
    """`capabilities` and `third_party_testing` are those of the application, which its owner keeps."""

    capabilities: tuple[ServiceKind, ...]
    third_party_testing: bool
    barred: bool
    on: date


@message
class Applied:
    provider_id: str
    principal: str
    on: date
    checked: Checked = ()


@message
class OnNotice:
    provider_id: str
    principal: str
    notice: Notice
    checked: Checked


@message
class Rejected:
    provider_id: str
    principal: str
    cause: WhyNotListed
    unmet: tuple[ProviderCondition, ...]


def apply(command: ApplyToOpen) -> list[Event]:
    """Take an application, unless a measure of art. 17 stands against the applicant."""
    not_barred(barred=command.barred)
    return [
        ProviderApplied(
            provider_id=command.provider_id,
            principal=command.principal,
            profile_digest=command.profile_digest,
            on=command.on,
            pack=command.pack,
            pack_digest=command.pack_digest,
        )
    ]


def check(command: CheckCondition, state: Applied) -> list[Event]:
    """Record one check; once every condition is looked at, publish the listing or refuse it."""
    if command.condition not in command.conditions:
        raise refuse(
            "condition-not-asked-for",
            article="6",
            value=command.condition,
            limit=command.conditions,
            parameter="provider_conditions",
        )
    checked = ProviderConditionChecked(
        provider_id=state.provider_id,
        condition=command.condition,
        met=command.met,
        checked_by=command.checked_by,
        on=command.on,
    )
    found = with_check(state.checked, command.condition, met=command.met)
    if {condition for condition, _ in found} < set(command.conditions):
        return [checked]
    unmet = tuple(condition for condition, met in found if not met)
    if unmet:
        return [
            checked,
            ProviderRefused(provider_id=state.provider_id, cause="conditions_not_met", unmet=unmet, on=command.on),
        ]
    deadline = period_of_notice(command.on, command.notice_working_days, command.working_days)
    return [
        checked,
        ProviderNoticePublished(
            provider_id=state.provider_id,
            notice_id=command.notice_id,
            until=deadline.last_day,
            provisional=deadline.provisional,
            on=command.on,
        ),
    ]


def object_to(command: RaiseObjection, state: OnNotice) -> list[Event]:
    """Take an objection while the notice runs."""
    check_objection(state.notice, command.on, article="6")
    return [
        ProviderObjectionRaised(
            provider_id=state.provider_id,
            notice_id=state.notice.notice_id,
            objection_id=command.objection_id,
            text_digest=command.text_digest,
            on=command.on,
        )
    ]


def answer(command: AnswerObjection, state: OnNotice) -> list[Event]:
    """Answer an objection; an upheld one ends the application."""
    check_answer(state.notice, command.objection_id, article="6")
    answered = ProviderObjectionAnswered(
        provider_id=state.provider_id,
        notice_id=state.notice.notice_id,
        objection_id=command.objection_id,
        upheld=command.upheld,
        answered_by=command.answered_by,
        on=command.on,
    )
    return [answered, _refused(state, "objection_upheld", command.on)] if command.upheld else [answered]


def conclude(command: ConcludeNotice, state: OnNotice) -> list[Event]:
    """List the provider once its notice is over and nothing is open; until then nothing happens."""
    if not state.notice.ran_its_length(command.on) or state.notice.open_objections:
        return []
    concluded = ProviderNoticeConcluded(provider_id=state.provider_id, notice_id=state.notice.notice_id, on=command.on)
    if command.barred:
        return [concluded, _refused(state, "party_barred", command.on)]
    return [
        concluded,
        ProviderListed(
            provider_id=state.provider_id,
            kind="beijing_based",
            principal=state.principal,
            capabilities=command.capabilities,
            third_party_testing=command.third_party_testing,
            on=command.on,
        ),
    ]


def with_check(checked: Checked, condition: ProviderCondition, *, met: bool) -> Checked:
    """Replace what was found of a condition, or add it."""
    known = dict(checked)
    known[condition] = met
    return tuple(known.items())


def _refused(state: OnNotice, cause: WhyNotListed, on: date) -> ProviderRefused:
    return ProviderRefused(provider_id=state.provider_id, cause=cause, unmet=(), on=on)
