"""What a party may do today: claim, contract, redeem, be appraised, and what stands against each (art. 6, 7, 11, 17).

The others decide by their own copies of the same facts; this is the answer for people, from the register itself.
"""

from typing import Literal

from services.registry.domain.sanction import BARRING
from shared.events.registry.standing import Measure, PartyKind
from shared.kernel.decider import message
from shared.kernel.refusal import Reason

type Act = Literal["claim", "contract", "redeem", "be_appraised"]

ACTS: dict[PartyKind, tuple[Act, ...]] = {
    "claimant": ("claim", "contract", "redeem"),
    "provider": ("contract", "redeem", "be_appraised"),
}
"""Agencies, laboratories and experts do none of these in their own name."""


@message
class PartyToday:
    """What decides: `measures` are those in force, `eligible` is false where a rule of art. 7 fails.

    A rule that waits for a person fails nobody: declaring suffices (art. 15(1)). `excluded_from_grants` is a
    third-party testing firm under rules that leave these out.
    """

    kind: PartyKind
    measures: frozenset[Measure]
    eligible: bool = True
    listed: bool = True
    excluded_from_grants: bool = False


@message
class Permission:
    """An act, and everything that stands against it today."""

    act: Act
    reasons: tuple[Reason, ...]


def permissions(party: PartyToday) -> tuple[Permission, ...]:
    """Say of every act of such a party whether it may, with every reason why not."""
    return tuple(Permission(act=act, reasons=_against(act, party)) for act in ACTS.get(party.kind, ()))


def _against(act: Act, party: PartyToday) -> tuple[Reason, ...]:
    found: tuple[Reason | None, ...]
    match act:
        case "claim":
            found = (_barred(party), _ineligible(party))
        case "contract":
            found = (_unlisted(party), _barred(party))
        case "redeem":
            found = (_suspended(party),)
        case "be_appraised":
            found = (_unlisted(party), _barred(party), _excluded(party))
    return tuple(reason for reason in found if reason is not None)


def _barred(party: PartyToday) -> Reason | None:
    return Reason(code="party-barred", article="17", kind="state") if party.measures & BARRING else None


def _suspended(party: PartyToday) -> Reason | None:
    """Every measure stops the payment; what was done before may still be applied for."""
    return Reason(code="disbursement-suspended", article="17", kind="state") if party.measures else None


def _ineligible(party: PartyToday) -> Reason | None:
    return None if party.eligible else Reason(code="claimant-not-eligible", article="7")


def _unlisted(party: PartyToday) -> Reason | None:
    return None if party.listed else Reason(code="provider-not-listed", article="10(2)", kind="state")


def _excluded(party: PartyToday) -> Reason | None:
    if not party.excluded_from_grants:
        return None
    parameter = "third_party_testing_excluded"
    return Reason(code="third-party-testing-excluded", article="11", parameter=parameter)
