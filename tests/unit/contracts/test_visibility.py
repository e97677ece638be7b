"""What is not an id, or somebody else's, is not found (art. 9(3) and 16)."""

from datetime import UTC, datetime

import pytest

from services.contracts.api import visibility
from services.contracts.api.visibility import check_visible
from shared.http.identity import Caller
from shared.http.policy import Role
from shared.kernel.ids import new_id
from shared.store.transaction import UnknownSubjectError

PROJECT = new_id("prj", datetime(2026, 3, 2, tzinfo=UTC))
CONTRACT = new_id("ctr", datetime(2026, 3, 2, tzinfo=UTC))


@pytest.mark.parametrize("text", ["", "prj_x", CONTRACT, f"{PROJECT}\n", PROJECT.upper(), "\udcff"])
def test_what_cannot_be_a_projects_id_is_not_looked_up(text: str) -> None:
    assert visibility._project(PROJECT) == PROJECT
    with pytest.raises(UnknownSubjectError):
        visibility._project(text)


def test_what_cannot_be_a_contracts_id_is_not_looked_up() -> None:
    assert visibility._contract(CONTRACT) == CONTRACT
    with pytest.raises(UnknownSubjectError):
        visibility._contract(PROJECT)


@pytest.mark.parametrize(
    ("role", "party", "sees"),
    [
        (Role.CLAIMANT, "clm_1", True),
        (Role.CLAIMANT, "clm_2", False),
        (Role.CLAIMANT, "prv_1", False),
        (Role.CLAIMANT, None, False),
        (Role.PROVIDER, "prv_1", True),
        (Role.PROVIDER, "prv_2", False),
        (Role.PROVIDER, "clm_1", False),
        (Role.OFFICER, None, True),
        (Role.AUDITOR, None, True),
        (Role.CHANNEL, None, False),
        (Role.CHANNEL, "clm_1", False),
        (Role.EXPERT, "prv_1", False),
        (Role.PARTNER, None, False),
    ],
)
def test_both_parties_and_the_office_see_a_contract(role: Role, party: str | None, sees: bool) -> None:  # noqa: FBT001 (a table)
    caller = Caller(principal="someone", role=role, party=party, token_id="t")
    try:
        check_visible(caller, CONTRACT, claimant_id="clm_1", provider_id="prv_1")
    except UnknownSubjectError:
        assert not sees
    else:
        assert sees


def test_a_channel_sees_the_contracts_of_whom_it_acts_for() -> None:
    bank = Caller(principal="bank-1", role=Role.CHANNEL, party=None, token_id="t")
    check_visible(bank, CONTRACT, claimant_id="clm_1", provider_id="prv_1", acted_for=True)
    with pytest.raises(UnknownSubjectError):
        check_visible(bank, CONTRACT, claimant_id="clm_1", provider_id="prv_1", acted_for=False)
