"""At most half of what was really spent, to the fen (art. 12)."""

from hypothesis import given
from hypothesis import strategies as st

from services.redemption.domain.payable import distribute, payable_in_full
from shared.events.contracts import VoucherUse

faces = st.lists(st.integers(1, 5_000_000), min_size=1, max_size=6)


def vouchers(amounts: list[int]) -> tuple[VoucherUse, ...]:
    return tuple(VoucherUse(voucher_id=f"vch_{n}", amount=amount) for n, amount in enumerate(amounts))


@given(faces, st.integers(0, 100_000_000))
def test_twice_the_voucher_money_never_exceeds_the_actual_amount(amounts: list[int], actual: int) -> None:
    payable = payable_in_full(vouchers(amounts), actual, 50)
    assert 2 * payable <= actual
    assert payable <= sum(amounts)
    assert payable in {sum(amounts), actual // 2}


@given(faces, st.data())
def test_a_payment_is_spread_to_the_last_fen_and_within_every_face_value(
    amounts: list[int], data: st.DataObject
) -> None:
    total = data.draw(st.integers(0, sum(amounts)))
    payments = distribute(total, vouchers(amounts))
    assert sum(payment.paid for payment in payments) == total
    assert all(0 <= payment.paid <= payment.amount for payment in payments)
