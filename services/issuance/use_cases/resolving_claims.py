"""Resolving a claim whose answer was lost: what became of it, and if it never came, that it never will."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.kernel.refusal import Refused, refuse
from shared.store.execution import Answer, Commands, IdempotencyKey, KeyReusedError
from shared.store.tables import idempotency
from shared.store.transaction import Cause, Transaction

_FENCE = b"resolved before it came"
"""No request has this payload: a key recorded with it can never be used by a claim."""


async def resolve_claim(
    commands: Commands,
    cause: Cause,
    *,
    principal: str,
    operation: str,
    key: str,
    refused: Callable[[Refused], Answer],
    connection: Callable[[], AbstractAsyncContextManager[AsyncConnection]],
) -> Answer | None:
    """Give the answer a claim had under a key; None when it never came, and from now on the key is refused.

    Raises KeyInProgressError while the claim is being decided, and what `Commands.execute` raises.
    """
    fence = IdempotencyKey(principal=principal, operation=operation, key=key, payload=_FENCE)
    try:
        await commands.execute(cause, _refuse_late_twin, answer=_never, refused=refused, key=fence)
    except KeyReusedError:
        async with connection() as reading:
            return await _answer_of(reading, principal, operation, key)
    return None


async def _refuse_late_twin(_tx: Transaction) -> None:
    raise refuse("claim-resolved-as-not-seen", article="15(1)", kind="state")


def _never(_result: None, _tx: Transaction) -> Answer:
    raise AssertionError("a fence is always a refusal")


async def _answer_of(connection: AsyncConnection, principal: str, operation: str, key: str) -> Answer:
    found = await connection.execute(
        sa.select(idempotency.c.status, idempotency.c.headers, idempotency.c.body).where(
            idempotency.c.principal == principal,
            idempotency.c.operation == operation,
            idempotency.c.key == key,
        )
    )
    row = found.one()
    return Answer(status=row.status, headers=row.headers, body=bytes(row.body), replayed=True)
