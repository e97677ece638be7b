"""Tianjin's and Hebei's accepting institutions: the public list of any day, and its editions (art. 19)."""

import asyncio
from datetime import date
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import File, Form, Path, Request, Response, UploadFile
from pydantic import BeforeValidator, Field

from services.registry.api.measures import Day, as_written
from services.registry.api.new_products import FILE_CODES, message_of
from services.registry.domain.mutual_recognition import COLUMNS, Editions, Event, differences, mutual_list
from services.registry.files.reading import FileRow, read_rows
from services.registry.recognition_tables import mutual_editions, mutual_entries
from services.registry.use_cases import recognising_partners
from services.registry.use_cases.appointing_office_users import check_duty
from services.registry.use_cases.recognising_partners import (
    RowRefused,
    edition_on,
    institutions_of,
    read_list,
    stream_of_region,
)
from shared.events.registry.recognition import AcceptingInstitution, Region
from shared.http.commands import CommandRequest, Presented
from shared.http.edge import writer_of
from shared.http.identity import Caller
from shared.http.models import Body, View
from shared.http.policy import Role
from shared.http.problems import Writer
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.kernel.calendar import business_date
from shared.store.transaction import Handled, Transaction, UnknownSubjectError

router = router_for("registry", tag="mutual-lists")

_HEADINGS = {heading: name for name, headings in COLUMNS.items() for heading in headings}
_REFUSALS = ("edition-waits-for-approval", "edition-not-ahead", "edition-not-after-the-latest")
RegionName = Annotated[Region, Path(description="天津或河北 · Tianjin or Hebei", examples=["tianjin"])]
EditionId = Annotated[str, Path(max_length=40, examples=["med_01kdvdna00ek7990e5df8shghf"])]
_Text = Annotated[str, Field(max_length=500)]


class InstitutionBody(Body):
    """An institution as a partner's system tells it; what is wrong with it is said in its row's result."""

    credit_code: _Text = Field(examples=["12120000401200000F"])
    name: _Text = Field(examples=["天津市测试研究中心"])
    services: _Text = Field(examples=["材料检测、电磁兼容测试"])


class PushedListBody(Body):
    first_day: date = Field(description="首日，须在今天之后 · First day, after today", examples=["2027-01-01"])
    institutions: Annotated[
        tuple[InstitutionBody, ...], Field(min_length=1, max_length=recognising_partners.ROWS_MAX)
    ] = Field(description="全部机构，而非增减 · All of them, not what changed")


class InstitutionView(View):
    credit_code: str
    name: str
    services: str

    @classmethod
    def of(cls, institution: AcceptingInstitution) -> "InstitutionView":
        """Show an institution."""
        return cls(credit_code=institution.credit_code, name=institution.name, services=institution.services)


class DifferenceView(View):
    """An institution on which an edition differs from the one before it."""

    kind: Literal["added", "removed", "changed"]
    before: InstitutionView | None
    after: InstitutionView | None


class EditionItem(View):
    """An edition of a region's list."""

    edition_id: str
    region: Region
    first_day: date
    stage: Literal["waiting", "approved", "dropped"]
    proposed_by: str
    proposed_on: date
    approved_by: str | None
    approved_on: date | None
    dropped_by: str | None
    dropped_on: date | None


class EditionView(EditionItem):
    """An edition with what it changes, compared with the list as it stands the day before its first."""

    institutions: int
    added: int
    removed: int
    changed: int
    differences: list[DifferenceView]


class RefusedRowView(View):
    row: int
    credit_code: str
    code: str
    column: str
    message: str


class ReceivedListView(View):
    """What became of a list: an edition that waits for approval, or the rows that keep it from being one."""

    edition: EditionView | None
    read: int
    refused: list[RefusedRowView]


@router.post(
    "/mutual-lists/{region}/imports",
    operation_id="importMutualList",
    response_model=ReceivedListView,
    summary="导入互认收券单位名单 · Import a partner's list",
    openapi_extra=operation(codes=(*FILE_CODES, *_REFUSALS, "duty-missing")),
)
async def import_mutual_list(
    region: RegionName,
    file: Annotated[
        UploadFile, File(description="CSV（UTF-8 或 GB18030）或 XLSX，至多 1000 行 · CSV or XLSX, at most 1,000 rows")
    ],
    first_day: Annotated[
        date, BeforeValidator(as_written), Form(description="首日，须在今天之后 · First day, after today")
    ],
    request: CommandRequest,
    http: Request,
) -> Response:
    """Propose a partner's file as the region's next list; with a bad row nothing is proposed, and each is named."""
    content = await file.read()
    rows = await asyncio.to_thread(read_rows, content, _HEADINGS)
    return await _receive(region, first_day, rows, request, writer_of(http))


@router.post(
    "/mutual-lists/{region}/pushes",
    operation_id="pushMutualList",
    response_model=ReceivedListView,
    summary="互认合作方推送收券单位名单 · A partner pushes its list",
    openapi_extra=operation(codes=("import-too-many-rows", *_REFUSALS)),
)
async def push_mutual_list(
    region: RegionName, body: PushedListBody, request: CommandRequest, http: Request
) -> Response:
    """Propose the own region's next list from the partner's system; our office approves it or not."""
    _check_own(request.caller, region)
    rows = [
        FileRow(row=place, cells={"credit_code": each.credit_code, "name": each.name, "services": each.services},
                formula=False)
        for place, each in enumerate(body.institutions, start=1)
    ]  # fmt: skip
    return await _receive(region, body.first_day, rows, request, writer_of(http))


@router.get(
    "/mutual-lists/{region}/institutions",
    operation_id="listAcceptingInstitutions",
    response_model=Page[InstitutionView],
    summary="某日互认的收券单位 · The accepting institutions of a day",
    openapi_extra=operation(idempotent=False),
)
async def list_accepting_institutions(
    region: RegionName, request: ReadRequest, on: Day = None, limit: Limit = 50, cursor: CursorText = None
) -> Page[InstitutionView]:
    """List the institutions of a region that accept vouchers on a day, today by default."""
    async with request.reading() as tx:
        edition_id = await edition_on(tx, region, on or business_date(request.now))
    query = sa.select(mutual_entries).where(mutual_entries.c.edition_id == edition_id)
    return await request.page(query, [mutual_entries.c.credit_code], limit, cursor, _entry)


@router.get(
    "/mutual-lists/{region}/editions",
    operation_id="listMutualEditions",
    response_model=Page[EditionItem],
    summary="名单的各个版本 · The editions of a list",
    openapi_extra=operation(idempotent=False),
)
async def list_mutual_editions(
    region: RegionName, request: ReadRequest, limit: Limit = 50, cursor: CursorText = None
) -> Page[EditionItem]:
    """List every edition that ever came in, the latest first, to the office and to the region itself."""
    _check_own(request.caller, region)
    query = sa.select(mutual_editions).where(mutual_editions.c.region == region)
    keys = [mutual_editions.c.edition_id.desc()]
    return await request.page(query, keys, limit, cursor, lambda row: EditionItem(**_plain(row)))


@router.get(
    "/mutual-lists/{region}/editions/{edition_id}",
    operation_id="getMutualEdition",
    response_model=EditionView,
    summary="一个版本及其增减 · One edition and what it changes",
    openapi_extra=operation(idempotent=False),
)
async def get_mutual_edition(region: RegionName, edition_id: EditionId, request: ReadRequest) -> Response:
    """Show an edition beside the list that it replaces or replaced."""
    _check_own(request.caller, region)
    async with request.reading() as tx:
        loaded = await tx.load(mutual_list, stream_of_region(region))
        view = await _shown(tx, region, edition_id)
    return request.answer(Presented(body=view, version=loaded.version))


@router.post(
    "/mutual-lists/{region}/editions/{edition_id}/approval",
    operation_id="approveMutualEdition",
    response_model=EditionView,
    summary="批准名单 · Approve an edition",
    openapi_extra=operation(
        if_match=True, codes=("edition-not-waiting", "edition-not-ahead", "four-eyes", "duty-missing")
    ),
)
async def approve_mutual_edition(region: RegionName, edition_id: EditionId, request: CommandRequest) -> Response:
    """Let an edition replace the former list from its first day on, as another person than who proposed it."""

    async def approve(tx: Transaction) -> tuple[int, EditionView]:
        await _check_of_region(tx, region, edition_id)
        await check_duty(tx, request.caller.principal, "approval")
        handled = await recognising_partners.approve(
            tx, edition_id, request.caller.principal, if_match=request.if_match
        )
        return await _decided(tx, region, edition_id, handled)

    return await request.run(approve, lambda shown: Presented(body=shown[1], version=shown[0]))


@router.post(
    "/mutual-lists/{region}/editions/{edition_id}/rejection",
    operation_id="dropMutualEdition",
    response_model=EditionView,
    summary="不采用名单 · Let an edition come to nothing",
    openapi_extra=operation(if_match=True, codes=("edition-not-waiting",)),
)
async def drop_mutual_edition(region: RegionName, edition_id: EditionId, request: CommandRequest) -> Response:
    """Drop an edition that waits for approval; the list stays what it is."""

    async def drop(tx: Transaction) -> tuple[int, EditionView]:
        await _check_of_region(tx, region, edition_id)
        handled = await recognising_partners.drop(tx, edition_id, request.caller.principal, if_match=request.if_match)
        return await _decided(tx, region, edition_id, handled)

    return await request.run(drop, lambda shown: Presented(body=shown[1], version=shown[0]))


async def _receive(
    region: Region, first_day: date, rows: list[FileRow], request: CommandRequest, writer: Writer
) -> Response:
    institutions, refused = read_list(rows)
    edition_id, principal = request.new_id("med"), request.caller.principal

    async def propose(tx: Transaction) -> tuple[int | None, ReceivedListView]:
        told = [_refused(each, writer) for each in refused]
        if refused:
            return None, ReceivedListView(edition=None, read=len(rows), refused=told)
        if request.caller.role is Role.OFFICER:
            await check_duty(tx, principal, "registry")
        handled = await recognising_partners.propose(tx, edition_id, region, first_day, institutions, principal)
        edition = await _shown(tx, region, edition_id)
        return handled.version, ReceivedListView(edition=edition, read=len(rows), refused=told)

    return await request.run(propose, lambda received: Presented(body=received[1], version=received[0]))


async def _decided(
    tx: Transaction, region: Region, edition_id: str, handled: Handled[Event, Editions]
) -> tuple[int, EditionView]:
    return handled.version, await _shown(tx, region, edition_id)


async def _check_of_region(tx: Transaction, region: Region, edition_id: str) -> None:
    if await recognising_partners.region_of(tx, edition_id) != region:
        raise UnknownSubjectError(edition_id)


def _check_own(caller: Caller, region: Region) -> None:
    """Keep a partner to its own region: the others' editions do not exist for it."""
    if caller.role is Role.PARTNER and caller.party != region:
        raise UnknownSubjectError(region)


async def _shown(tx: Transaction, region: Region, edition_id: str) -> EditionView:
    found = await tx.connection.execute(
        sa.select(mutual_editions).where(mutual_editions.c.edition_id == edition_id, mutual_editions.c.region == region)
    )
    row = found.one_or_none()
    if row is None:
        raise UnknownSubjectError(edition_id)
    after = await institutions_of(tx, edition_id)
    before = await institutions_of(tx, await edition_on(tx, region, row.first_day, besides=edition_id))
    changes = differences(before, after)
    kinds = [each.kind for each in changes]
    return EditionView(
        **_plain(row),
        added=kinds.count("added"),
        removed=kinds.count("removed"),
        changed=kinds.count("changed"),
        institutions=len(after),
        differences=[
            DifferenceView(
                kind=each.kind,
                before=InstitutionView.of(each.before) if each.before else None,
                after=InstitutionView.of(each.after) if each.after else None,
            )
            for each in changes
        ],
    )


def _plain(row: Any) -> dict[str, Any]:
    stage = "dropped" if row.dropped_on else ("approved" if row.approved_on else "waiting")
    return {"stage": stage, **{name: getattr(row, name) for name in mutual_editions.columns.keys()}}  # noqa: SIM118


def _entry(row: Any) -> InstitutionView:
    return InstitutionView(credit_code=row.credit_code, name=row.name, services=row.services)


def _refused(each: RowRefused, writer: Writer) -> RefusedRowView:
    return RefusedRowView(
        row=each.row,
        credit_code=each.credit_code,
        code=each.code,
        column=each.column,
        message=message_of(each.code, writer),
    )
