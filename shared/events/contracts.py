"""What contracts tells the others: projects, contracts and what the service really cost."""

from dataclasses import dataclass
from datetime import date

from shared.events.definition import Payload, event, upcaster
from shared.events.issuance.vouchers import WhyNot
from shared.events.registry.facilities import ServiceKind


@dataclass(frozen=True, slots=True, kw_only=True)
class VoucherUse:
    """A voucher that pays part of a contract, with its face value in fen."""

    voucher_id: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProductPurchase:
    """A certified new product that is bought for the project (faq 2), for so many fen of the contract's amount."""

    product_id: str
    amount: int


@event("contracts.project-proposed", key="claimant_id", version=2)
class ProjectProposed:
    """A claimant asks a provider for a service (art. 15(2)); what the project is about stays with its owner.

    `relation_declared`: the claimant has said that the provider is a party related to it (art. 16).
    """

    project_id: str
    claimant_id: str
    provider_id: str
    service_id: str
    service_kind: ServiceKind
    planned_amount: int
    description_digest: str
    relation_declared: bool = False
    on: date


@upcaster("cxq.contracts.project-proposed.v1", to="cxq.contracts.project-proposed.v2")
def _nobody_was_asked_for_relations(old: Payload) -> Payload:
    """Version 1 was proposed when nobody was asked, so nothing was declared."""
    return old | {"relation_declared": False}


@event("contracts.project-confirmed", key="claimant_id")
class ProjectConfirmed:
    """The provider has checked the claimant and the project and confirms both (art. 9(2))."""

    project_id: str
    claimant_id: str
    provider_id: str
    confirmed_by: str
    on: date


@event("contracts.project-declined", key="claimant_id")
class ProjectDeclined:
    """The provider has refused the project, with reasons (art. 9(2))."""

    project_id: str
    claimant_id: str
    provider_id: str
    reason: str
    on: date


@event("contracts.contract-submitted", key="claimant_id", version=2)
class ContractSubmitted:
    """The provider has entered a signed contract; its vouchers must now be committed (art. 15(2)).

    `amount` is the contract's, in fen; the vouchers' face values sum to at most half of it (art. 12), and what of it
    buys certified new products to at most 30 % (faq 2). `relation_declared` is the project's word (art. 16).
    """

    contract_id: str
    project_id: str
    claimant_id: str
    provider_id: str
    service_id: str
    service_kind: ServiceKind
    amount: int
    signed_on: date
    starts_on: date
    ends_on: date
    vouchers: tuple[VoucherUse, ...]
    new_products: tuple[NewProductPurchase, ...] = ()
    relation_declared: bool = False
    document_digest: str
    on: date
    pack: str
    pack_digest: str


@upcaster("cxq.contracts.contract-submitted.v1", to="cxq.contracts.contract-submitted.v2")
def _nothing_was_bought_or_declared(old: Payload) -> Payload:
    """Version 1 knew neither purchases of new products nor declared relations."""
    return old | {"new_products": [], "relation_declared": False}


@event("contracts.contract-registered", key="claimant_id")
class ContractRegistered:
    """All vouchers are committed: the activity is registered, and must be completed by `valid_until`."""

    contract_id: str
    claimant_id: str
    provider_id: str
    vouchers: tuple[VoucherUse, ...]
    amount: int
    valid_until: date
    on: date


@event("contracts.contract-rejected", key="claimant_id")
class ContractRejected:
    """The contract could not be registered, and why; commitments made for it are released."""

    contract_id: str
    claimant_id: str
    provider_id: str
    vouchers: tuple[VoucherUse, ...]
    reasons: tuple[WhyNot, ...]
    on: date


@event("contracts.contract-completed", key="claimant_id", version=2)
class ContractCompleted:
    """The service is done. `actual_amount` is the lower of what was invoiced and what was paid (art. 12).

    `redeem_by` is the last day to apply for redemption: one month after the contract's end (art. 15(3)).
    """

    contract_id: str
    claimant_id: str
    provider_id: str
    vouchers: tuple[VoucherUse, ...]
    amount: int
    invoiced_amount: int
    paid_amount: int
    actual_amount: int
    ended_on: date
    redeem_by: date
    provisional: bool
    on: date


@upcaster("cxq.contracts.contract-completed.v1", to="cxq.contracts.contract-completed.v2")
def _one_amount_was_both(old: Payload) -> Payload:
    """Version 1 knew the actual amount only; invoice and payment were then required to agree."""
    return old | {"invoiced_amount": old["actual_amount"], "paid_amount": old["actual_amount"]}


@event("contracts.contract-lapsed", key="claimant_id")
class ContractLapsed:
    """The contract was not completed within the validity of its vouchers (art. 15(2)); they expire."""

    contract_id: str
    claimant_id: str
    provider_id: str
    vouchers: tuple[VoucherUse, ...]
    on: date
