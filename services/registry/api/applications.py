"""Beijing-based institutions apply, are checked, and are shown to the public before they are listed (art. 6)."""

from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import Query, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registry.api.provider_models import (
    ApplicationBody,
    ApplicationView,
    ConditionCheckBody,
    ConditionView,
    ListingAnswerBody,
    ListingNoticeView,
    ListingObjectionBody,
    ListingObjectionView,
    ListingReceiptView,
    ProviderNoticeView,
)
from services.registry.api.providers import institution_of
from services.registry.domain.admission import Applied, OnNotice, Rejected
from services.registry.domain.provider import Event, State, Unknown, provider, stage_of
from services.registry.projections.provider_notices import provider_notices
from services.registry.tables import condition_checks, objections, providers
from services.registry.use_cases import listing_providers, publishing_listings
from services.registry.use_cases.streams import stream_of
from shared.http.commands import CommandRequest, Presented
from shared.http.policy import Role
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.store.transaction import Handled, Transaction, UnknownSubjectError

router = router_for("registry", tag="provider-applications")
_WRONG_STAGE = "provider-not-in-this-stage"


@router.post(
    "/provider-applications",
    operation_id="applyAsProvider",
    status_code=201,
    response_model=ApplicationView,
    summary="申请成为在京开放单位 · Apply to become a provider",
    openapi_extra=operation(
        codes=("credit-code-invalid", "credit-code-taken", "principal-has-provider", "party-barred", _WRONG_STAGE)
    ),
)
async def apply_as_provider(body: ApplicationBody, request: CommandRequest) -> Response:
    """Apply for the caller's institution; its id is the provider's from now on."""
    provider_id, institution = request.new_id("prv"), institution_of(body)

    async def apply(tx: Transaction) -> tuple[int, ApplicationView]:
        handled = await listing_providers.apply_to_open(tx, provider_id, request.caller.principal, institution)
        return handled.version, await _shown(tx.connection, provider_id, handled.state)

    location = f"/v1/provider-applications/{provider_id}"
    return await request.run(
        apply, lambda result: Presented(body=result[1], version=result[0], status=201, location=location)
    )


@router.get(
    "/provider-applications/{provider_id}",
    operation_id="getProviderApplication",
    response_model=ApplicationView,
    summary="申请详情 · One application",
    openapi_extra=operation(idempotent=False),
)
async def get_provider_application(provider_id: str, request: ReadRequest) -> Response:
    """Show an application to its applicant and to the office."""
    loaded = await request.load(provider, stream_of(provider_id, "prv"))
    if isinstance(loaded.state, Unknown) or (
        request.caller.role is Role.PROVIDER and loaded.state.principal != request.caller.principal
    ):
        raise UnknownSubjectError(provider_id)
    async with request.connection() as connection:
        view = await _shown(connection, provider_id, loaded.state)
    return request.answer(Presented(body=view, version=loaded.version))


@router.post(
    "/provider-applications/{provider_id}/condition-checks",
    operation_id="checkProviderCondition",
    response_model=ApplicationView,
    summary="逐项核查条件 · Check one of the six conditions",
    openapi_extra=operation(if_match=True, codes=(_WRONG_STAGE, "condition-not-asked-for")),
)
async def check_provider_condition(provider_id: str, body: ConditionCheckBody, request: CommandRequest) -> Response:
    """Record what was found of one condition; the last one opens the public notice, or ends the application."""

    async def check(tx: Transaction) -> tuple[int, ApplicationView]:
        handled = await listing_providers.check_condition(
            tx, provider_id, request.caller.principal, body.condition, met=body.met, remark=body.remark,
            if_match=request.if_match,
        )  # fmt: skip
        return handled.version, await _shown(tx.connection, provider_id, handled.state)

    return await request.run(check, lambda result: Presented(body=result[1], version=result[0]))


@router.get(
    "/provider-notices",
    operation_id="listProviderNotices",
    response_model=Page[ProviderNoticeView],
    summary="在京开放单位公示 · Public notices of listings",
    openapi_extra=operation(idempotent=False),
)
async def list_provider_notices(
    request: ReadRequest,
    state: Annotated[Literal["running", "concluded", "withdrawn"] | None, Query()] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Page[ProviderNoticeView]:
    """Show the public who is about to be listed."""
    await request.caught_up(provider_notices)
    table = provider_notices.table
    query = sa.select(table, providers.c.name).join(providers, providers.c.provider_id == table.c.provider_id)
    if state is not None:
        query = query.where(table.c.state == state)
    return await request.page(query, [table.c.notice_id], limit, cursor, _notice_item)


@router.post(
    "/provider-applications/{provider_id}/objections",
    operation_id="raiseListingObjection",
    status_code=201,
    response_model=ListingReceiptView,
    summary="对公示提出异议 · Object to a listing",
    openapi_extra=operation(codes=("notice-is-over", _WRONG_STAGE)),
)
async def raise_listing_objection(provider_id: str, body: ListingObjectionBody, request: CommandRequest) -> Response:
    """Object in writing while the notice runs; who objects is kept from the public."""
    objection_id = request.new_id("obj")

    async def object_(tx: Transaction) -> Handled[Event, State]:
        return await publishing_listings.raise_objection(
            tx, provider_id, objection_id, objector=request.caller.principal, text=body.text
        )

    receipt = ListingReceiptView(objection_id=objection_id)
    return await request.run(object_, lambda _: Presented(body=receipt, status=201))


@router.get(
    "/provider-applications/{provider_id}/objections",
    operation_id="listListingObjections",
    response_model=Page[ListingObjectionView],
    summary="异议列表 · The objections",
    openapi_extra=operation(idempotent=False),
)
async def list_listing_objections(
    provider_id: str, request: ReadRequest, limit: Limit = 50, cursor: CursorText = None
) -> Page[ListingObjectionView]:
    """Show the office who objected and why."""
    stream_of(provider_id, "prv")
    query = sa.select(objections).where(objections.c.provider_id == provider_id)
    return await request.page(query, [objections.c.objection_id], limit, cursor, _objection_item)


@router.post(
    "/provider-applications/{provider_id}/objections/{objection_id}/answer",
    operation_id="answerListingObjection",
    response_model=ApplicationView,
    summary="答复异议 · Answer an objection",
    openapi_extra=operation(if_match=True, codes=(_WRONG_STAGE, "objection-not-open")),
)
async def answer_listing_objection(
    provider_id: str, objection_id: str, body: ListingAnswerBody, request: CommandRequest
) -> Response:
    """Answer an objection; an upheld one ends the application."""

    async def answer(tx: Transaction) -> tuple[int, ApplicationView]:
        handled = await publishing_listings.answer_objection(
            tx, provider_id, objection_id, request.caller.principal, upheld=body.upheld, answer=body.answer,
            if_match=request.if_match,
        )  # fmt: skip
        return handled.version, await _shown(tx.connection, provider_id, handled.state)

    return await request.run(answer, lambda result: Presented(body=result[1], version=result[0]))


async def _shown(connection: AsyncConnection, provider_id: str, state: State) -> ApplicationView:
    """Put the state together with what the registry's tables know of the institution."""
    row = (await connection.execute(sa.select(providers).where(providers.c.provider_id == provider_id))).one()
    written = sa.select(condition_checks.c.condition, condition_checks.c.remark)
    found = await connection.execute(written.where(condition_checks.c.provider_id == provider_id))
    remarks = {row.condition: row.remark for row in found}
    checked = state.checked if isinstance(state, (Applied, OnNotice)) else ()
    if isinstance(state, Rejected):
        checked = tuple((condition, condition not in state.unmet) for condition in sorted(remarks))
    return ApplicationView(
        provider_id=provider_id,
        stage=stage_of(state),
        name=row.name,
        credit_code=row.credit_code,
        district=row.district,
        capabilities=row.capabilities,
        third_party_testing=row.third_party_testing,
        conditions=[
            ConditionView(condition=condition, met=met, remark=remarks[condition]) for condition, met in checked
        ],
        notice=_notice(state),
        cause=state.cause if isinstance(state, Rejected) else "",
    )


def _notice(state: State) -> ListingNoticeView | None:
    if not isinstance(state, OnNotice):
        return None
    return ListingNoticeView(
        notice_id=state.notice.notice_id,
        published_on=state.notice.on,
        until=state.notice.until,
        open_objections=list(state.notice.open_objections),
    )


def _notice_item(row: Any) -> ProviderNoticeView:
    return ProviderNoticeView(**{name: getattr(row, name) for name in ProviderNoticeView.model_fields})


def _objection_item(row: Any) -> ListingObjectionView:
    return ListingObjectionView(**{name: getattr(row, name) for name in ListingObjectionView.model_fields})
