"""What issuance calls the states that its refusals name."""

from enum import StrEnum
from pathlib import Path

import pytest

from services.issuance import api
from services.issuance.domain.entry import Stage as EntryStage
from services.issuance.domain.period_phases import Phase
from services.issuance.domain.voucher_stages import Stage as VoucherStage
from shared.http.problems import Catalogue

CATALOGUE = Catalogue.load(Path(api.__path__[0]) / "problems.yaml")


@pytest.mark.parametrize(
    ("code", "states", "before"),
    [
        ("period-not-in-this-state", Phase, "unplanned"),
        ("order-list-not-published-yet", Phase, "unplanned"),
        ("entry-not-in-this-state", EntryStage, "unmade"),
        ("voucher-not-in-this-state", VoucherStage, "unclaimed"),
    ],
)
def test_every_state_has_a_word(code: str, states: type[StrEnum], before: str) -> None:
    assert CATALOGUE[code].words.keys() == {before, *(state.value for state in states)}
