"""How vouchers and years stood at a position of the log: folded from the log itself, as far as it went then."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.issuance.projections.annual_totals import ANNUAL_TOTALS
from services.issuance.projections.voucher_balances import VOUCHER_BALANCES, vouchers_of
from shared.projections.projection import Projection, Rows
from shared.store.tables import events
from shared.store.transaction import read_streams

_CONTEXT = "issuance"
_VOUCHERS = "voucher-"


def stream_of(voucher_id: str) -> str:
    """Name the stream of a voucher."""
    return _VOUCHERS + voucher_id


def voucher_of(stream: str) -> str:
    """Name the voucher of a stream; of another's, nothing."""
    return stream.removeprefix(_VOUCHERS) if stream.startswith(_VOUCHERS) else ""


def claimed_by(voucher_id: sa.ColumnElement[Any], position: int) -> sa.ColumnElement[bool]:
    """Say in SQL that a voucher was claimed by then."""
    claim = sa.select(events.c.position).where(
        events.c.stream == sa.literal(_VOUCHERS, sa.Text) + voucher_id, events.c.version == 1
    )
    return claim.scalar_subquery() <= position


async def vouchers_at(connection: AsyncConnection, voucher_ids: Sequence[str], position: int) -> list[Any]:
    """Give the rows of `voucher_balances` as they were, in the order asked for; one not claimed by then is left out."""
    found = await _folded(connection, VOUCHER_BALANCES, voucher_ids, position)
    return [SimpleNamespace(**row) for voucher_id in voucher_ids if (row := found.get((voucher_id,))) is not None]


async def totals_at(connection: AsyncConnection, claimant_id: str, position: int) -> list[Any]:
    """Give a claimant's rows of `annual_totals` as they were, the newest year first.

    The read model of the vouchers has come to the position: it names the streams, the log says the rest.
    """
    own = vouchers_of(claimant_id).with_only_columns(sa.column("voucher_id", sa.Text))
    voucher_ids = list((await connection.execute(own)).scalars())
    found = await _folded(connection, ANNUAL_TOTALS, voucher_ids, position)
    years = (SimpleNamespace(**row) for row in found.values() if row is not None)
    return sorted(years, key=lambda row: -int(row.year))


async def _folded(
    connection: AsyncConnection, projection: Projection, voucher_ids: Sequence[str], position: int
) -> Rows:
    rows: Rows = {}
    streams = [stream_of(voucher_id) for voucher_id in voucher_ids]
    projection.fold(rows, await read_streams(connection, _CONTEXT, streams, until=position))
    return rows
