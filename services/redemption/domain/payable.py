"""What the vouchers of a contract may pay (art. 12)."""

from collections.abc import Sequence

from shared.events.contracts import VoucherUse
from shared.events.redemption import VoucherPayment


def payable_in_full(vouchers: Sequence[VoucherUse], actual_amount: int, share_max_percent: int) -> int:
    """Sum the face values, capped at the share of what was really spent; a fraction of a fen is not paid.

    >>> payable_in_full((VoucherUse(voucher_id="vch_1", amount=5_000_000),), 8_000_001, 50)
    4000000
    """
    return min(sum(voucher.amount for voucher in vouchers), actual_amount * share_max_percent // 100)


def distribute(total: int, vouchers: Sequence[VoucherUse]) -> tuple[VoucherPayment, ...]:
    """Spread a payment over the vouchers in the order they stand in the contract; the first ones pay in full."""
    payments: list[VoucherPayment] = []
    left = total
    for voucher in vouchers:
        paid = min(left, voucher.amount)
        payments.append(VoucherPayment(voucher_id=voucher.voucher_id, amount=voucher.amount, paid=paid))
        left -= paid
    if left:
        raise ValueError(f"{left} fen more than the vouchers are worth")
    return tuple(payments)
