"""What contracts, redemption and the registry tell of vouchers, on the second of March."""

from collections.abc import Sequence
from datetime import date

from services.issuance.domain.voucher_stages import Voucher
from shared.events.contracts import ContractCompleted, ContractLapsed, ContractRejected, VoucherUse
from shared.events.redemption import FundsDisbursed, RedemptionLapsed, RedemptionRefused, VoucherPayment
from shared.events.registry.standing import PartySanctioned

TODAY = date(2026, 3, 2)


def uses(held: Sequence[Voucher]) -> tuple[VoucherUse, ...]:
    """Say for which vouchers, with their whole amounts."""
    return tuple(VoucherUse(voucher_id=v.voucher_id, amount=v.amount) for v in held)


def completed(contract_id: str, *held: Voucher) -> ContractCompleted:
    """A contract has been completed today."""
    return ContractCompleted(
        contract_id=contract_id,
        claimant_id=held[0].claimant_id,
        provider_id="prv_1",
        vouchers=uses(held),
        amount=12_000_000,
        invoiced_amount=8_000_000,
        paid_amount=8_000_000,
        actual_amount=8_000_000,
        ended_on=TODAY,
        redeem_by=date(2026, 4, 2),
        provisional=False,
        on=TODAY,
    )


def contract_lapsed(contract_id: str, held: Voucher) -> ContractLapsed:
    """A contract was not completed in time."""
    return ContractLapsed(
        contract_id=contract_id,
        claimant_id=held.claimant_id,
        provider_id="prv_1",
        vouchers=uses([held]),
        on=TODAY,
    )


def rejected(contract_id: str, *held: Voucher) -> ContractRejected:
    """A contract came to nothing."""
    return ContractRejected(
        contract_id=contract_id,
        claimant_id=held[0].claimant_id,
        provider_id="prv_1",
        vouchers=uses(held),
        reasons=(),
        on=TODAY,
    )


def disbursed(contract_id: str, held: Voucher, paid: int) -> FundsDisbursed:
    """So much of a voucher was paid today."""
    payment = VoucherPayment(voucher_id=held.voucher_id, amount=held.amount, paid=paid)
    return FundsDisbursed(
        redemption_id="rdm_1",
        contract_id=contract_id,
        claimant_id=held.claimant_id,
        provider_id="prv_1",
        payments=(payment,),
        total=paid,
        ordered_by="officer-li",
        approved_by="officer-wang",
        on=TODAY,
    )


def not_applied(contract_id: str, held: Voucher) -> RedemptionLapsed:
    """Nobody has applied for the money in time."""
    return RedemptionLapsed(
        redemption_id="rdm_3",
        contract_id=contract_id,
        claimant_id=held.claimant_id,
        provider_id="prv_1",
        vouchers=uses([held]),
        on=TODAY,
    )


def refused(contract_id: str, held: Voucher) -> RedemptionRefused:
    """The application for the money was refused."""
    return RedemptionRefused(
        redemption_id="rdm_2",
        contract_id=contract_id,
        claimant_id=held.claimant_id,
        provider_id="prv_1",
        vouchers=uses([held]),
        cause="review",
        cause_digest="c",
        side_at_fault="provider",
        on=TODAY,
    )


def sanctioned(claimant_id: str) -> PartySanctioned:
    """A measure of art. 17 stands against a claimant."""
    return PartySanctioned(
        sanction_id=f"snc-{claimant_id}",
        party_id=claimant_id,
        party_kind="claimant",
        measure="disqualify",
        proposed_by="officer-li",
        approved_by="officer-wang",
        until=date(2029, 3, 2),
        on=TODAY,
    )
