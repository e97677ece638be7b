"""What the office says in words stays here; the log has a salted digest of it."""

import hashlib
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.redemption.domain.stages import Ended, Returned, State
from services.redemption.tables import words
from shared.kernel.ids import new_id
from shared.store.transaction import Transaction


def salted_digest(tx: Transaction, *said: str) -> str:
    """Digest words so that nobody can find them by guessing: SHA-256 in hexadecimal, under a salt nobody keeps."""
    return hashlib.sha256("\x1f".join((new_id("slt", tx.now), *said)).encode()).hexdigest()


async def keep_words(tx: Transaction, redemption_id: str, said: Sequence[str]) -> str:
    """Keep what was said, and give the digest under which the log names it; nothing said is an empty digest."""
    if not any(said):
        return ""
    digest = salted_digest(tx, *said)
    await tx.connection.execute(sa.insert(words).values(digest=digest, redemption_id=redemption_id, said=list(said)))
    return digest


async def words_of(connection: AsyncConnection, state: State) -> tuple[str, ...]:
    """Give the words behind a return or a refusal; other stages have none."""
    match state:
        case Returned(reasons_digest=digest) | Ended(cause_digest=digest) if digest:
            found = await connection.execute(sa.select(words.c.said).where(words.c.digest == digest))
            return tuple(found.scalar_one())
        case _:
            return ()


async def words_under(connection: AsyncConnection, digests: Sequence[str]) -> dict[str, str]:
    """Give what was said under digests of the log, by digest."""
    found = await connection.execute(sa.select(words.c.digest, words.c.said).where(words.c.digest.in_(digests)))
    return {row.digest: "\n".join(row.said) for row in found}
