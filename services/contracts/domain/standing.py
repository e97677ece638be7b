"""Who may work with whom, and on what: the conditions projects and contracts share (art. 5, 10(2) and 17; faq 3)."""

from shared.events.registry.facilities import ServiceKind
from shared.kernel.decider import message
from shared.kernel.refusal import Reason
from shared.measures.terms import ContractTerms

INDUSTRIAL_DESIGN: ServiceKind = "industrial_design"


@message
class Parties:
    """What is known of both sides on the day of a decision.

    `service_kind` is None when the provider does not offer the service that day; "barred" is a disqualification or a
    delisting in force (art. 17), not a mere suspension of payments.
    """

    claimant_registered: bool
    claimant_barred: bool
    provider_listed: bool
    provider_barred: bool
    provider_capabilities: frozenset[ServiceKind]
    service_kind: ServiceKind | None


def why_not_together(parties: Parties, terms: ContractTerms) -> tuple[Reason | None, ...]:
    """Say every reason why these two may not work together on this service; None stands for a condition that is met."""
    return (
        None if parties.claimant_registered else Reason(code="claimant-not-registered", article="15(1)"),
        Reason(code="claimant-barred", article="17", kind="state") if parties.claimant_barred else None,
        _unlisted(parties, terms),
        Reason(code="provider-barred", article="17", kind="state") if parties.provider_barred else None,
        _unsupported(parties, terms),
    )


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
