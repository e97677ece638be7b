"""What one person proposes, another person approves."""

from shared.kernel.refusal import Reason
from shared.procedures.approvals import four_eyes


def test_another_person_may_approve() -> None:
    assert four_eyes(proposed_by="officer-li", approved_by="officer-wang", article="12") is None


def test_nobody_approves_the_own_proposal() -> None:
    objection = four_eyes(proposed_by="officer-li", approved_by="officer-li", article="15(5)")
    assert objection == Reason(code="four-eyes", article="15(5)", value="officer-li")
