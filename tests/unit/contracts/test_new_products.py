"""What of a contract may buy certified new products: listed and valid, 30 % at most (faq 2)."""

from dataclasses import replace

import pytest

from services.contracts.domain.contract import contract
from shared.events.contracts import NewProductPurchase
from shared.kernel.money import yuan
from shared.kernel.refusal import Refused
from tests.specification import Specification
from tests.unit.contracts.facts import SUBMIT, SUBMITTED

spec = Specification(contract)

SHARE = yuan(36_000)  # 30 % of 120,000
FIRST = NewProductPurchase(product_id="npr_1", amount=yuan(20_000))
REST = NewProductPurchase(product_id="npr_2", amount=SHARE - yuan(20_000))


def test_new_products_of_thirty_percent_are_within_their_share() -> None:
    spec.given().when(replace(SUBMIT, new_products=(FIRST, REST))).then(replace(SUBMITTED, new_products=(FIRST, REST)))


def test_one_fen_more_is_refused_and_the_limit_told() -> None:
    beyond = replace(SUBMIT, new_products=(FIRST, replace(REST, amount=REST.amount + 1)))
    spec.given().when(beyond).then_refused("new-product-share-exceeded")
    with pytest.raises(Refused) as refusal:
        contract.decide(beyond, contract.initial)
    (reason,) = refusal.value.reasons
    assert (reason.article, reason.parameter, reason.value, reason.limit) == (
        "faq 2", "new_product_share_max", SHARE + 1, SHARE,
    )  # fmt: skip


def test_a_share_that_is_no_whole_fen_is_never_rounded_up() -> None:
    odd = replace(SUBMIT, amount=yuan(120_000) + 1)
    spec.given().when(replace(odd, new_products=(replace(FIRST, amount=SHARE),))).then(
        replace(SUBMITTED, amount=odd.amount, new_products=(replace(FIRST, amount=SHARE),))
    )
    spec.given().when(replace(odd, new_products=(replace(FIRST, amount=SHARE + 1),))).then_refused(
        "new-product-share-exceeded"
    )


def test_a_product_that_is_not_on_the_list_or_not_valid_is_refused_by_name() -> None:
    command = replace(SUBMIT, new_products=(FIRST, REST), products_not_valid=frozenset({"npr_2"}))
    spec.given().when(command).then_refused("new-product-not-valid")
    with pytest.raises(Refused, match="new-product-not-valid"):
        contract.decide(command, contract.initial)


def test_both_reasons_are_said_at_once() -> None:
    dear = replace(FIRST, amount=SHARE + 1)
    spec.given().when(replace(SUBMIT, new_products=(dear,), products_not_valid=frozenset({"npr_1"}))).then_refused(
        "new-product-not-valid", "new-product-share-exceeded"
    )
