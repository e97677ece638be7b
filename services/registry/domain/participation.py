"""What a party may do today in its own name, and what stands against each act (art. 6, 7, 11, 15(4), 17; faq 4, 5).

The others decide by their own copies of the same facts; this is the answer for people, from the register itself.
"""

from typing import Literal

from services.registry.domain.sanction import BARRING
from shared.events.registry.standing import Measure, PartyKind
from shared.kernel.decider import message
from shared.kernel.refusal import Reason

type Act = Literal[
    "claim", "contract", "redeem", "be_appraised", "judge", "refer", "represent", "be_catalogued"
]  # fmt: skip

ACTS: dict[PartyKind, tuple[Act, ...]] = {
    "claimant": ("claim", "contract", "redeem"),
    "provider": ("contract", "redeem", "be_appraised"),
    "expert": ("judge",),
    "referral_agency": ("refer",),
    "service_agency": ("represent",),
    "laboratory": ("be_catalogued",),
}
"""A service agency represents providers: it takes duties over and reports laboratories."""


@message
class PartyToday:
    """What decides: `measures` are those in force, `eligible` is false where a rule of art. 7 fails.

    A rule that waits for a person fails nobody: declaring suffices (art. 15(1)). `excluded_from_grants` is a
    third-party testing firm under rules that leave these out. `body_barred`: a measure bars the body that an agency is,
    or a laboratory belongs to, under another of its ids. Of these `listed` says whether they have joined.
    `ineligible_contracts`: the rules let a claimant contract that fails art. 7. `has_left`: a provider's notice is over
    and it only completes its running contracts (art. 6).
    """

    kind: PartyKind
    measures: frozenset[Measure]
    eligible: bool = True
    listed: bool = True
    excluded_from_grants: bool = False
    body_barred: bool = False
    ineligible_contracts: bool = False
    has_left: bool = False


@message
class Permission:
    """An act, and everything that stands against it today."""

    act: Act
    reasons: tuple[Reason, ...]


def permissions(party: PartyToday) -> tuple[Permission, ...]:
    """Say of every act of such a party whether it may, with every reason why not."""
    return tuple(Permission(act=act, reasons=_against(act, party)) for act in ACTS[party.kind])


def _against(act: Act, party: PartyToday) -> tuple[Reason, ...]:
    found: tuple[Reason | None, ...]
    match act:
        case "claim":
            found = (_barred(party), _ineligible(party))
        case "contract":
            ineligible = None if party.ineligible_contracts else _ineligible(party)
            found = (_unlisted(party), _left(party), _barred(party), ineligible)
        case "redeem":
            found = (_suspended(party),)
        case "be_appraised":
            found = (_unlisted(party), _barred(party), _excluded(party))
        case "judge":
            found = (_barred(party),)
        case "refer" | "represent" | "be_catalogued":
            found = (_not_joined(party), _barred(party))
    return tuple(reason for reason in found if reason is not None)


def _barred(party: PartyToday) -> Reason | None:
    barred = party.body_barred or party.measures & BARRING
    return Reason(code="party-barred", article="17", kind="state") if barred else None


def _suspended(party: PartyToday) -> Reason | None:
    """Every measure stops the payment; what was done before may still be applied for."""
    return Reason(code="disbursement-suspended", article="17", kind="state") if party.measures else None


def _ineligible(party: PartyToday) -> Reason | None:
    return None if party.eligible else Reason(code="claimant-not-eligible", article="7")


def _unlisted(party: PartyToday) -> Reason | None:
    return None if party.listed else Reason(code="provider-not-listed", article="10(2)", kind="state")


def _left(party: PartyToday) -> Reason | None:
    return Reason(code="provider-has-left", article="6", kind="state") if party.has_left else None


def _not_joined(party: PartyToday) -> Reason | None:
    article = "faq 4" if party.kind == "referral_agency" else "faq 5"
    return None if party.listed else Reason(code="not-joined", article=article, kind="state")


def _excluded(party: PartyToday) -> Reason | None:
    if not party.excluded_from_grants:
        return None
    parameter = "third_party_testing_excluded"
    return Reason(code="third-party-testing-excluded", article="11", parameter=parameter)
