"""What claimants are called in the public order list: names that nobody can turn back without the period's secret."""

import hashlib
import hmac
import secrets

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.issuance.tables import pseudonym_keys

_KEY_BYTES = 32
_LENGTH = 32
"""Hexadecimal digits of a pseudonym: 128 bits, so that no two claimants share one."""


async def draw_key(connection: AsyncConnection, period_id: str) -> None:
    """Draw the secret of a period once; it stays in its table, and no event ever has it."""
    statement = insert(pseudonym_keys).values(period_id=period_id, key=secrets.token_bytes(_KEY_BYTES))
    await connection.execute(statement.on_conflict_do_nothing())


async def key_of(connection: AsyncConnection, period_id: str) -> bytes | None:
    """Read the secret of a period; None while it is not closed."""
    statement = sa.select(pseudonym_keys.c.key).where(pseudonym_keys.c.period_id == period_id)
    found: bytes | None = await connection.scalar(statement)
    return found


def pseudonym(key: bytes, claimant_id: str) -> str:
    """Name a claimant in one period's list: HMAC-SHA-256, cut to 32 hexadecimal digits.

    One claimant has one name in a list and another in every other list. Ids and credit codes can be guessed, so a plain
    digest of them would be no secret; the key is.
    """
    return hmac.new(key, claimant_id.encode(), hashlib.sha256).hexdigest()[:_LENGTH]
