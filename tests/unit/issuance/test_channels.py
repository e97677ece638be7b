"""A channel claims for who has let it, on the days it was let, and learns nothing of anybody else (art. 15(1))."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.issuance.domain.arrivals import Granted, decide_in_order
from services.issuance.domain.claimant import Authorisation
from services.issuance.domain.claiming import reasons_against
from tests.unit.issuance.facts import MARCH_1
from tests.unit.issuance.test_arrivals import STOCK, _arrival, _rules
from tests.unit.issuance.test_claiming import CLAIM, COMPANY

A_DAY = timedelta(days=1)
GIVEN = Authorisation(channel_id="chn_1", principal="bank-1", valid_from=MARCH_1, valid_until=MARCH_1)
LETS_THE_BANK = replace(COMPANY, channels=(GIVEN,))
BY_BANK = CLAIM._replace(claimant=LETS_THE_BANK, principal="bank-1", by_channel=True)


def test_an_authorised_channel_claims_on_its_days_both_included() -> None:
    assert reasons_against(BY_BANK) == ()
    spans = {
        (MARCH_1 - A_DAY, MARCH_1): [],
        (MARCH_1, MARCH_1 + A_DAY): [],
        (MARCH_1 + A_DAY, MARCH_1 + A_DAY): ["channel-not-authorised"],
        (MARCH_1 - A_DAY, MARCH_1 - A_DAY): ["channel-not-authorised"],
    }
    for (first, last), expected in spans.items():
        company = replace(COMPANY, channels=(replace(GIVEN, valid_from=first, valid_until=last),))
        assert [reason.code for reason in reasons_against(BY_BANK._replace(claimant=company))] == expected


@pytest.mark.parametrize("claimant", [None, COMPANY, replace(LETS_THE_BANK, eligible=False)])
def test_a_channel_without_authority_is_told_that_and_nothing_of_the_claimant(claimant: object) -> None:
    stranger = BY_BANK._replace(claimant=claimant, principal="bank-2", amount=0, counted=10**12)  # type: ignore[arg-type]
    (reason,) = reasons_against(stranger)
    assert (reason.code, reason.article, reason.value) == ("channel-not-authorised", "15(1)", "claims")


def test_an_authorised_channel_is_told_every_reason_as_the_claimant_would_be() -> None:
    barred = BY_BANK._replace(claimant=replace(LETS_THE_BANK, eligible=False), amount=0)
    assert [reason.code for reason in reasons_against(barred)] == ["claimant-not-eligible", "face-value-out-of-range"]


def test_the_claimants_allowance_counts_and_the_channel_is_named() -> None:
    lets = replace(STOCK.claimants["clm_a"], channels=(GIVEN, replace(GIVEN, channel_id="chn_2", principal="bank-2")))
    stock = replace(STOCK, claimants={**STOCK.claimants, "clm_a": lets}, counted={("clm_a", 2026): 15_000_000})
    first = _arrival(1)._replace(principal="bank-2", by_channel=True)
    second = _arrival(2, amount=1)._replace(principal="user", by_channel=False)
    granted, refused = decide_in_order([first, second], stock, _rules)
    assert isinstance(granted, Granted)
    assert (granted.channel_id, granted.fact.claimant_id) == ("chn_2", "clm_a")
    assert [reason.code for reason in refused] == ["allowance-exceeded"]  # type: ignore[union-attr]


def test_a_users_own_claim_names_no_channel() -> None:
    (granted,) = decide_in_order([_arrival(1)._replace(principal="bank-1")], STOCK, _rules)
    assert isinstance(granted, Granted)
    assert granted.channel_id is None
