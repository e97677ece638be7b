"""Which measures keep a provider from being appraised (art. 11, 17)."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from services.appraisal.projections.measures_in_force import measures_in_force
from shared.events.registry.standing import PartySanctioned, SanctionLifted
from shared.projections.projection import Rows
from tests.standing import recorded

BANNED = PartySanctioned(
    sanction_id="snc_1", party_id="prv_1", party_kind="provider", measure="disqualify", proposed_by="officer-1",
    approved_by="officer-2", until=date(2029, 3, 2), on=date(2026, 3, 2),
)  # fmt: skip
LIFTED = SanctionLifted(sanction_id="snc_1", party_id="prv_1", measure="disqualify", on=date(2029, 3, 3))


def folded(*facts: Any) -> Rows:
    rows: Rows = {}
    measures_in_force.fold(rows, [recorded(number, fact) for number, fact in enumerate(facts, start=1)])
    return {key: row for key, row in rows.items() if row is not None}


def test_a_ban_of_a_provider_is_known_until_it_is_lifted() -> None:
    assert folded(BANNED) == {
        ("snc_1",): {
            "sanction_id": "snc_1",
            "provider_id": "prv_1",
            "imposed_on": date(2026, 3, 2),
            "until": date(2029, 3, 2),
        }
    }
    assert folded(BANNED, LIFTED) == {}


@pytest.mark.parametrize(
    "other", [replace(BANNED, measure="suspend_disbursement"), replace(BANNED, party_id="clm_1", party_kind="claimant")]
)
def test_a_suspension_and_what_stands_against_others_keep_no_provider_away(other: PartySanctioned) -> None:
    assert folded(other) == {}
    assert folded(other, LIFTED) == {}
