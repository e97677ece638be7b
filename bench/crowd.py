"""Who comes when in the opening minute of a city: made of a seed, so that it can be played again."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

PHASES = ((2.0, 3_000.0), (60.0, 500.0))
"""Seconds, and how many requests a second come on average, one after the other."""
BOT = -1
"""The client of a bot's request."""
_RETRIES = 0.20
_BOTS = 0.05
_RECENT = 1_500
_VOLLEY_S = 0.2


class Kind(StrEnum):
    """What a request is."""

    CLAIM = "claim"
    RETRY = "retry"
    BAD_TOKEN = "bad-token"  # noqa: S105 (the kind of a bot)
    UNREGISTERED = "unregistered"
    TOO_MANY = "too-many"


_KINDS_OF_BOTS = (Kind.BAD_TOKEN, Kind.UNREGISTERED, Kind.TOO_MANY)


@dataclass(frozen=True, slots=True)
class Coming:
    """One request: `due` so many seconds after the opening, of which client, under the key of which claim.

    A retry has the client and the key of a claim that came before. A bot's client is `BOT`.
    """

    due: float
    kind: Kind
    client: int
    claim: int


def opening_minute(seed: int, clients: int, phases: Sequence[tuple[float, float]] = PHASES) -> list[Coming]:
    """Let clients come in an order drawn by lot, again and again, at moments that do not depend on any answer.

    Of a hundred requests twenty are retries of one of the last claims and five a bot's; the bot that asks too much does
    so all at once, at the opening.
    """
    chance = random.Random(seed)  # noqa: S311 (it has to be the same each time)
    order = chance.sample(range(clients), clients)
    coming: list[Coming] = []
    claims: list[Coming] = []
    for number, due in enumerate(_moments(chance, phases)):
        drawn = chance.random()
        if drawn < _BOTS:
            kind = chance.choice(_KINDS_OF_BOTS)
            at_once = kind is Kind.TOO_MANY
            coming.append(Coming(chance.uniform(0, _VOLLEY_S) if at_once else due, kind, BOT, number))
        elif drawn < _BOTS + _RETRIES and claims:
            again = chance.choice(claims[-_RECENT:])
            coming.append(Coming(due, Kind.RETRY, again.client, again.claim))
        else:
            claims.append(Coming(due, Kind.CLAIM, order[len(claims) % clients], number))
            coming.append(claims[-1])
    return sorted(coming, key=lambda one: one.due)


def _moments(chance: random.Random, phases: Sequence[tuple[float, float]]) -> Iterator[float]:
    begins = 0.0
    for seconds, rate in phases:
        due = begins + chance.expovariate(rate)
        while due < begins + seconds:
            yield due
            due += chance.expovariate(rate)
        begins += seconds


def percentile(values: Sequence[float], share: float) -> float:
    """Give the value that this share of them does not exceed; ValueError when there are none."""
    found = sorted(values)
    if not found:
        raise ValueError("nothing was measured")
    return found[min(len(found) - 1, int(len(found) * share))]


def displaced(stamps: Sequence[int]) -> list[int]:
    """Find who has, in the order of places, somebody before them that arrived later, and say by how much at most."""
    latest, found = 0, []
    for stamp in stamps:
        if stamp < latest:
            found.append(latest - stamp)
        latest = max(latest, stamp)
    return found
