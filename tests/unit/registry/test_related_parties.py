"""Whom a claimant's declaration means, before and after those it names have registered (art. 16)."""

from dataclasses import replace

from services.registry.domain.claimant import Registered, claimant
from services.registry.domain.claimant_relations import DeclareRelatedParties, RecogniseRelatedParties
from shared.events.registry.claimants import ClaimantRelatedPartiesDeclared, ClaimantRelatedPartiesRecognised
from tests.specification import Specification
from tests.unit.registry.facts import TODAY
from tests.unit.registry.test_claimant import KNOWN

spec = Specification(claimant)

DECLARED = ClaimantRelatedPartiesDeclared(
    claimant_id="clm_1", parties=("prv_1",), others=2, declaration_digest="r", declared_by="user-1", on=TODAY
)
RECOGNISE = RecogniseRelatedParties(parties=("clm_2", "prv_1"), others=1, on=TODAY)
RECOGNISED = ClaimantRelatedPartiesRecognised(claimant_id="clm_1", parties=("clm_2", "prv_1"), others=1, on=TODAY)


def test_somebody_who_was_named_and_registers_is_told_to_the_others() -> None:
    spec.given(*KNOWN, DECLARED).when(RECOGNISE).then(RECOGNISED)


def test_what_was_told_is_not_told_again() -> None:
    spec.given(*KNOWN, DECLARED, RECOGNISED).when(RECOGNISE).then_nothing()
    spec.given(*KNOWN, DECLARED).when(replace(RECOGNISE, parties=("prv_1",), others=2)).then_nothing()


def test_who_is_no_longer_known_is_told_too() -> None:
    gone = replace(RECOGNISE, parties=(), others=3)
    spec.given(*KNOWN, DECLARED).when(gone).then(replace(RECOGNISED, parties=(), others=3))


def test_the_claimant_itself_is_no_party_related_to_it() -> None:
    spec.given(*KNOWN, DECLARED).when(replace(RECOGNISE, parties=("clm_1", "prv_1"))).then_nothing()


def test_a_new_declaration_replaces_all_that_was_recognised() -> None:
    state = claimant.fold((*KNOWN, DECLARED, RECOGNISED))
    assert isinstance(state, Registered)
    assert state.related == ("clm_2", "prv_1")
    declare = DeclareRelatedParties(parties=(), others=0, declaration_digest="q", declared_by="user-1", on=TODAY)
    none = ClaimantRelatedPartiesDeclared(
        claimant_id="clm_1", parties=(), others=0, declaration_digest="q", declared_by="user-1", on=TODAY
    )
    spec.given(*KNOWN, DECLARED, RECOGNISED).when(declare).then(none)
    assert claimant.fold((*KNOWN, DECLARED, RECOGNISED, none)).related == ()  # type: ignore[union-attr]
