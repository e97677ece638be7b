"""Who may work with whom, and on what: conditions of projects and of contracts (art. 5, 7, 10(2), 16 and 17; faq 3)."""

from shared.events.registry.facilities import ServiceKind
from shared.kernel.decider import message
from shared.kernel.refusal import Reason
from shared.measures.terms import ContractTerms

INDUSTRIAL_DESIGN: ServiceKind = "industrial_design"


@message
class Parties:
    """What is known of both sides on the day of a decision.

    `service_kind` is None when the provider does not offer the service that day; "barred" is a disqualification or a
    delisting in force (art. 17), not a mere suspension of payments. `claimant_eligible` is false while a rule of art. 7
    fails; `provider_gone` says that the provider's notice of leaving is over and it only completes what it has (art.
    6); `related` that the claimant has named the provider to the registry as a party related to it (art. 16).
    """

    claimant_registered: bool
    claimant_eligible: bool
    claimant_barred: bool
    related: bool
    provider_listed: bool
    provider_gone: bool
    provider_barred: bool
    provider_capabilities: frozenset[ServiceKind]
    service_kind: ServiceKind | None


def why_not_together(parties: Parties, terms: ContractTerms, *, relation_declared: bool) -> tuple[Reason | None, ...]:
    """Say every reason why these two may not work together on this service; None stands for a condition that is met.

    `relation_declared` is what the claimant has said of the project.
    """
    return (
        None if parties.claimant_registered else Reason(code="claimant-not-registered", article="15(1)"),
        _ineligible(parties, terms),
        Reason(code="claimant-barred", article="17", kind="state") if parties.claimant_barred else None,
        _unlisted(parties, terms),
        Reason(code="provider-has-left", article="6", kind="state") if parties.provider_gone else None,
        Reason(code="provider-barred", article="17", kind="state") if parties.provider_barred else None,
        _undeclared(parties, terms, relation_declared=relation_declared),
        _unsupported(parties, terms),
    )


def _ineligible(parties: Parties, terms: ContractTerms) -> Reason | None:
    if parties.claimant_eligible or not terms.eligible_claimant_required:
        return None
    return Reason(code="claimant-not-eligible", article="7", parameter="eligible_claimant_required")


def _undeclared(parties: Parties, terms: ContractTerms, *, relation_declared: bool) -> Reason | None:
    """Refuse silence about a known relation as false information; the relation itself forbids nothing (art. 16)."""
    if not parties.related or relation_declared or not terms.related_parties_declared:
        return None
    return Reason(code="relation-not-declared", article="16", parameter="related_parties_declared")


def _unlisted(parties: Parties, terms: ContractTerms) -> Reason | None:
    if parties.provider_listed or not terms.listed_provider_required:
        return None
    return Reason(code="provider-not-listed", article="10(2)", parameter="listed_provider_required")


def _unsupported(parties: Parties, terms: ContractTerms) -> Reason | None:
    """Judge the service: offered, and of a kind a voucher may buy.

    Industrial design is no kind of art. 5; faq 3 admits it, with a provider that has the capability.
    """
    kind = parties.service_kind
    if kind is None:
        return Reason(code="service-not-offered", article="15(2)")
    if kind == INDUSTRIAL_DESIGN and terms.industrial_design_capability_required:
        if INDUSTRIAL_DESIGN in parties.provider_capabilities:
            return None
        parameter = "industrial_design_capability_required"
        return Reason(code="design-capability-missing", article="faq 3", parameter=parameter)
    if kind in terms.service_kinds:
        return None
    return Reason(code="service-kind-not-supported", article="5", value=kind, parameter="service_kinds")
