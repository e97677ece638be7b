"""A contract gets all of its vouchers or none (art. 15(2))."""

from dataclasses import replace

import pytest

from services.issuance.domain.commitment import (
    RefuseCommitment,
    Submission,
    commit_all,
    refusal_of,
)
from services.issuance.domain.voucher import voucher
from services.issuance.domain.voucher_stages import State, Unclaimed
from shared.events.contracts import VoucherUse
from shared.events.issuance.vouchers import VoucherCommitmentRefused, WhyNot
from shared.kernel.refusal import Reason, Refused
from tests.specification import Specification
from tests.unit.issuance.facts import CLAIMANT, CLAIMED, COMMITTED, CONTRACT, FACE, MARCH_16, PERIOD, VALID, VOUCHER

OTHER = replace(CLAIMED, voucher_id="vch_2")
SUBMISSION = Submission(
    contract_id=CONTRACT,
    claimant_id=CLAIMANT,
    uses=(VoucherUse(voucher_id=VOUCHER, amount=FACE), VoucherUse(voucher_id="vch_2", amount=FACE)),
    on=MARCH_16,
    valid_until={PERIOD: VALID},
)
HELD: dict[str, State] = {VOUCHER: voucher.fold([CLAIMED]), "vch_2": voucher.fold([OTHER])}


def _reasons(submission: Submission, held: dict[str, State]) -> list[tuple[str, object]]:
    with pytest.raises(Refused) as refusal:
        commit_all(submission, held)
    return [(reason.code, reason.value) for reason in refusal.value.reasons]


def test_all_vouchers_are_committed_together() -> None:
    assert commit_all(SUBMISSION, HELD) == {
        VOUCHER: [COMMITTED],
        "vch_2": [replace(COMMITTED, voucher_id="vch_2")],
    }


def test_one_bad_voucher_refuses_them_all_and_every_reason_is_said() -> None:
    elsewhere = replace(COMMITTED, contract_id="ctr_2")
    assert _reasons(SUBMISSION, {VOUCHER: voucher.fold([CLAIMED, elsewhere]), "vch_2": Unclaimed()}) == [
        ("voucher-not-claimed", VOUCHER),
        ("voucher-unknown", "vch_2"),
    ]


def test_a_contract_names_at_least_one_voucher_and_each_once() -> None:
    assert _reasons(replace(SUBMISSION, uses=()), HELD) == [("no-voucher-named", None)]
    twice = replace(SUBMISSION, uses=(SUBMISSION.uses[0], SUBMISSION.uses[0]))
    assert _reasons(twice, HELD) == [("voucher-named-twice", VOUCHER)]


def test_a_refusal_is_written_down_once() -> None:
    no = RefuseCommitment(
        contract_id=CONTRACT,
        claimant_id=CLAIMANT,
        reasons=(Reason(code="voucher-unknown", article="15(2)", value=VOUCHER),),
        on=MARCH_16,
    )
    refused = VoucherCommitmentRefused(
        contract_id=CONTRACT,
        claimant_id=CLAIMANT,
        reasons=(WhyNot(code="voucher-unknown", article="15(2)", value=VOUCHER),),
        on=MARCH_16,
    )
    spec = Specification(refusal_of)
    spec.given().when(no).then(refused)
    spec.given(refused).when(no).then_nothing()
