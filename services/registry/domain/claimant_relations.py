"""Whom a claimant declares as related to it, and whom of them the register knows (art. 16)."""

from datetime import date

from shared.events.registry.claimants import ClaimantRelatedPartiesDeclared, ClaimantRelatedPartiesRecognised
from shared.kernel.decider import message
from shared.kernel.refusal import refuse


@message
class DeclareRelatedParties:
    """Name everybody who is related: `parties` by their ids here, and how many `others` are known by name alone."""

    parties: tuple[str, ...]
    others: int
    declaration_digest: str
    declared_by: str
    on: date


@message
class RecogniseRelatedParties:
    """Somebody who was named is known by an id now: whom the last declaration names, as the register stands today."""

    parties: tuple[str, ...]
    others: int
    on: date


def related_parties_declared(command: DeclareRelatedParties, claimant_id: str) -> ClaimantRelatedPartiesDeclared:
    """Write down whom a claimant declares as related; nobody is related to itself."""
    if claimant_id in command.parties:
        raise refuse("related-to-itself", article="16")
    return ClaimantRelatedPartiesDeclared(
        claimant_id=claimant_id,
        parties=command.parties,
        others=command.others,
        declaration_digest=command.declaration_digest,
        declared_by=command.declared_by,
        on=command.on,
    )


def related_parties_recognised(
    command: RecogniseRelatedParties, claimant_id: str, related: tuple[str, ...]
) -> list[ClaimantRelatedPartiesRecognised]:
    """Tell whom a declaration means where that is another than was told; nobody is related to itself."""
    parties = tuple(party for party in command.parties if party != claimant_id)
    if parties == related:
        return []
    recognised = ClaimantRelatedPartiesRecognised(
        claimant_id=claimant_id, parties=parties, others=command.others, on=command.on
    )
    return [recognised]
