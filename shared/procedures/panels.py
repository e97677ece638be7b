"""Expert panels: a draw that anyone can repeat from its published seed, and what the opinions add up to."""

from collections.abc import Collection, Iterable, Sequence
from statistics import median_low

from shared.kernel.decider import message
from shared.kernel.refusal import refuse
from shared.procedures.lots import drawn_order


@message
class Candidate:
    """An expert who could be drawn, and every organisation that the expert works for.

    `unavailable` says that the expert is away, or has as many cases as the expert takes on.
    """

    expert_id: str
    employer_id: str | None
    employers: tuple[str, ...] = ()
    unavailable: bool = False

    def is_free_for(self, parties: Collection[str]) -> bool:
        """Tell whether the expert is there, and works for no party to the case."""
        works_for = {*self.employers, *([self.employer_id] if self.employer_id is not None else [])}
        return not self.unavailable and works_for.isdisjoint(parties)


def eligible(candidates: Iterable[Candidate], parties: Iterable[str]) -> tuple[str, ...]:
    """Leave out who is not there or works for a party to the case; by id, so that the draw can be repeated."""
    excluded = set(parties)
    return tuple(sorted(candidate.expert_id for candidate in candidates if candidate.is_free_for(excluded)))


def draw(seed: str, candidates: Sequence[str], size: int, *, article: str) -> tuple[str, ...]:
    """Draw `size` experts: those whose SHA-256 of "seed:id" is smallest.

    Raises `Refused` when there are too few candidates for a panel.
    """
    if len(candidates) < size:
        raise refuse("too-few-experts", article=article, value=len(candidates), limit=size, kind="state")
    return tuple(drawn_order(seed, candidates)[:size])


@message
class Opinion:
    """What one expert would pay, in fen; nothing at all is a vote to refuse."""

    expert_id: str
    amount: int


def verdict(opinions: Sequence[Opinion]) -> int:
    """Sum up a panel of odd size: the median amount, which is 0 exactly when the majority would refuse."""
    return median_low(opinion.amount for opinion in opinions)
