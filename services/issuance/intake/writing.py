"""A decided batch, written with one statement."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

import asyncpg
import msgspec

from services.issuance.domain.arrivals import Granted
from services.issuance.domain.classes import UNDIVIDED
from services.issuance.domain.period import ExhaustPeriod, period
from services.issuance.intake.asking import Asked, name_of
from services.issuance.intake.book import Book, Page
from shared.events.codec import encode, stored_type
from shared.events.definition import TYPE_OF
from shared.events.issuance.vouchers import VoucherClaimed
from shared.store.execution import Answer

_WRITE = (
    "SELECT outcome, position, revision, which FROM write_claims("
    + ", ".join(f"${number}" for number in range(1, 28))
    + ")"
)

type Refusal = tuple[Asked, Answer]
"""A claim that is refused for good, with what it is told."""
type Staleness = Literal["known", "stale_claimant", "stale_allowance", "stale_period"]


class Award(NamedTuple):
    """A claim that is granted."""

    asked: Asked
    granted: Granted


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one statement writes: awards in the order of their places, and the refusals that are kept.

    Refusals that hold for now only are not kept; but who was answered before is to get that answer.
    """

    page: Page
    awards: Sequence[Award]
    refusals: Sequence[Refusal]
    for_now: Sequence[Refusal]
    at: datetime

    @property
    def exhausted(self) -> bool:
        """Whether the awards take the last fen."""
        return bool(self.awards) and self.taken == self.page.remaining and not self.page.owed

    @property
    def taken(self) -> int:
        """What the awards take from the quota, in fen."""
        return sum(award.granted.fact.amount for award in self.awards)

    @property
    def parts(self) -> tuple[Sequence[int] | None, Sequence[int] | None]:
        """What the classes have left after the last award, and what they have released; None where there are none."""
        after = self.awards[-1].granted.parts if self.awards else UNDIVIDED
        return after.rests or None, after.released or None

    @property
    def asking(self) -> list[Asked]:
        """Everyone who gets an answer, those who are granted first."""
        refused = (asked for asked, _ in (*self.refusals, *self.for_now))
        return [*(award.asked for award in self.awards), *refused]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The batch is durable: the position of its first event, the revision of the quota after it.

    `ended` tells whether the period's exhaustion was written down with it.
    """

    first_position: int
    revision: int
    ended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """Nothing was written: these answers are known already, or these copies are out of date."""

    what: Staleness
    answers: Sequence[Asked] = ()
    claimants: Sequence[str] = ()


async def write(connection: "asyncpg.Connection[Any]", batch: Batch, book: Book) -> Written | Stale:
    """Write a batch whole, or not at all; asyncpg's errors pass through."""
    asking = batch.asking
    names = sorted({asked.arrival.claimant_id for asked in asking})
    years = sorted({asked.arrival.year for asked in asking})
    known = {name: book.known(name) for name in names}
    added, ceilings = dict.fromkeys(years, 0), dict.fromkeys(years, 0)
    facts = [award.granted.fact for award in batch.awards]
    for fact in facts:
        year = fact.claimant_id, fact.year
        added[year] += fact.amount
        ceilings[year] = fact.allowance
    end = _end(batch)
    answers = [answer for _, answer in batch.refusals]
    (row,) = await connection.fetch(
        _WRITE,
        batch.page.period.period_id,
        batch.page.revision,
        batch.taken,
        len(facts),
        *batch.parts,
        _listed(names),
        [known[name].revision for name in names],
        _listed(name for name, _ in years),
        [year for _, year in years],
        [known[name].counted.get(year, 0) for name, year in years],
        list(added.values()),
        list(ceilings.values()),
        _listed(fact.voucher_id for fact in facts),
        _listed(fact.claimant_id for fact in facts),
        TYPE_OF[VoucherClaimed].stored,
        _listed_bytes([msgspec.json.encode(fact) for fact in facts]),
        _listed_bytes([_metadata(award) for award in batch.awards]),
        *end,
        _listed(name_of(*asked.name) for asked in asking),
        _listed(asked.request for asked in asking[: len(facts) + len(answers)]),
        [answer.status for answer in answers],
        _listed_bytes([msgspec.json.encode(answer.headers) for answer in answers]),
        _listed_bytes([answer.body for answer in answers]),
        batch.at,
    )
    outcome, position, revision, which = row
    if outcome == "written":
        ended = end[0] is not None
        return Written(first_position=position - len(facts) - ended + 1, revision=revision, ended=ended)
    numbers = [number - 1 for number in which or ()]
    match outcome:
        case "known":
            return Stale(what=outcome, answers=[asking[number] for number in numbers])
        case "stale_claimant":
            return Stale(what=outcome, claimants=[names[number] for number in numbers])
        case "stale_allowance":
            return Stale(what=outcome, claimants=[years[number][0] for number in numbers])
        case _:
            return Stale(what="stale_period")


def _end(batch: Batch) -> tuple[str | None, str | None, int | None]:
    """Give the type, the payload and the version of the period's exhaustion, where the last fen is taken."""
    if batch.exhausted:
        for end in period.decide(ExhaustPeriod(at=batch.at), batch.page.period):
            return stored_type(end), encode(end).decode(), batch.page.version + 1
    return None, None, None


def _metadata(award: Award) -> bytes:
    """Write why a claim was made, and through which channel."""
    cause, channel_id = award.asked.cause, award.granted.channel_id
    known = cause if channel_id is None else cause._replace(channel=channel_id)
    return known.metadata(award.asked.arrival.on)


def _listed(texts: Iterable[str]) -> str:
    """Write a list of texts as the statement reads it."""
    return "\x1f".join(texts)


def _listed_bytes(texts: Iterable[bytes]) -> str:
    return b"\x1f".join(texts).decode()
