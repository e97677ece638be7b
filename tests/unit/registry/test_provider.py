"""How an institution comes on the list of providers, and off it (art. 6, 17)."""

from dataclasses import replace
from datetime import date

import pytest

from services.registry.domain.admission import ApplyToOpen, CheckCondition, ConcludeNotice
from services.registry.domain.listing import ChangeCapabilities, Delist, Listed, ListMunicipal, entry_on
from services.registry.domain.provider import provider
from shared.events.registry.providers import (
    ProviderCapabilitiesChanged,
    ProviderDelisted,
    ProviderNoticeConcluded,
    ProviderObjectionAnswered,
    ProviderObjectionRaised,
    ProviderRefused,
)
from shared.procedures.notices import AnswerObjection, RaiseObjection
from tests.specification import Specification
from tests.unit.registry.facts import (
    ALL_MET,
    APPLIED,
    CONDITIONS,
    LISTED,
    MONDAY,
    ON_NOTICE,
    PRV,
    PUBLISHED,
    TERMS,
    UNTIL,
    check,
    checked,
)

spec = Specification(provider)
ORDER = ListMunicipal(
    provider_id=PRV,
    principal="user-prv",
    capabilities=LISTED.capabilities,
    third_party_testing=False,
    barred=False,
    on=LISTED.on,
)
APPLY = ApplyToOpen(
    provider_id=PRV,
    principal="user-prv",
    barred=False,
    profile_digest="00",
    on=MONDAY,
    pack="beijing-2023",
    pack_digest="d",
)
CONCLUDE = ConcludeNotice(
    capabilities=LISTED.capabilities, third_party_testing=False, barred=False, on=date(2026, 12, 1)
)
CONCLUDED = ProviderNoticeConcluded(provider_id=PRV, notice_id="ntc_1", on=CONCLUDE.on)
RAISED = ProviderObjectionRaised(provider_id=PRV, notice_id="ntc_1", objection_id="obj_1", text_digest="11", on=UNTIL)
OBJECT = RaiseObjection(objection_id="obj_1", text_digest="11", on=UNTIL)
ANSWER = AnswerObjection(objection_id="obj_1", upheld=False, answered_by="officer-1", on=UNTIL)
REJECTED = ProviderObjectionAnswered(
    provider_id=PRV, notice_id="ntc_1", objection_id="obj_1", upheld=False, answered_by="officer-1", on=UNTIL
)
UPHELD = replace(REJECTED, upheld=True)


def refused(cause: str, on: date, *unmet: str) -> ProviderRefused:
    return ProviderRefused(provider_id=PRV, cause=cause, unmet=unmet, on=on)  # type: ignore[arg-type]


def test_a_municipal_institution_joins_by_order_at_once() -> None:
    spec.given().when(ORDER).then(replace(LISTED, kind="municipal"))


def test_a_beijing_based_institution_applies() -> None:
    spec.given().when(APPLY).then(APPLIED)


def test_a_barred_party_comes_on_the_list_by_no_way() -> None:
    spec.given().when(replace(ORDER, barred=True)).then_refused("party-barred")
    spec.given().when(replace(APPLY, barred=True)).then_refused("party-barred")
    spec.given(*ON_NOTICE).when(replace(CONCLUDE, barred=True)).then(CONCLUDED, refused("party_barred", CONCLUDE.on))


def test_the_pack_asks_for_the_six_conditions_of_article_6() -> None:
    assert TERMS.standing.provider_conditions == CONDITIONS


@pytest.mark.parametrize("count", range(5))
def test_conditions_are_checked_one_by_one(count: int) -> None:
    spec.given(APPLIED, *ALL_MET[:count]).when(check(CONDITIONS[count])).then(ALL_MET[count])


def test_the_sixth_condition_met_opens_a_notice_of_five_working_days() -> None:
    spec.given(APPLIED, *ALL_MET[:5]).when(check(CONDITIONS[5])).then(ALL_MET[5], PUBLISHED)


def test_conditions_are_checked_in_any_order() -> None:
    spec.given(APPLIED, *ALL_MET[1:]).when(check(CONDITIONS[0])).then(ALL_MET[0], PUBLISHED)


def test_one_condition_not_met_refuses_once_all_are_looked_at() -> None:
    unmet = checked(CONDITIONS[2], met=False)
    given = (*ALL_MET[:2], unmet, *ALL_MET[3:5])
    spec.given(APPLIED, *given).when(check(CONDITIONS[5])).then(
        ALL_MET[5], refused("conditions_not_met", MONDAY, CONDITIONS[2])
    )


def test_a_condition_may_be_checked_again_before_the_last_one() -> None:
    spec.given(APPLIED, checked(CONDITIONS[0], met=False), *ALL_MET[:5]).when(check(CONDITIONS[5])).then(
        ALL_MET[5], PUBLISHED
    )


def test_a_condition_that_the_rules_no_longer_ask_for_is_not_checked() -> None:
    fewer: CheckCondition = replace(check(CONDITIONS[5]), conditions=CONDITIONS[:5])
    spec.given(APPLIED).when(fewer).then_refused("condition-not-asked-for")


def test_a_notice_over_new_year_waits_for_working_days() -> None:
    late = replace(check(CONDITIONS[5]), on=date(2026, 9, 30))  # the national holiday begins the next day
    (_, published) = provider.decide(late, provider.fold((APPLIED, *ALL_MET[:5])))
    assert published == replace(PUBLISHED, on=date(2026, 9, 30), until=date(2026, 10, 13))


def test_nobody_is_listed_before_the_notice_has_run_its_full_length() -> None:
    spec.given(*ON_NOTICE).when(replace(CONCLUDE, on=UNTIL)).then_nothing()
    spec.given(*ON_NOTICE).when(CONCLUDE).then(CONCLUDED, LISTED)
    spec.given(*ON_NOTICE, CONCLUDED, LISTED).when(CONCLUDE).then_nothing()


def test_anyone_may_object_on_the_last_day_and_nobody_after_it() -> None:
    spec.given(*ON_NOTICE).when(OBJECT).then(RAISED)
    spec.given(*ON_NOTICE).when(replace(OBJECT, on=date(2026, 12, 1))).then_refused("notice-is-over")


def test_an_open_objection_holds_the_listing_up() -> None:
    spec.given(*ON_NOTICE, RAISED).when(CONCLUDE).then_nothing()
    spec.given(*ON_NOTICE, RAISED, REJECTED).when(CONCLUDE).then(CONCLUDED, LISTED)


def test_an_objection_is_answered_once() -> None:
    spec.given(*ON_NOTICE, RAISED).when(ANSWER).then(REJECTED)
    spec.given(*ON_NOTICE, RAISED, REJECTED).when(ANSWER).then_refused("objection-not-open")


def test_an_upheld_objection_ends_the_application() -> None:
    ended = refused("objection_upheld", UNTIL)
    spec.given(*ON_NOTICE, RAISED).when(replace(ANSWER, upheld=True)).then(UPHELD, ended)
    spec.given(*ON_NOTICE, RAISED, UPHELD, ended).when(CONCLUDE).then_nothing()


def test_a_delisted_provider_leaves_the_list_once() -> None:
    delisted = ProviderDelisted(provider_id=PRV, reason="art. 17", on=LISTED.on)
    spec.given(LISTED).when(Delist(reason="art. 17", on=LISTED.on)).then(delisted)
    spec.given(LISTED, delisted).when(Delist(reason="art. 17", on=LISTED.on)).then_refused("provider-not-in-this-stage")


@pytest.mark.parametrize("command", [ORDER, APPLY, check(CONDITIONS[0]), OBJECT, ANSWER])
def test_nothing_of_the_way_is_repeated_on_the_list(command: object) -> None:
    spec.given(LISTED).when(command).then_refused("provider-not-in-this-stage")  # type: ignore[arg-type]


def test_what_a_provider_can_do_is_entered_anew_and_every_day_keeps_what_was_said_on_it() -> None:
    change = ChangeCapabilities(
        capabilities=("testing", "industrial_design"), third_party_testing=True, changed_by="officer-1",
        on=date(2026, 12, 10),
    )  # fmt: skip
    changed = ProviderCapabilitiesChanged(
        provider_id=PRV, capabilities=change.capabilities, third_party_testing=True, changed_by="officer-1",
        on=change.on,
    )  # fmt: skip
    spec.given(LISTED).when(change).then(changed)
    spec.given(LISTED, changed).when(change).then_nothing()
    again = replace(changed, capabilities=("compute",))
    state = provider.fold([LISTED, changed, again])
    assert isinstance(state, Listed)
    before, after = entry_on(state, date(2026, 12, 9)), entry_on(state, change.on)
    assert (before.capabilities, before.third_party_testing) == (LISTED.capabilities, False)
    assert (after.capabilities, after.third_party_testing) == (("compute",), True)
    assert state.capabilities == ("compute",)
    spec.given(*ON_NOTICE).when(change).then_refused("provider-not-in-this-stage")
