"""The auditor reads who was shown what of whom."""

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Query

from services.registry.api.claimant_models import AccessRecordView
from services.registry.tables import access_records
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for

router = router_for("registry", tag="access-records")


@router.get(
    "/access-records",
    operation_id="listAccessRecords",
    response_model=Page[AccessRecordView],
    summary="访问记录 · Who was shown what (art. 9(3), 16)",
    openapi_extra=operation(idempotent=False),
)
async def list_access_records(
    request: ReadRequest,
    subject: Annotated[str | None, Query(max_length=40, description="所涉主体 · Of whom")] = None,
    principal: Annotated[str | None, Query(max_length=128, description="查看者 · By whom")] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Page[AccessRecordView]:
    """List accesses to personal and confidential data, the newest first."""
    query = sa.select(access_records)
    if subject is not None:
        query = query.where(access_records.c.subject == subject)
    if principal is not None:
        query = query.where(access_records.c.principal == principal)
    return await request.page(query, [access_records.c.record_id.desc()], limit, cursor, _view)


def _view(row: Any) -> AccessRecordView:
    return AccessRecordView(
        record_id=row.record_id,
        at=row.at,
        principal=row.principal,
        role=row.role,
        operation=row.operation,
        subject=row.subject,
        fields=row.fields,
        request_id=row.request_id,
    )
