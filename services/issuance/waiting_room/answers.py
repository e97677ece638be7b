"""Answers to those who asked for a place, kept under their keys."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.store.execution import Answer, IdempotencyKey
from shared.store.tables import idempotency


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
