"""Whether the log still gives receipts that verify: looked at in a sample of the claims, evenly spread."""

from collections.abc import AsyncIterator

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.ext.asyncio import AsyncConnection

from services.issuance.receipts.keys import SigningKey
from services.issuance.receipts.receipt import canonical, receipt_of, signed
from services.issuance.receipts.verification import verify
from shared.audit import Breach, Check, Count
from shared.store.transaction import read_stream

_SAMPLE_SIZE = 200
_SAMPLE = sa.text(
    """
    SELECT stream FROM (
        SELECT stream, position, row_number() OVER (ORDER BY position) AS number, count(*) OVER () AS total
        FROM events WHERE type = 'cxq.issuance.voucher-claimed.v1'
    ) claims WHERE number % greatest(total / :size, 1) = 0 ORDER BY position
    """
)


async def receipts_verify(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """Sign receipts with a key made for this look alone, and verify them as anybody would."""
    key = SigningKey(Ed25519PrivateKey.generate())
    published = {key.key_id: key.private.public_key()}
    for stream in (await connection.execute(_SAMPLE, {"size": _SAMPLE_SIZE})).scalars().all():
        count.checked += 1
        (claimed,) = await read_stream(connection, "issuance", stream, limit=1)
        for reason in verify(canonical(signed(receipt_of(claimed), key)), published).against:
            yield Breach(where=f"position {claimed.position}, {stream}", found=f"its receipt: {reason}")


RECEIPT_CHECKS = (
    Check(id="K5", promise="the log gives every claim a receipt that verifies (a sample)", look=receipts_verify),
)
"""Spliced into the checks of issuance."""
