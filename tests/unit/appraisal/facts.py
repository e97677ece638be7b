"""What other contexts tell appraisal of two providers."""

from datetime import date
from typing import Any

from shared.events.contracts import ContractCompleted, ContractRegistered, VoucherUse
from shared.events.redemption import (
    FundsDisbursed,
    FundsRecovered,
    RepaymentReversed,
    VoucherPayment,
    VoucherRecovery,
)
from shared.kernel.money import yuan

USES = (VoucherUse(voucher_id="vch_1", amount=yuan(50_000)),)


def registered(provider_id: str, claimant_id: str, on: date) -> ContractRegistered:
    """Say that a contract was registered."""
    return ContractRegistered(
        contract_id=f"ctr_{claimant_id}",
        claimant_id=claimant_id,
        provider_id=provider_id,
        vouchers=USES,
        amount=yuan(120_000),
        valid_until=on,
        on=on,
    )


def completed(provider_id: str, claimant_id: str, actual_amount: int, on: date) -> ContractCompleted:
    """Say that a contract was completed at an amount in fen."""
    return ContractCompleted(
        contract_id=f"ctr_{claimant_id}",
        claimant_id=claimant_id,
        provider_id=provider_id,
        vouchers=USES,
        amount=yuan(120_000),
        invoiced_amount=actual_amount,
        paid_amount=actual_amount,
        actual_amount=actual_amount,
        ended_on=on,
        redeem_by=on,
        provisional=False,
        on=on,
    )


def paid(provider_id: str, total: int, on: date, *, redemption_id: str = "rdm_1") -> FundsDisbursed:
    """Say that voucher money was paid, in fen."""
    return FundsDisbursed(
        redemption_id=redemption_id,
        contract_id="ctr_1",
        claimant_id="clm_1",
        provider_id=provider_id,
        payments=(VoucherPayment(voucher_id="vch_1", amount=total, paid=total),),
        total=total,
        ordered_by="officer-1",
        approved_by="officer-2",
        on=on,
    )


def recovered(provider_id: str, amount: int, on: date, *, redemption_id: str = "rdm_1") -> FundsRecovered:
    """Say that voucher money came back, in fen."""
    return FundsRecovered(**_returned(provider_id, amount, on, redemption_id), received_on=on, recorded_by="officer-3")


def reversed_repayment(provider_id: str, amount: int, on: date, *, redemption_id: str = "rdm_1") -> RepaymentReversed:
    """Say that a repayment was recorded by mistake."""
    back = _returned(provider_id, amount, on, redemption_id)
    return RepaymentReversed(**back, reasons_digest="d", reversed_by="officer-4")


def _returned(provider_id: str, amount: int, on: date, redemption_id: str) -> dict[str, Any]:
    return {
        "recovery_id": "rcv_1",
        "repayment_id": "rpm_1",
        "redemption_id": redemption_id,
        "contract_id": "ctr_1",
        "claimant_id": "clm_1",
        "provider_id": provider_id,
        "recoveries": (VoucherRecovery(voucher_id="vch_1", amount=amount),),
        "amount": amount,
        "on": on,
    }
