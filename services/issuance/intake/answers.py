"""Answers that were given before, by the key they were given to."""

from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec

from services.issuance.intake.asking import Waiting
from shared.store.execution import FENCE, Answer, KeyFencedError, KeyReusedError

_ANSWERS = """
SELECT a.number, i.request_hash, i.status, i.headers::text, i.body
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS a (principal, key, number)
JOIN idempotency i ON i.principal = a.principal AND i.operation = $3 AND i.key = a.key
"""


async def resolve(connection: "asyncpg.Connection[Any]", asked: Sequence[Waiting]) -> None:
    """Give everyone whose key has an answer that answer, as it was given first; the others go on waiting."""
    if not asked:
        return
    principals, keys = [one.key.principal for one in asked], [one.key.key for one in asked]
    found = await connection.fetch(_ANSWERS, principals, keys, asked[0].key.operation)
    for number, request_hash, status, headers, body in found:
        _replay(asked[number - 1], request_hash, status, headers, body)


def _replay(asked: Waiting, request_hash: bytes, status: int, headers: str, body: bytes) -> None:
    if request_hash == FENCE:
        asked.fail(KeyFencedError(asked.key.key))
    elif request_hash != asked.key.request_hash:
        asked.fail(KeyReusedError(asked.key.key))
    else:
        given = msgspec.json.decode(headers, type=dict[str, str])
        asked.give(Answer(status=status, headers=given, body=body, replayed=True))
