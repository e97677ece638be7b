"""Expert panels: a draw that anyone can repeat from its published seed, and what the opinions add up to."""

import hashlib
from collections.abc import Iterable, Sequence
from statistics import median_low

from shared.kernel.decider import message
from shared.kernel.refusal import refuse


@message
class Candidate:
    """An expert who could be drawn, and the organisation that the expert works for."""

    expert_id: str
    employer_id: str | None


def eligible(candidates: Iterable[Candidate], parties: Iterable[str]) -> tuple[str, ...]:
    """Leave out who works for a party to the case; the order is by id, so that the draw can be repeated."""
    excluded = set(parties)
    return tuple(sorted(c.expert_id for c in candidates if c.employer_id is None or c.employer_id not in excluded))


def draw(seed: str, candidates: Sequence[str], size: int, *, article: str) -> tuple[str, ...]:
    """Draw `size` experts: those whose SHA-256 of "seed:id" is smallest.

    Raises `Refused` when there are too few candidates for a panel.
    """
    if len(candidates) < size:
        raise refuse("too-few-experts", article=article, value=len(candidates), limit=size, kind="state")
    ranked = sorted(candidates, key=lambda expert: hashlib.sha256(f"{seed}:{expert}".encode()).digest())
    return tuple(ranked[:size])


@message
class Opinion:
    """What one expert would pay, in fen; nothing at all is a vote to refuse."""

    expert_id: str
    amount: int


def verdict(opinions: Sequence[Opinion]) -> int:
    """Sum up a panel of odd size: the median amount, which is 0 exactly when the majority would refuse."""
    return median_low(opinion.amount for opinion in opinions)
