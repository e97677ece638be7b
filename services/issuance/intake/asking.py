"""A claim that waits for its answer."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from services.issuance.domain.arrivals import Arrival
from shared.kernel.refusal import Refused
from shared.store.execution import Answer, IdempotencyKey
from shared.store.transaction import Cause

_NAME_LENGTH = 32


def name_of(principal: str, key: str) -> str:
    """Name somebody's key in `kept_claims`: half of a SHA-256 in hexadecimal, hit by nobody who does not know both."""
    return hashlib.sha256(f"{principal}\x1f{key}".encode()).hexdigest()[:_NAME_LENGTH]


@dataclass(slots=True, kw_only=True, eq=False)
class Waiting:
    """Somebody who waits for the answer to what came under a key."""

    key: IdempotencyKey
    answer: asyncio.Future[Answer]

    @property
    def name(self) -> tuple[str, str]:
        """Whose key it is, and which."""
        return self.key.principal, self.key.key

    @property
    def request(self) -> str:
        """What was asked, as `kept_claims` knows it: half of a SHA-256 in hexadecimal."""
        return self.key.request_hash.hex()[:_NAME_LENGTH]

    def give(self, answer: Answer) -> None:
        """Answer it; whoever has stopped waiting misses nothing."""
        if not self.answer.done():
            self.answer.set_result(answer)

    def fail(self, error: BaseException) -> None:
        """Tell it why there is no answer."""
        if not self.answer.done():
            self.answer.set_exception(error)


@dataclass(slots=True, kw_only=True, eq=False)
class Asked(Waiting):
    """An arrival with all that its answer needs: its cause, and how a refusal is told to it."""

    period_id: str
    arrival: Arrival
    cause: Cause
    told: Callable[[Refused], Answer]
    since: float
    """When it began to wait, in the event loop's seconds."""
