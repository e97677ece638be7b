"""The lists of projects and contracts are a fold of the log."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from services.contracts.projections.contract_list import contract_list
from services.contracts.projections.project_list import project_list
from shared.events.contracts import ContractCompleted, ContractLapsed, ContractRejected, ProjectDeclined
from shared.events.definition import Recorded
from shared.kernel.money import yuan
from shared.projections.projection import PoisonEventError, Projection, Row, Rows
from tests.unit.contracts.facts import (
    APRIL_30,
    CONFIRMED,
    FIRST,
    JUNE_10,
    JUNE_11,
    MARCH_5,
    MARCH_10,
    PROPOSED,
    REGISTERED,
    SECOND,
    SUBMITTED,
)

COMMON: dict[str, Any] = {"contract_id": "ctr_1", "claimant_id": "clm_1", "provider_id": "prv_1"}
COMPLETED = ContractCompleted(
    **COMMON,
    vouchers=(FIRST, SECOND),
    amount=yuan(120_000),
    invoiced_amount=yuan(90_000),
    paid_amount=yuan(80_000),
    actual_amount=yuan(80_000),
    ended_on=APRIL_30,
    redeem_by=JUNE_10,
    provisional=False,
    on=APRIL_30,
)
LAPSED = ContractLapsed(**COMMON, vouchers=(FIRST, SECOND), on=JUNE_11)
REJECTED = ContractRejected(**COMMON, vouchers=(FIRST, SECOND), reasons=(), on=MARCH_10)
DECLINED = ProjectDeclined(project_id="prj_1", claimant_id="clm_1", provider_id="prv_1", reason="other", on=MARCH_5)


def row_after(projection: Projection, facts: Sequence[Any]) -> Row | None:
    rows: Rows = {}
    recorded = [
        Recorded(
            context="contracts",
            position=position,
            stream="s",
            version=position,
            type="",
            data=fact,
            key="clm_1",
            metadata={},
            recorded_at=datetime(2026, 3, 2, tzinfo=UTC),
            hash="",
        )
        for position, fact in enumerate(facts, start=1)
    ]
    projection.fold(rows, recorded)
    (row,) = rows.values()
    return row


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ([PROPOSED], {"state": "proposed", "answered_on": None, "planned_amount": yuan(120_000)}),
        ([PROPOSED, CONFIRMED], {"state": "confirmed", "answered_on": MARCH_5}),
        ([PROPOSED, DECLINED], {"state": "declined", "answered_on": MARCH_5}),
    ],
)
def test_a_project_is_listed_as_it_stands(facts: list[Any], expected: Row) -> None:
    row = row_after(project_list, facts)
    assert row is not None
    assert row.items() >= expected.items()


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ([SUBMITTED], {"state": "submitted", "vouchers_amount": yuan(60_000), "valid_until": None}),
        ([SUBMITTED, REJECTED], {"state": "rejected", "valid_until": None}),
        ([SUBMITTED, REGISTERED], {"state": "registered", "valid_until": JUNE_10, "actual_amount": None}),
        (
            [SUBMITTED, REGISTERED, COMPLETED],
            {
                "state": "completed",
                "actual_amount": yuan(80_000),
                "amount": yuan(120_000),
                "ended_on": APRIL_30,
                "redeem_by": JUNE_10,
            },
        ),
        ([SUBMITTED, REGISTERED, LAPSED], {"state": "lapsed", "valid_until": JUNE_10, "actual_amount": None}),
    ],
)
def test_a_contract_is_listed_as_it_stands(facts: list[Any], expected: Row) -> None:
    row = row_after(contract_list, facts)
    assert row is not None
    assert row.items() >= expected.items()


@pytest.mark.parametrize(("projection", "fact"), [(project_list, CONFIRMED), (contract_list, REGISTERED)])
def test_a_fact_without_its_beginning_cannot_be_listed(projection: Projection, fact: Any) -> None:
    with pytest.raises(PoisonEventError, match="never"):
        row_after(projection, [fact])
