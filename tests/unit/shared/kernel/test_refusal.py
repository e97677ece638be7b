"""A refusal says every reason at once."""

import pytest

from shared.kernel.refusal import Reason, Refused, refuse, refuse_unless

TOO_HIGH = Reason(code="face-value-out-of-range", article="12", value=6, limit=5, parameter="face_value_max")
TOO_LATE = Reason(code="period-closed", article="15(1)", kind="state")


def test_a_refusal_carries_all_its_reasons_in_order() -> None:
    with pytest.raises(Refused) as refusal:
        refuse_unless(TOO_HIGH, None, TOO_LATE)
    assert refusal.value.reasons == (TOO_HIGH, TOO_LATE)
    assert str(refusal.value) == "face-value-out-of-range (art. 12), period-closed (art. 15(1))"


def test_nothing_is_refused_without_a_reason() -> None:
    refuse_unless()
    refuse_unless(None, None)
    with pytest.raises(ValueError, match="at least one reason"):
        Refused()


def test_a_refusal_with_one_reason_is_made_in_one_breath() -> None:
    made = refuse("face-value-out-of-range", article="12", value=6, limit=5, parameter="face_value_max")
    assert made.reasons == (TOO_HIGH,)
    assert refuse("period-closed", article="15(1)", kind="state").reasons == (TOO_LATE,)
