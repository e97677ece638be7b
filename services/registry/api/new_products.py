"""Certified new products: the public list of any day, whether one was valid then, and the office's files (faq 2)."""

import asyncio
from datetime import date
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import File, Path, Query, Request, Response, UploadFile
from pydantic import Field

from services.registry.api.measures import Day
from services.registry.domain.new_product import (
    COLUMNS,
    Listed,
    State,
    Unlisted,
    WhyNot,
    Withdrawn,
    new_product,
    why_not_valid,
)
from services.registry.files.reading import read_rows
from services.registry.projections.new_product_list import new_product_list
from services.registry.recognition_tables import new_products
from services.registry.use_cases import listing_products
from services.registry.use_cases.appointing_office_users import check_duty
from services.registry.use_cases.listing_products import Outcome, Result
from services.registry.use_cases.streams import stream_of
from shared.http.commands import CommandRequest, Presented
from shared.http.edge import writer_of
from shared.http.models import Body, View
from shared.http.problems import Writer
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.kernel.calendar import business_date
from shared.store.transaction import Transaction, UnknownSubjectError

router = router_for("registry", tag="new-products")

_HEADINGS = {heading: name for name, headings in COLUMNS.items() for heading in headings}
FILE_CODES = (
    "file-empty", "file-type-not-accepted", "file-unpacks-to-too-much", "import-encoding-unknown",
    "import-columns-missing", "import-line-too-long", "import-too-many-rows", "import-has-no-rows",
    "import-malformed", "import-one-sheet-only",
)  # fmt: skip
"""Why a file is refused as a whole."""
ProductId = Annotated[str, Path(max_length=40, examples=["npr_01kdvdna00ek7990e5df8shghf"])]
Number = Annotated[
    str, Query(min_length=4, max_length=40, pattern=r"^[0-9A-Za-z-]+$", description="证书编号 · Certificate number")
]


class WithdrawalBody(Body):
    reason: str = Field(
        min_length=1, max_length=4000, pattern=r"\S", description="理由，不公开 · Why; not public",
        examples=["证书被撤销"],
    )  # fmt: skip


class ProductView(View):
    """A certified new product; both days of its validity are included."""

    product_id: str
    certificate_number: str = Field(examples=["XCP2026-0118"])
    name: str
    holder: str
    valid_from: date
    valid_until: date
    listed_on: date
    withdrawn_on: date | None


class ProductCheckView(View):
    """Whether a product could be bought with a voucher on a day (faq 2)."""

    certificate_number: str
    on: date
    valid: bool
    because: WhyNot = Field(description="无效的原因，有效时为空 · Why it was not, empty when it was")
    product_id: str | None
    valid_from: date | None
    valid_until: date | None
    withdrawn_on: date | None


class ProductRowView(View):
    """What became of one row of a file."""

    row: int
    certificate_number: str
    result: Result
    product_id: str | None
    code: str = ""
    column: str = ""
    message: str = Field(default="", description="拒绝原因与补救 · The reason and the remedy, in words")


class ProductImportView(View):
    """What became of a file, row by row."""

    created: int
    changed: int
    unchanged: int
    refused: int
    rows: list[ProductRowView]


@router.post(
    "/new-product-imports",
    operation_id="importNewProducts",
    response_model=ProductImportView,
    summary="导入新技术新产品（服务）清单 · Import certified new products",
    openapi_extra=operation(codes=(*FILE_CODES, "duty-missing")),
)
async def import_new_products(
    file: Annotated[
        UploadFile, File(description="CSV（UTF-8 或 GB18030）或 XLSX，至多 1000 行 · CSV or XLSX, at most 1,000 rows")
    ],
    request: CommandRequest,
    http: Request,
) -> Response:
    """List what is new, change what differs; each row has its own result, and a file sent again changes nothing."""
    content = await file.read()
    rows = await asyncio.to_thread(read_rows, content, _HEADINGS)
    writer = writer_of(http)

    async def take(tx: Transaction) -> ProductImportView:
        await check_duty(tx, request.caller.principal, "registry")
        return _imported(await listing_products.import_products(tx, rows), writer)

    return await request.run(take, lambda view: Presented(body=view))


@router.post(
    "/new-products/{product_id}/withdrawal",
    operation_id="withdrawNewProduct",
    response_model=ProductView,
    summary="移出清单 · Take a product off the list",
    openapi_extra=operation(if_match=True, codes=("new-product-not-listed", "duty-missing")),
)
async def withdraw_new_product(product_id: ProductId, body: WithdrawalBody, request: CommandRequest) -> Response:
    """Take a product off the list from today on; what was bought before stays bought."""

    async def withdraw(tx: Transaction) -> tuple[int, ProductView]:
        await check_duty(tx, request.caller.principal, "registry")
        handled = await listing_products.withdraw(tx, product_id, body.reason, if_match=request.if_match)
        return handled.version, await _shown(tx, handled.state)

    return await request.run(withdraw, lambda shown: Presented(body=shown[1], version=shown[0]))


@router.get(
    "/new-products",
    operation_id="listNewProducts",
    response_model=Page[ProductView],
    summary="新技术新产品（服务）清单 · Certified new products",
    openapi_extra=operation(idempotent=False),
)
async def list_new_products(
    request: ReadRequest,
    on: Day = None,
    name: Annotated[str | None, Query(min_length=1, max_length=50)] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Page[ProductView]:
    """List what was listed and valid on a day, today by default."""
    await request.caught_up(new_product_list)
    day, table = on or business_date(request.now), new_product_list.table
    query = sa.select(table, new_products.c.name, new_products.c.holder).join(
        new_products, new_products.c.product_id == table.c.product_id
    )
    query = query.where(
        table.c.valid_from <= day,
        table.c.valid_until >= day,
        table.c.withdrawn_on.is_(None) | (table.c.withdrawn_on > day),
    )
    if name is not None:
        query = query.where(new_products.c.name.contains(name, autoescape=True))
    return await request.page(query, [table.c.product_id], limit, cursor, _item)


@router.get(
    "/new-products/{product_id}",
    operation_id="getNewProduct",
    response_model=ProductView,
    summary="一项新技术新产品（服务） · One certified new product",
    openapi_extra=operation(idempotent=False),
)
async def get_new_product(product_id: ProductId, request: ReadRequest) -> Response:
    """Show a product, listed or withdrawn."""
    async with request.reading() as tx:
        loaded = await tx.load(new_product, stream_of(product_id, "npr"))
        if isinstance(loaded.state, Unlisted):
            raise UnknownSubjectError(product_id)
        view = await _shown(tx, loaded.state)
    return request.answer(Presented(body=view, version=loaded.version))


@router.get(
    "/new-product-checks",
    operation_id="checkNewProduct",
    response_model=ProductCheckView,
    summary="某日是否在清单内且有效 · Was a product listed and valid on a day",
    openapi_extra=operation(idempotent=False),
)
async def check_new_product(request: ReadRequest, certificate_number: Number, on: Day = None) -> ProductCheckView:
    """Say whether a certificate was listed and valid on a day, and if not, why."""
    await request.caught_up(new_product_list)
    day, table = on or business_date(request.now), new_product_list.table
    of_number = sa.select(table).where(table.c.certificate_number == certificate_number.upper())
    async with request.connection() as connection:
        rows = (await connection.execute(of_number.order_by(table.c.product_id.desc()))).all()
    judged: list[tuple[WhyNot, Any]] = [
        (why_not_valid(row.valid_from, row.valid_until, row.withdrawn_on, day), row) for row in rows
    ]
    nobody: tuple[WhyNot, Any] = ("unknown", None)
    because, row = next((each for each in judged if not each[0]), judged[0] if judged else nobody)
    return ProductCheckView(
        certificate_number=certificate_number.upper(),
        on=day,
        valid=not because,
        because=because,
        product_id=row.product_id if row else None,
        valid_from=row.valid_from if row else None,
        valid_until=row.valid_until if row else None,
        withdrawn_on=row.withdrawn_on if row else None,
    )


def message_of(code: str, writer: Writer) -> str:
    """Say why a row was refused, with the remedy, in the caller's language; nothing when it was not."""
    entry = writer.catalogue.get(code)
    if entry is None:
        return ""
    between: Literal["：", ". "] = "：" if writer.language == "zh" else ". "
    return f"{entry.title[writer.language]}{between}{entry.remedy[writer.language]}"


def _imported(outcomes: list[Outcome], writer: Writer) -> ProductImportView:
    counts = {result: sum(each.result == result for each in outcomes) for result in
              ("created", "changed", "unchanged", "refused")}  # fmt: skip
    rows = [
        ProductRowView(
            row=each.row,
            certificate_number=each.certificate_number,
            result=each.result,
            product_id=each.product_id,
            code=each.code,
            column=each.column,
            message=message_of(each.code, writer),
        )
        for each in outcomes
    ]
    return ProductImportView(rows=rows, **counts)


def _item(row: Any) -> ProductView:
    return ProductView(
        product_id=row.product_id,
        certificate_number=row.certificate_number,
        name=row.name,
        holder=row.holder,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        listed_on=row.listed_on,
        withdrawn_on=row.withdrawn_on,
    )


async def _shown(tx: Transaction, state: State) -> ProductView:
    match state:
        case Listed():
            product, withdrawn_on = state, None
        case Withdrawn(product=product, withdrawn_on=withdrawn_on):
            pass
        case Unlisted():
            raise TypeError("a product that is shown is or was listed")
    texts = sa.select(new_products.c.name, new_products.c.holder).where(new_products.c.product_id == product.product_id)
    name, holder = (await tx.connection.execute(texts)).one()
    return ProductView(
        product_id=product.product_id,
        certificate_number=product.certificate_number,
        name=name,
        holder=holder,
        valid_from=product.valid_from,
        valid_until=product.valid_until,
        listed_on=product.on,
        withdrawn_on=withdrawn_on,
    )
