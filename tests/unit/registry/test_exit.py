"""How a provider leaves by its own wish: reason, notice, running contracts first (art. 6 last paragraph)."""

from dataclasses import replace
from datetime import date

from services.registry.domain.leaving import ConcludeExit, RequestExit
from services.registry.domain.listing import Delist
from services.registry.domain.provider import provider
from shared.events.registry.providers import ProviderDelisted, ProviderExitRequested
from tests.specification import Specification
from tests.unit.registry.facts import LISTED, MEASURES, PRV, TERMS

spec = Specification(provider)
NOTICE = RequestExit(
    reason_digest="22",
    notice_months=TERMS.standing.provider_exit_notice_months,
    roll=TERMS.standing.roll_to_working_day,
    working_days=MEASURES.working_days,
    on=date(2026, 12, 1),
    pack="beijing-2023",
    pack_digest="d",
)
REQUESTED = ProviderExitRequested(
    provider_id=PRV,
    reason_digest="22",
    until=date(2027, 1, 1),
    provisional=True,
    on=date(2026, 12, 1),
    pack="beijing-2023",
    pack_digest="d",
)
AFTER = ConcludeExit(running_contracts=0, on=date(2027, 1, 2))
LEFT = ProviderDelisted(provider_id=PRV, reason="exit by art. 6", on=AFTER.on)


def test_a_notice_lasts_a_month_and_ends_on_a_working_day() -> None:
    spec.given(LISTED).when(NOTICE).then(REQUESTED)
    for on, until in ((date(2026, 3, 16), date(2026, 4, 16)), (date(2026, 4, 2), date(2026, 5, 6))):
        spec.given(LISTED).when(replace(NOTICE, on=on)).then(replace(REQUESTED, on=on, until=until, provisional=False))


def test_nobody_leaves_on_the_last_day_of_the_notice_but_on_the_day_after() -> None:
    spec.given(LISTED, REQUESTED).when(replace(AFTER, on=REQUESTED.until)).then_nothing()
    spec.given(LISTED, REQUESTED).when(AFTER).then(LEFT)
    spec.given(LISTED, REQUESTED, LEFT).when(AFTER).then_nothing()


def test_running_contracts_come_first() -> None:
    spec.given(LISTED, REQUESTED).when(replace(AFTER, running_contracts=1)).then_nothing()


def test_who_gave_no_notice_stays() -> None:
    spec.given(LISTED).when(AFTER).then_nothing()


def test_notice_is_given_once_and_by_who_is_on_the_list() -> None:
    spec.given(LISTED, REQUESTED).when(NOTICE).then_refused("exit-already-requested")
    spec.given(LISTED, REQUESTED, LEFT).when(NOTICE).then_refused("provider-not-in-this-stage")
    spec.given().when(NOTICE).then_refused("provider-not-in-this-stage")


def test_a_municipal_provider_does_not_choose_to_leave() -> None:
    spec.given(replace(LISTED, kind="municipal")).when(NOTICE).then_refused("municipal-provider-stays")


def test_who_is_leaving_can_still_be_struck_off() -> None:
    struck = ProviderDelisted(provider_id=PRV, reason="art. 17", on=date(2026, 12, 2))
    spec.given(LISTED, REQUESTED).when(Delist(reason="art. 17", on=date(2026, 12, 2))).then(struck)
