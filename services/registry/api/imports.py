"""Facilities by the thousand: a file that becomes a job, and the pushes of laboratory systems (art. 5, 6)."""

import asyncio
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import File, Form, Path, Query, Request, Response, UploadFile
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registry.api.import_models import ImportView, PushBody, PushView, RowView
from services.registry.domain.facility_row import COLUMNS
from services.registry.files.reading import read_rows
from services.registry.tables import facility_import_rows, facility_imports, providers
from services.registry.use_cases.importing_facilities import (
    ImportRow,
    Result,
    import_rows,
    keep_import,
    portions_of,
    provider_of_import,
)
from shared.http.commands import CommandRequest, Presented
from shared.http.edge import writer_of
from shared.http.identity import Caller
from shared.http.policy import Role
from shared.http.problems import Writer
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.store.transaction import Transaction, UnknownSubjectError

router = router_for("registry", tag="facility-imports")
_HEADINGS = {heading: name for name, headings in COLUMNS.items() for heading in headings}
ImportId = Annotated[str, Path(max_length=40)]


@router.post(
    "/facility-imports",
    operation_id="importFacilities",
    status_code=202,
    response_model=ImportView,
    summary="批量导入设施与仪器 · Import a file of facilities",
    openapi_extra=operation(
        codes=(
            "file-empty", "file-type-not-accepted", "file-unpacks-to-too-much", "import-encoding-unknown",
            "import-columns-missing", "import-line-too-long", "import-too-many-rows", "import-has-no-rows",
            "import-malformed", "import-one-sheet-only", "provider-not-listed", "party-barred",
        )
    ),
)  # fmt: skip
async def import_facilities(
    file: Annotated[
        UploadFile, File(description="CSV（UTF-8 或 GB18030）或 XLSX，至多 20 MiB · CSV or XLSX, at most 20 MiB")
    ],
    request: CommandRequest,
    provider_id: Annotated[
        str | None, Form(max_length=40, description="由工作人员导入时必填 · Required of an officer")
    ] = None,
) -> Response:
    """Take a file for the own institution, or as an officer for any; its rows are then worked off in portions."""
    content = await file.read()
    rows, portions = await asyncio.to_thread(_packed, content)
    import_id, caller = request.new_id("imp"), request.caller

    async def keep(tx: Transaction) -> ImportView:
        officer = caller.role is Role.OFFICER
        owner = await provider_of_import(tx, caller.principal, provider_id, officer=officer)
        await keep_import(tx, import_id, owner, caller.principal, portions, rows)
        return await _shown(tx.connection, import_id, caller)

    location = f"/v1/facility-imports/{import_id}"
    return await request.run(keep, lambda view: Presented(body=view, status=202, location=location))


@router.get(
    "/facility-imports/{import_id}",
    operation_id="getFacilityImport",
    response_model=ImportView,
    summary="导入进度 · How far an import has come",
    openapi_extra=operation(idempotent=False),
)
async def get_facility_import(import_id: ImportId, request: ReadRequest) -> ImportView:
    """Show a job to who sent it, to its provider and to the office."""
    async with request.connection() as connection:
        return await _shown(connection, import_id, request.caller)


@router.get(
    "/facility-imports/{import_id}/rows",
    operation_id="listFacilityImportRows",
    response_model=Page[RowView],
    summary="逐行结果 · What became of each row",
    openapi_extra=operation(idempotent=False),
)
async def list_facility_import_rows(
    import_id: ImportId,
    request: ReadRequest,
    http: Request,
    result: Annotated[Result | None, Query()] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Page[RowView]:
    """List the rows worked off so far, in the order of the file."""
    async with request.connection() as connection:
        await _shown(connection, import_id, request.caller)
    table, writer = facility_import_rows, writer_of(http)
    query = sa.select(table).where(table.c.import_id == import_id)
    if result is not None:
        query = query.where(table.c.result == result)
    return await request.page(query, [table.c.row], limit, cursor, lambda row: _row(row, writer))


@router.post(
    "/facility-pushes",
    operation_id="pushFacilities",
    response_model=PushView,
    summary="实验室系统推送设施与仪器 · Facilities pushed by a laboratory system",
    openapi_extra=operation(codes=("provider-not-listed", "party-barred")),
)
async def push_facilities(body: PushBody, request: CommandRequest, http: Request) -> Response:
    """Open and change up to 200 facilities of the own institution at once; each has its own outcome."""
    rows = [
        ImportRow(row=place, cells={_HEADINGS[name]: text for name, text in told.items() if name in _HEADINGS})
        for place, told in enumerate(body.facilities, start=1)
    ]
    writer = writer_of(http)

    async def push(tx: Transaction) -> PushView:
        owner = await provider_of_import(tx, request.caller.principal, None, officer=False)
        return PushView(results=[_row(outcome, writer) for outcome in await import_rows(tx, owner, rows)])

    return await request.run(push, lambda view: Presented(body=view))


def _packed(content: bytes) -> tuple[int, list[bytes]]:
    rows = [
        ImportRow(row=found.row, cells=found.cells, formula=found.formula) for found in read_rows(content, _HEADINGS)
    ]
    return len(rows), portions_of(rows)


async def _shown(connection: AsyncConnection, import_id: str, caller: Caller) -> ImportView:
    """Show a job; `UnknownSubjectError` for a provider that neither sent it nor owns what it brings."""
    job = (
        await connection.execute(
            sa.select(facility_imports, providers.c.principal)
            .join(providers, providers.c.provider_id == facility_imports.c.provider_id)
            .where(facility_imports.c.import_id == import_id)
        )
    ).one_or_none()
    if job is None or (caller.role is Role.PROVIDER and caller.principal not in {job.principal, job.requested_by}):
        raise UnknownSubjectError(import_id)
    table = facility_import_rows
    counted = await connection.execute(
        sa.select(table.c.result, sa.func.count().label("found"))
        .where(table.c.import_id == import_id)
        .group_by(table.c.result)
    )
    counts: dict[str, int] = {row.result: row.found for row in counted}
    return ImportView(
        import_id=import_id,
        provider_id=job.provider_id,
        state="running" if job.finished_at is None else "finished",
        rows=job.rows,
        done=sum(counts.values()),
        created=counts.get("created", 0),
        changed=counts.get("changed", 0),
        unchanged=counts.get("unchanged", 0),
        refused=counts.get("refused", 0),
        started_at=job.started_at,
        finished_at=job.finished_at,
    )


def _row(outcome: Any, writer: Writer) -> RowView:
    """Say what became of a row, a refusal in the caller's language."""
    entry = writer.catalogue.get(outcome.code)
    said = "" if entry is None else f"{entry.title[writer.language]}. {entry.remedy[writer.language]}"
    return RowView(
        row=outcome.row,
        number=outcome.number,
        result=outcome.result,
        facility_id=outcome.facility_id,
        code=outcome.code,
        column=outcome.column,
        message=said.replace(". ", "：", 1) if writer.language == "zh" else said,
    )
