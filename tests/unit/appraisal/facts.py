"""What other contexts tell appraisal of two providers."""

from datetime import date

from shared.events.contracts import ContractCompleted, ContractRegistered, VoucherUse
from shared.events.redemption import FundsDisbursed, VoucherPayment
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


def paid(provider_id: str, total: int, on: date) -> FundsDisbursed:
    """Say that voucher money was paid, in fen."""
    return FundsDisbursed(
        redemption_id="rdm_1",
        contract_id="ctr_1",
        claimant_id="clm_1",
        provider_id=provider_id,
        payments=(VoucherPayment(voucher_id="vch_1", amount=total, paid=total),),
        total=total,
        ordered_by="officer-1",
        approved_by="officer-2",
        on=on,
    )
