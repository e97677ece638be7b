"""Answers that were given before, by the key they were given to: kept as they were, or written again from the log."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import asyncpg
import msgspec
import sqlalchemy as sa

from services.issuance.claimants import driver_of
from services.issuance.intake.asking import Waiting, name_of
from shared.events.codec import decode
from shared.events.issuance.vouchers import VoucherClaimed
from shared.store.execution import Answer, KeyFencedError, KeyReusedError
from shared.store.transaction import Transaction

type Awarded = Callable[[VoucherClaimed, int], Answer]
"""Writes what a granted claim is told, from its fact and the place of that in the log: always the same."""

_ANSWERS = """
SELECT a.number, coalesce(replace(CAST(k.request AS text), '-', ''), ''), coalesce(k.status, 0),
    coalesce(CAST(k.headers AS text), ''), k.body, coalesce(k.position, 0), coalesce(e.type, ''),
    coalesce(CAST(e.data AS text), '')
FROM unnest(CAST($1 AS uuid[])) WITH ORDINALITY AS a (name, number)
JOIN kept_claims k ON k.name = a.name LEFT JOIN events e ON e.position = k.position
"""
_CLOSE = sa.text("INSERT INTO kept_claims (name, recorded_at) VALUES (CAST(:name AS uuid), :at) ON CONFLICT DO NOTHING")


class Kept(NamedTuple):
    """What a key stands for, a row of `kept_claims` with the fact of what was granted; "" and 0 where there is none."""

    request: str
    status: int
    headers: str
    body: bytes | None
    position: int
    type: str
    data: str

    def answer(self, granted: Awarded) -> Answer | None:
        """Give the answer again, byte by byte; None for a key that was closed."""
        if not self.request:
            return None
        if self.body is not None:
            headers = msgspec.json.decode(self.headers, type=dict[str, str])
            return Answer(status=self.status, headers=headers, body=bytes(self.body), replayed=True)
        return granted(decode(self.type, self.data), self.position)._replace(replayed=True)


async def resolve(connection: "asyncpg.Connection[Any]", asked: Sequence[Waiting], granted: Awarded) -> None:
    """Give everyone whose key has an answer that answer, as it was given first; the others go on waiting."""
    for number, kept in await _kept(connection, [name_of(*one.name) for one in asked]):
        _replay(asked[number], kept, granted)


async def _kept(connection: "asyncpg.Connection[Any]", names: Sequence[str]) -> list[tuple[int, Kept]]:
    """Look names up; what is found has the number of its name, from 0."""
    if not names:
        return []
    return [(number - 1, Kept(*kept)) for number, *kept in await connection.fetch(_ANSWERS, names)]


def _replay(asked: Waiting, kept: Kept, granted: Awarded) -> None:
    answer = kept.answer(granted)
    if answer is None:
        asked.fail(KeyFencedError(asked.key.key))
    elif kept.request != asked.request:
        asked.fail(KeyReusedError(asked.key.key))
    else:
        asked.give(answer)


async def close_key(tx: Transaction, *, principal: str, key: str, granted: Awarded) -> Answer | None:
    """Give the answer kept under a key; None when there is none, and from now on there will never be one.

    A claim that comes under the key later, whatever it asks, is refused with `KeyFencedError`.
    """
    name = name_of(principal, key)
    closed = await tx.connection.execute(_CLOSE, {"name": name, "at": tx.now})
    if closed.rowcount:
        return None
    ((_, kept),) = await _kept(await driver_of(tx.connection), [name])
    return kept.answer(granted)
