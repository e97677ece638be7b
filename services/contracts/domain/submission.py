"""When a contract may be submitted for registration (art. 5, 7, 9(2), 10(2), 12, 15(2), 16; faq 2, 6)."""

from datetime import date

from services.contracts.domain import project
from services.contracts.domain.standing import Parties, why_not_together
from shared.events.contracts import ContractSubmitted, NewProductPurchase, VoucherUse
from shared.events.registry.facilities import ServiceKind
from shared.kernel.decider import message
from shared.kernel.refusal import Conflict, Reason, refuse, refuse_unless
from shared.measures.terms import ContractTerms, Terms


@message
class SubmitContract:
    """A signed contract as the provider enters it.

    `project` is the project as it stands; `amount` is the contract's, in fen; `taken` are those of its vouchers that
    another live contract uses already, `latest_claim` is the day of the last claim among those that are known;
    `voucher_clause` says that the contract itself names the vouchers (faq 6). `new_products` are bought out of the
    contract's amount; `products_not_valid` are those of them that are not on the list, or not valid, on the day.
    """

    contract_id: str
    project: project.State
    parties: Parties
    amount: int
    signed_on: date
    starts_on: date
    ends_on: date
    vouchers: tuple[VoucherUse, ...]
    taken: frozenset[str]
    latest_claim: date | None
    voucher_clause: bool
    new_products: tuple[NewProductPurchase, ...]
    products_not_valid: frozenset[str]
    document_digest: str
    terms: Terms
    on: date


def submit(command: SubmitContract) -> ContractSubmitted:
    """Check everything that can be known before the vouchers are committed, and say every reason at once."""
    match command.project:
        case project.Confirmed(project=proposed, on=confirmed_on):
            pass
        case _:
            raise refuse("project-not-confirmed", article="9(2)", value=project.name_of(command.project), kind="state")
    refuse_unless(
        *why_not_together(command.parties, command.terms.contract, relation_declared=proposed.relation_declared),
        *_why_not_these_days(command, confirmed_on),
        *_why_not_these_vouchers(command, command.terms.contract),
        *_why_not_these_products(command, command.terms.contract),
    )
    kind: ServiceKind = proposed.service_kind
    return ContractSubmitted(
        contract_id=command.contract_id,
        project_id=proposed.project_id,
        claimant_id=proposed.claimant_id,
        provider_id=proposed.provider_id,
        service_id=proposed.service_id,
        service_kind=kind,
        amount=command.amount,
        signed_on=command.signed_on,
        starts_on=command.starts_on,
        ends_on=command.ends_on,
        vouchers=command.vouchers,
        new_products=command.new_products,
        relation_declared=proposed.relation_declared,
        document_digest=command.document_digest,
        on=command.on,
        pack=command.terms.pack,
        pack_digest=command.terms.digest,
    )


def _why_not_these_days(command: SubmitContract, confirmed_on: date) -> tuple[Reason | None, ...]:
    """Judge the order of claim, confirmation, signature and service.

    A claim not known yet is judged when issuance answers for the voucher.
    """
    signed, starts, ends = command.signed_on, command.starts_on, command.ends_on
    early = Reason(code="signed-before-confirmation", article="15(2)", value=signed, limit=confirmed_on)
    unclaimed = Reason(code="signed-before-claim", article="faq 6", value=signed, limit=command.latest_claim)
    future = Reason(code="signed-in-future", article="15(2)", value=signed, limit=command.on)
    unsigned = Reason(code="starts-before-signature", article="15(2)", value=starts, limit=signed)
    backwards = Reason(code="ends-before-start", article="15(2)", value=ends, limit=starts)
    return (
        early if signed < confirmed_on else None,
        unclaimed if command.latest_claim is not None and signed < command.latest_claim else None,
        future if signed > command.on else None,
        unsigned if starts < signed else None,
        backwards if ends < starts else None,
    )


def _why_not_these_vouchers(command: SubmitContract, terms: ContractTerms) -> tuple[Reason | None, ...]:
    """Judge the vouchers' number, sum and clause; whether they are good is issuance's to judge.

    The share is compared in integers: 100 × sum ≤ percent × amount, so half a fen over is over (art. 12).
    """
    ids = [use.voucher_id for use in command.vouchers]
    face_sum = sum(use.amount for use in command.vouchers)
    share = terms.contract_share_max
    return (
        None if ids else Reason(code="no-voucher-named", article="15(2)"),
        _reused("voucher-named-twice", sorted({each for each in ids if ids.count(each) > 1}), "rule"),
        _reused("voucher-in-another-contract", sorted(command.taken), "state"),
        Reason(code="several-vouchers", article="12", value=len(ids), parameter="several_vouchers_per_contract")
        if len(ids) > 1 and not terms.several_vouchers_per_contract
        else None,
        Reason(
            code="voucher-share-exceeded",
            article="12",
            value=face_sum,
            limit=command.amount * share // 100,
            parameter="contract_share_max",
        )
        if 100 * face_sum > share * command.amount
        else None,
        Reason(code="voucher-clause-missing", article="faq 6", parameter="voucher_clause_required")
        if terms.voucher_clause_required and not command.voucher_clause
        else None,
    )


def _why_not_these_products(command: SubmitContract, terms: ContractTerms) -> tuple[Reason | None, ...]:
    """Judge the new products that the contract buys: on the list and valid today, and within their share (faq 2).

    The share is of the contract's amount, compared in integers like that of the vouchers.
    """
    bought = sum(purchase.amount for purchase in command.new_products)
    share = terms.new_product_share_max
    return (
        Reason(code="new-product-not-valid", article="faq 2", value=tuple(sorted(command.products_not_valid)))
        if command.products_not_valid
        else None,
        Reason(
            code="new-product-share-exceeded",
            article="faq 2",
            value=bought,
            limit=command.amount * share // 100,
            parameter="new_product_share_max",
        )
        if 100 * bought > share * command.amount
        else None,
    )


def _reused(code: str, voucher_ids: list[str], kind: Conflict) -> Reason | None:
    """Refuse the use of a voucher more than once (art. 16: 重复使用)."""
    if not voucher_ids:
        return None
    return Reason(code=code, article="16", value=tuple(voucher_ids), parameter="contracts_per_voucher_max", kind=kind)
