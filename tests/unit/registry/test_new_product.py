"""Certified new products: read from rows, listed, changed, withdrawn, and valid on the days of their certificate."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.registry.domain.new_product import (
    EnterProduct,
    ProductDetails,
    WithdrawProduct,
    new_product,
    read_product,
    why_not_valid,
)
from services.registry.domain.row_text import RowFault
from shared.events.registry.products import NewProductChanged, NewProductListed, NewProductWithdrawn
from tests.specification import Specification

spec = Specification(new_product)
TODAY, A_DAY = date(2026, 11, 23), timedelta(days=1)
CELLS = {"certificate_number": "xcp2026-0118", "name": "自适应降噪模组", "holder": "北京听潮科技有限公司",
         "valid_from": "2026-01-01", "valid_until": "2028-12-31"}  # fmt: skip
DETAILS = ProductDetails(
    certificate_number="XCP2026-0118", name="自适应降噪模组", holder="北京听潮科技有限公司",
    valid_from=date(2026, 1, 1), valid_until=date(2028, 12, 31),
)  # fmt: skip
ENTER = EnterProduct(product_id="npr_1", details=DETAILS, on=TODAY)
LISTED = NewProductListed(
    product_id="npr_1", certificate_number="XCP2026-0118", valid_from=DETAILS.valid_from,
    valid_until=DETAILS.valid_until, description_digest=DETAILS.digest, on=TODAY,
)  # fmt: skip
EXAMPLES = yaml.safe_load((Path(__file__).parent / "new_products.yaml").read_text(encoding="utf-8"))


def test_a_row_becomes_a_product_with_its_days() -> None:
    assert read_product(CELLS) == DETAILS
    assert read_product(CELLS | {"valid_until": "2028-12-31 00:00:00"}) == DETAILS


@pytest.mark.parametrize(
    ("column", "text", "code"),
    [
        ("certificate_number", "号 1", "row-certificate-number-malformed"),
        ("certificate_number", "abc", "row-certificate-number-malformed"),
        ("name", "", "row-lacks-value"),
        ("holder", "\x07公司", "row-text-unprintable"),
        ("name", "模" * 201, "row-text-length"),
        ("valid_from", "2026/01/01", "row-day-malformed"),
        ("valid_until", "2026-02-30", "row-day-malformed"),
        ("valid_until", "2025-12-31", "row-days-reversed"),
    ],
)
def test_a_row_that_is_wrong_names_its_column(column: str, text: str, code: str) -> None:
    assert read_product(CELLS | {column: text}) == RowFault(code=code, column=column)


def test_a_formula_is_no_value_and_a_single_day_is_a_validity() -> None:
    assert read_product(CELLS, formula=True) == RowFault(code="row-has-formula")
    assert isinstance(read_product(CELLS | {"valid_until": "2026-01-01"}), ProductDetails)


def test_a_product_is_listed_and_entered_anew_only_when_something_differs() -> None:
    spec.given().when(ENTER).then(LISTED)
    spec.given(LISTED).when(ENTER).then_nothing()
    longer = replace(DETAILS, valid_until=date(2029, 12, 31))
    changed = NewProductChanged(
        product_id="npr_1", valid_from=longer.valid_from, valid_until=longer.valid_until,
        description_digest=longer.digest, on=TODAY,
    )  # fmt: skip
    spec.given(LISTED).when(replace(ENTER, details=longer)).then(changed)
    spec.given(LISTED, changed).when(replace(ENTER, details=longer)).then_nothing()


def test_a_withdrawn_product_is_neither_changed_nor_withdrawn_again() -> None:
    gone = NewProductWithdrawn(product_id="npr_1", reason_digest="d", on=TODAY)
    withdraw = WithdrawProduct(reason_digest="d", on=TODAY)
    spec.given(LISTED).when(withdraw).then(gone)
    for command in (withdraw, replace(ENTER, on=TODAY + A_DAY)):
        spec.given(LISTED, gone).when(command).then_refused("new-product-not-listed")
    spec.given().when(withdraw).then_refused("new-product-not-listed")


@pytest.mark.parametrize("example", EXAMPLES["examples"], ids=lambda example: example["name"])
def test_the_examples_of_faq_2(example: dict[str, Any]) -> None:
    product = EXAMPLES["product"]
    why = why_not_valid(product["valid_from"], product["valid_until"], example.get("withdrawn_on"), example["date"])
    assert why == example["why_not"]
