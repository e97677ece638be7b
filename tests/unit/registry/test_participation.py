"""What a party may do today, and what stands against it (art. 6, 7, 11, 17)."""

from dataclasses import replace

import pytest

from services.registry.domain.participation import PartyToday, permissions
from shared.events.registry.standing import Measure, PartyKind

COMPANY = PartyToday(kind="claimant", measures=frozenset())
INSTITUTION = PartyToday(kind="provider", measures=frozenset())


def against(party: PartyToday) -> dict[str, list[str]]:
    return {each.act: [reason.code for reason in each.reasons] for each in permissions(party)}


def test_a_company_in_good_standing_claims_contracts_and_redeems() -> None:
    assert against(COMPANY) == {"claim": [], "contract": [], "redeem": []}


def test_a_listed_institution_contracts_redeems_and_is_appraised() -> None:
    assert against(INSTITUTION) == {"contract": [], "redeem": [], "be_appraised": []}


OTHERS: dict[PartyKind, str] = {
    "expert": "judge", "referral_agency": "refer", "service_agency": "represent", "laboratory": "be_catalogued",
}  # fmt: skip


@pytest.mark.parametrize(("kind", "act"), OTHERS.items())
def test_everybody_else_does_one_thing_until_a_measure_takes_it(kind: PartyKind, act: str) -> None:
    party = replace(COMPANY, kind=kind)
    assert against(party) == {act: []}
    assert against(replace(party, measures=frozenset({"disqualify"}))) == {act: ["party-barred"]}


@pytest.mark.parametrize("kind", ["referral_agency", "service_agency", "laboratory"])
def test_an_institution_does_nothing_before_it_joins_or_while_its_body_is_barred(kind: PartyKind) -> None:
    party = replace(COMPANY, kind=kind, listed=False, body_barred=True)
    assert against(party) == {OTHERS[kind]: ["not-joined", "party-barred"]}


def test_who_fails_a_rule_of_eligibility_begins_nothing_but_redeems_what_it_has() -> None:
    assert against(replace(COMPANY, eligible=False)) == {
        "claim": ["claimant-not-eligible"], "contract": ["claimant-not-eligible"], "redeem": [],
    }  # fmt: skip
    assert against(replace(COMPANY, eligible=False, ineligible_contracts=True))["contract"] == []


@pytest.mark.parametrize("measure", ["disqualify", "delist"])
def test_a_ban_stands_against_everything(measure: Measure) -> None:
    barred = frozenset({measure})
    assert against(replace(COMPANY, measures=barred)) == {
        "claim": ["party-barred"], "contract": ["party-barred"], "redeem": ["disbursement-suspended"],
    }  # fmt: skip
    assert against(replace(INSTITUTION, measures=barred)) == {
        "contract": ["party-barred"], "redeem": ["disbursement-suspended"], "be_appraised": ["party-barred"],
    }  # fmt: skip


def test_a_suspension_stands_against_payment_alone() -> None:
    suspended: frozenset[Measure] = frozenset({"suspend_disbursement"})
    assert against(replace(COMPANY, measures=suspended)) == {
        "claim": [], "contract": [], "redeem": ["disbursement-suspended"],
    }  # fmt: skip
    assert against(replace(INSTITUTION, measures=suspended)) == {
        "contract": [], "redeem": ["disbursement-suspended"], "be_appraised": [],
    }  # fmt: skip


def test_who_has_left_the_list_redeems_what_it_did_and_begins_nothing() -> None:
    assert against(replace(INSTITUTION, listed=False)) == {
        "contract": ["provider-not-listed"], "redeem": [], "be_appraised": ["provider-not-listed"],
    }  # fmt: skip


def test_a_third_party_testing_firm_is_not_appraised_for_grants() -> None:
    firm = replace(INSTITUTION, excluded_from_grants=True)
    assert against(firm)["be_appraised"] == ["third-party-testing-excluded"]
    assert against(firm)["contract"] == []


def test_every_reason_is_said_at_once() -> None:
    worst = replace(INSTITUTION, measures=frozenset({"delist"}), listed=False, excluded_from_grants=True)
    assert against(worst)["be_appraised"] == ["provider-not-listed", "party-barred", "third-party-testing-excluded"]


def test_a_provider_whose_notice_is_over_contracts_nothing_new() -> None:
    assert against(replace(INSTITUTION, has_left=True)) == {
        "contract": ["provider-has-left"], "redeem": [], "be_appraised": [],
    }  # fmt: skip
