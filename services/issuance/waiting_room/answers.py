"""Answers to those who asked for a place, kept under their keys."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg
import msgspec
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.issuance.intake.asking import Waiting
from shared.store.execution import Answer, IdempotencyKey, KeyReusedError
from shared.store.tables import idempotency

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
        one = asked[number - 1]
        if request_hash != one.key.request_hash:
            one.fail(KeyReusedError(one.key.key))
        else:
            given = msgspec.json.decode(headers, type=dict[str, str])
            one.give(Answer(status=status, headers=given, body=body, replayed=True))


async def keep(connection: AsyncConnection, answers: Sequence[tuple[IdempotencyKey, Answer]], at: datetime) -> None:
    """Keep answers for ever; where one was kept meanwhile, that one stays."""
    if answers:
        rows = [
            {
                "principal": key.principal,
                "operation": key.operation,
                "key": key.key,
                "request_hash": key.request_hash,
                "status": answer.status,
                "headers": dict(answer.headers),
                "body": answer.body,
                "recorded_at": at,
            }
            for key, answer in answers
        ]
        await connection.execute(insert(idempotency).on_conflict_do_nothing(), rows)
