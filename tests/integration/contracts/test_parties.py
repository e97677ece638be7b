"""What contracts has been told of its parties, and what it then lets them do (art. 7, 16; faq 2)."""

from dataclasses import replace
from typing import Literal

import pytest

from services.contracts.domain.contract import Submitted
from shared.events.contracts import NewProductPurchase
from shared.events.registry.claimants import (
    ClaimantEligibilityChanged,
    ClaimantRelatedPartiesDeclared,
    ClaimantRelatedPartiesRecognised,
)
from shared.events.registry.products import NewProductChanged, NewProductListed, NewProductWithdrawn
from shared.http.policy import Role
from shared.kernel.money import yuan
from shared.kernel.refusal import Refused
from tests.integration.contracts.office import APRIL_30, MARCH_2, MARCH_5, MARCH_10, ONE_DAY, Office, Pair
from tests.integration.contracts.test_api import Doors, doors, proposal, submission
from tests.integration.contracts.test_registering import codes

__all__ = ["doors"]


@pytest.fixture(autouse=True)
def _on_the_second_of_march(office: Office) -> None:
    office.clock.set_to(MARCH_2)


def found(pair: Pair, outcome: Literal["pass", "fail", "needs_review"]) -> ClaimantEligibilityChanged:
    return ClaimantEligibilityChanged(
        claimant_id=pair.claimant_id, outcome=outcome, rules=(), occasion="day", until=None, on=MARCH_2, pack="",
        pack_digest="",
    )  # fmt: skip


def declared(pair: Pair, *parties: str) -> ClaimantRelatedPartiesDeclared:
    return ClaimantRelatedPartiesDeclared(
        claimant_id=pair.claimant_id, parties=parties, others=1, declaration_digest="d", declared_by="owner", on=MARCH_2
    )


def listed(office: Office, **changes: object) -> NewProductListed:
    fact = NewProductListed(
        product_id=office.id("npr"), certificate_number="XCP1", valid_from=MARCH_2, valid_until=MARCH_10,
        description_digest="d", on=MARCH_2,
    )  # fmt: skip
    return replace(fact, **changes)  # type: ignore[arg-type]


async def test_who_comes_to_fail_article_7_does_not_take_the_next_step_until_it_is_met_again(office: Office) -> None:
    pair = await office.meet()
    await office.hear(found(pair, "needs_review"))
    project_id = await office.propose(pair)
    await office.hear(found(pair, "fail"))
    for step in (office.propose(pair), office.confirm(pair, project_id)):
        with pytest.raises(Refused) as refusal:
            await step
        assert codes(refusal) == ["claimant-not-eligible"]
    await office.hear(found(pair, "pass"))
    await office.confirm(pair, project_id)
    await office.hear(found(pair, "fail"))
    with pytest.raises(Refused) as unsigned:
        await office.submit(pair, project_id, office.voucher())
    assert codes(unsigned) == ["claimant-not-eligible"]


async def test_a_relation_that_the_register_knows_is_declared_with_the_project(office: Office) -> None:
    pair, other = await office.meet(), await office.meet()
    await office.hear(declared(pair, "prv_somebody", pair.provider_id))
    with pytest.raises(Refused) as undeclared:
        await office.propose(pair)
    assert codes(undeclared) == ["relation-not-declared"]
    await office.propose(pair, relation_declared=True)
    await office.propose(other)  # another claimant's relation is not its own
    await office.hear(declared(pair))
    await office.propose(pair)


async def test_a_relation_that_becomes_known_between_two_steps_stops_the_second(office: Office) -> None:
    pair = await office.meet()
    open_one = await office.propose(pair)
    confirmed = await office.agree(pair)
    office.clock.set_to(MARCH_5)
    fact = ClaimantRelatedPartiesRecognised(
        claimant_id=pair.claimant_id, parties=(pair.provider_id,), others=0, on=MARCH_5
    )
    await office.hear(fact)
    for step in (office.confirm(pair, open_one), office.submit(pair, confirmed, office.voucher())):
        with pytest.raises(Refused) as refusal:
            await step
        assert codes(refusal) == ["relation-not-declared"]


async def test_a_declared_relation_is_shown_and_the_office_finds_its_contracts(doors: Doors) -> None:
    office, pair, other = doors.office, await doors.office.meet(), await doors.office.meet()
    await office.hear(declared(pair, pair.provider_id))
    said = {"no_statutory_testing": True, "no_municipal_funding": True}
    refused = await doors.claimant(pair).post("/projects", proposal(pair, declarations=said))
    assert (refused.status_code, refused.json()["code"]) == (422, "relation-not-declared"), refused.text
    assert refused.json()["rule"]["article"] == "16"
    assert refused.json()["errors"][0]["pointer"] == "#/declarations/is_related"
    told = await doors.claimant(pair).post("/projects", proposal(pair, declarations=said | {"is_related": True}))
    assert (told.status_code, told.json()["is_related"]) == (201, True), told.text
    office.clock.set_to(MARCH_5)
    project_id = told.json()["project_id"]
    await office.confirm(pair, project_id)
    related = await office.submit(pair, project_id, office.voucher())
    ordinary = await office.submit(other, await office.agree(other), office.voucher())
    await office.project_lists()
    officer = doors.role(Role.OFFICER)
    assert (await officer.get(f"/contracts/{related}")).json()["is_related"] is True
    listings = {
        flag: {item["contract_id"] for item in (await officer.get("/contracts", is_related=flag)).json()["items"]}
        for flag in (True, False)
    }
    assert related in listings[True] - listings[False]
    assert ordinary in listings[False] - listings[True]


async def test_a_product_is_bought_while_it_is_listed_and_valid(office: Office) -> None:
    pair = await office.meet()
    project_id = await office.agree(pair)
    office.clock.set_to(MARCH_10)
    last_day, tomorrow = listed(office), listed(office, valid_from=MARCH_10 + ONE_DAY, valid_until=APRIL_30)
    over = listed(office, valid_until=MARCH_10 - ONE_DAY)
    withdrawn, leaving = listed(office), listed(office)
    for fact in (last_day, tomorrow, over, withdrawn, leaving):
        await office.hear(fact)
    for fact, day in ((withdrawn, MARCH_10), (leaving, MARCH_10 + ONE_DAY)):
        await office.hear(NewProductWithdrawn(product_id=fact.product_id, reason_digest="r", on=day))
    bad = sorted([tomorrow.product_id, over.product_id, withdrawn.product_id, "npr_nobody"])
    bought = [NewProductPurchase(product_id=each, amount=100) for each in (*bad, last_day.product_id)]
    with pytest.raises(Refused) as refusal:
        await office.submit(pair, project_id, office.voucher(), new_products=tuple(bought))
    assert [(reason.code, reason.value) for reason in refusal.value.reasons] == [("new-product-not-valid", tuple(bad))]
    await office.hear(
        NewProductChanged(
            product_id=over.product_id, valid_from=MARCH_2, valid_until=MARCH_10, description_digest="d", on=MARCH_10
        )
    )
    good = tuple(
        NewProductPurchase(product_id=each.product_id, amount=yuan(12_000)) for each in (last_day, leaving, over)
    )
    contract_id = await office.submit(pair, project_id, office.voucher(), new_products=good)
    state = await office.state(contract_id)
    assert isinstance(state, Submitted)
    assert state.contract.new_products == good


async def test_new_products_are_part_of_a_contract_as_it_is_entered_and_read(doors: Doors) -> None:
    office, pair = doors.office, await doors.office.meet()
    product = listed(office)
    await office.hear(product)
    project_id = await office.agree(pair)
    office.clock.set_to(MARCH_10)
    bought = [{"product_id": product.product_id, "amount": {"amount": yuan(36_000), "currency": "CNY"}}]
    dear = [{"product_id": product.product_id, "amount": {"amount": yuan(36_000) + 1}}]
    use = office.voucher()
    refused = await doors.provider(pair).post("/contracts", submission(project_id, use, new_products=dear))
    assert (refused.status_code, refused.json()["code"]) == (422, "new-product-share-exceeded"), refused.text
    assert "36,000.00" in refused.json()["detail"]
    made = await doors.provider(pair).post("/contracts", submission(project_id, use, new_products=bought))
    assert made.status_code == 202, made.text
    seen = await doors.claimant(pair).get(f"/contracts/{made.json()['contract_id']}")
    assert seen.json()["new_products"] == made.json()["new_products"] == bought
