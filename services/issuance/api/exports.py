"""The journal as a file: a signed link to a file that is made while it is fetched (art. 16).

Entries never change and come in the order of the log, so that the filters, the format and the last position say all
that the file will hold: there is no job to wait for, and nothing to keep.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from fastapi import Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from services.issuance.api.ledger_models import AccountName
from services.issuance.domain.postings import Account
from services.issuance.projections.ledger import LEDGER_LINES, TABLE, ledger_lines
from services.issuance.reports.ledger_file import BOM, HEADINGS, Workbook, cells_of, csv_lines
from shared.http.commands import Presented, response_of
from shared.http.links import VALID_FOR, Links
from shared.http.models import Body, View
from shared.http.problems import ProblemError
from shared.http.reading import ReadRequest
from shared.http.routes import operation, router_for

router = router_for("issuance", tag="ledger")

WORKBOOK_ROWS_MAX = 20_000
"""More rows take longer to put into a workbook than an answer may take to begin; `cxq export ledger` knows no limit."""
_PURPOSE = "ledger-export"
_CHUNK = 5_000
_PIECE = 64 * 1024
_MEDIA = {"csv": "text/csv", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
_FILES: dict[int | str, dict[str, Any]] = {
    200: {"content": {each: {"schema": {"type": "string"}} for each in _MEDIA.values()}}
}


class ExportOrder(Body):
    format: Literal["csv", "xlsx"] = Field(description="文件格式 · Kind of file", examples=["csv"])
    period_id: str | None = Field(
        default=None, min_length=1, max_length=64, examples=["prd_01jq8v5x0000000000000000aa"]
    )
    year: int | None = Field(
        default=None, ge=2000, le=9999, description="申领年度 · Year of the claim", examples=[2026]
    )
    claimant_id: str | None = Field(
        default=None, min_length=1, max_length=64, examples=["clm_01jq8v5x0000000000000000cc"]
    )
    account: AccountName | None = None
    since: date | None = Field(default=None, description="记账日起（含） · First day", examples=["2026-03-01"])
    until: date | None = Field(default=None, description="记账日止（含） · Last day", examples=["2026-03-31"])


class Export(View):
    format: Literal["csv", "xlsx"] = Field(examples=["csv"])
    entries: int = Field(description="分录笔数 · Entries in the file", examples=[377])
    as_of: int = Field(description="截至的日志位置 · The log's position it goes up to", examples=[1042])
    href: str = Field(
        description="已签名的下载地址，十分钟内有效，无需令牌 · Signed; valid for ten minutes, needs no token",
        examples=["/v1/ledger/exports/c2lnbmVk"],
    )
    expires_at: datetime = Field(examples=["2026-03-01T01:10:00Z"])


class Ordered(msgspec.Struct, frozen=True, kw_only=True):
    """What a link carries."""

    format: Literal["csv", "xlsx"]
    as_of: int
    period_id: str | None
    year: int | None
    claimant_id: str | None
    account: Account | None
    since: date | None
    until: date | None

    def select(self) -> sa.Select[Any]:
        """Select the lines of the file."""
        return ledger_lines(
            claimant_id=self.claimant_id,
            period_id=self.period_id,
            year=self.year,
            account=self.account,
            since=self.since,
            until=self.until,
        ).where(TABLE.c.position <= self.as_of)


@router.post(
    "/ledger/exports",
    operation_id="orderLedgerExport",
    status_code=202,
    response_model=Export,
    summary="导出分录 · Have the entries as a file: answers with a signed link",
    openapi_extra=operation(idempotent=False, codes=("export-too-large",)),
)
async def order_export(body: ExportOrder, request: ReadRequest) -> Response:
    position = await request.caught_up(LEDGER_LINES)
    ordered = Ordered(as_of=position, **body.model_dump())
    async with request.connection() as connection:
        found = ordered.select().with_only_columns(sa.func.count())
        count: int = (await connection.execute(found)).scalar_one()
    if body.format == "xlsx" and count > WORKBOOK_ROWS_MAX:
        raise ProblemError("export-too-large", value=count, limit=WORKBOOK_ROWS_MAX)
    expires_at = request.now + VALID_FOR
    link = Links(request.settings, _PURPOSE).write(ordered, expires_at)
    href = f"/v1/ledger/exports/{link}"
    view = Export(format=body.format, entries=count, as_of=position, href=href, expires_at=expires_at)
    return response_of(Presented(body=view, status=202, location=href).answer())


@router.get(
    "/ledger/exports/{link}",
    operation_id="downloadLedgerExport",
    response_class=StreamingResponse,
    responses=_FILES,
    summary="下载分录文件 · Fetch the file a signed link is for",
    openapi_extra=operation(idempotent=False, codes=("link-not-valid",)),
)
async def download_export(link: str, request: ReadRequest) -> Response:
    ordered = Links(request.settings, _PURPOSE).read(link, request.now, Ordered)
    name = f"ledger-{ordered.as_of}.{ordered.format}"
    pieces = _csv(ordered, request) if ordered.format == "csv" else await _workbook(ordered, request)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(pieces, media_type=_MEDIA[ordered.format], headers=headers)


async def _csv(ordered: Ordered, request: ReadRequest) -> AsyncIterator[bytes]:
    yield (BOM + csv_lines([HEADINGS])).encode()
    async for rows in _chunks(ordered, request):
        yield csv_lines(cells_of(row) for row in rows).encode()


async def _workbook(ordered: Ordered, request: ReadRequest) -> AsyncIterator[bytes]:
    """Write the whole workbook, which cannot be begun before it is finished, and give it piece by piece."""
    folder = await asyncio.to_thread(tempfile.TemporaryDirectory)
    try:
        path = Path(folder.name) / "ledger.xlsx"
        with Workbook(path) as book:
            async for rows in _chunks(ordered, request):
                await asyncio.to_thread(book.add, [cells_of(row) for row in rows])
        content = await asyncio.to_thread(path.read_bytes)
    finally:
        await asyncio.to_thread(folder.cleanup)

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(content), _PIECE):
            yield content[start : start + _PIECE]

    return pieces()


async def _chunks(ordered: Ordered, request: ReadRequest) -> AsyncIterator[Any]:
    """Read the lines in their order, each chunk by itself: a slow reader holds no transaction open."""
    last = (0, 0)
    place = sa.tuple_(TABLE.c.position, TABLE.c.line)
    while True:
        behind = place > sa.tuple_(sa.literal(last[0], sa.BigInteger), sa.literal(last[1], sa.SmallInteger))
        select = ordered.select().where(behind).order_by(TABLE.c.position, TABLE.c.line).limit(_CHUNK)
        async with request.connection() as connection:
            rows = (await connection.execute(select)).all()
        if not rows:
            return
        last = (rows[-1].position, rows[-1].line)
        yield rows
