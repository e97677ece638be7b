"""Channels such as a bank: admitted by the office, authorised by claimants on paper, revocable at any time."""

from datetime import date
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Path, Query, Response
from pydantic import Field

from services.registry.api.measures import Day
from services.registry.api.models import Name, PrincipalName
from services.registry.domain.channel import ChannelState, Closed, NoChannel, Open, channel
from services.registry.recognition_tables import channel_authorisations, channels
from services.registry.use_cases import acting_by_channel
from services.registry.use_cases.acting_for_claimants import role_in
from services.registry.use_cases.appointing_office_users import check_duty
from services.registry.use_cases.checking_channels import may_act
from services.registry.use_cases.streams import stream_of
from shared.documents.routes import owner_of
from shared.events.registry.channels import ChannelScope
from shared.http.commands import CommandRequest, Presented
from shared.http.models import Body, View
from shared.http.policy import Role
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.kernel.calendar import business_date
from shared.store.transaction import Transaction, UnknownSubjectError

router = router_for("registry", tag="channels")

ChannelId = Annotated[str, Path(max_length=40, examples=["chn_01kdvdna00ek7990e5df8shghf"])]
ClaimantId = Annotated[str, Path(max_length=40, examples=["clm_01kdvdna00ek7990e5df8shghf"])]
AuthorisationId = Annotated[str, Path(max_length=40, examples=["ath_01kdvdna00ek7990e5df8shghf"])]


class ChannelBody(Body):
    principal: PrincipalName
    name: Name


class ChannelView(View):
    channel_id: str
    name: str
    registered_on: date
    closed_on: date | None = None


class ChannelItem(View):
    channel_id: str
    name: str


class AuthorisationBody(Body):
    """What a claimant lets a channel do, and the signed authorisation behind it."""

    channel_id: str = Field(max_length=40, examples=["chn_01kdvdna00ek7990e5df8shghf"])
    scopes: tuple[ChannelScope, ...] = Field(
        min_length=1,
        max_length=4,
        description="可代办事项：资料、证书、申领、合作项目与合同 · In which matters",
        examples=[["profile", "claims"]],
    )
    valid_from: date = Field(examples=["2027-01-01"])
    valid_until: date = Field(description="最后一日（含） · Last day, inclusive", examples=["2027-12-31"])
    document_id: str = Field(
        max_length=40, description="已上传的签章授权书 · The signed authorisation, uploaded before",
        examples=["doc_01kdvdna00ek7990e5df8shghf"],
    )  # fmt: skip


class AuthorisationView(View):
    authorisation_id: str
    channel_id: str
    claimant_id: str
    scopes: list[ChannelScope]
    valid_from: date
    valid_until: date
    document_id: str
    authorised_by: str
    authorised_on: date
    revoked_by: str | None
    revoked_on: date | None


class MayActView(View):
    """Whether the calling channel may act for a claimant in a matter on a day."""

    claimant_id: str
    scope: ChannelScope
    on: date
    may_act: bool


@router.post(
    "/channels",
    operation_id="registerChannel",
    status_code=201,
    response_model=ChannelView,
    summary="登记代办渠道 · Admit a channel",
    openapi_extra=operation(codes=("principal-has-channel", "duty-missing")),
)
async def register_channel(body: ChannelBody, request: CommandRequest) -> Response:
    """Admit a channel; it acts for nobody before a claimant authorises it."""
    channel_id = request.new_id("chn")

    async def register(tx: Transaction) -> tuple[int, ChannelView]:
        await check_duty(tx, request.caller.principal, "registry")
        handled = await acting_by_channel.register(tx, channel_id, body.principal, body.name)
        return handled.version, _channel(handled.state, body.name)

    location = f"/v1/channels/{channel_id}"
    return await request.run(
        register, lambda shown: Presented(body=shown[1], version=shown[0], status=201, location=location)
    )


@router.get(
    "/channels",
    operation_id="listChannels",
    response_model=Page[ChannelItem],
    summary="代办渠道 · The channels",
    openapi_extra=operation(idempotent=False),
)
async def list_channels(request: ReadRequest, limit: Limit = 50, cursor: CursorText = None) -> Page[ChannelItem]:
    """List the channels that may be authorised today."""
    query = sa.select(channels).where(channels.c.closed_on.is_(None))
    return await request.page(
        query, [channels.c.channel_id], limit, cursor, lambda row: ChannelItem(channel_id=row.channel_id, name=row.name)
    )


@router.get(
    "/channels/{channel_id}",
    operation_id="getChannel",
    response_model=ChannelView,
    summary="一个代办渠道 · One channel",
    openapi_extra=operation(idempotent=False),
)
async def get_channel(channel_id: ChannelId, request: ReadRequest) -> Response:
    """Show a channel, open or closed."""
    async with request.reading() as tx:
        loaded = await tx.load(channel, stream_of(channel_id, "chn"))
        if isinstance(loaded.state, NoChannel):
            raise UnknownSubjectError(channel_id)
        view = _channel(loaded.state, await _name(tx, channel_id))
    return request.answer(Presented(body=view, version=loaded.version))


@router.post(
    "/channels/{channel_id}/closure",
    operation_id="closeChannel",
    response_model=ChannelView,
    summary="注销代办渠道 · Close a channel",
    openapi_extra=operation(if_match=True, codes=("channel-not-open", "duty-missing")),
)
async def close_channel(channel_id: ChannelId, request: CommandRequest) -> Response:
    """Close a channel at once, whoever has authorised it."""

    async def close(tx: Transaction) -> tuple[int, ChannelView]:
        await check_duty(tx, request.caller.principal, "registry")
        handled = await acting_by_channel.close(tx, channel_id, request.caller.principal, if_match=request.if_match)
        return handled.version, _channel(handled.state, await _name(tx, channel_id))

    return await request.run(close, lambda shown: Presented(body=shown[1], version=shown[0]))


@router.post(
    "/claimants/{claimant_id}/channel-authorisations",
    operation_id="authoriseChannel",
    status_code=201,
    response_model=AuthorisationView,
    summary="授权渠道代办 · Authorise a channel",
    openapi_extra=operation(
        codes=(
            "channel-not-open", "authorisation-begins-in-the-past", "authorisation-ends-too-early", "document-unknown",
            "user-may-only-read",
        )
    ),
)  # fmt: skip
async def authorise_channel(claimant_id: ClaimantId, body: AuthorisationBody, request: CommandRequest) -> Response:
    """Let a channel act for the own company in the matters named, between two days."""
    authorisation_id, caller = request.new_id("ath"), request.caller

    async def authorise(tx: Transaction) -> AuthorisationView:
        await acting_by_channel.authorise(
            tx, authorisation_id, claimant_id, caller.principal, channel_id=body.channel_id, scopes=body.scopes,
            valid_from=body.valid_from, valid_until=body.valid_until, document_id=body.document_id,
            document_owner=owner_of(caller),
        )  # fmt: skip
        return await _shown(tx, authorisation_id)

    return await request.run(authorise, lambda view: Presented(body=view, status=201))


@router.get(
    "/claimants/{claimant_id}/channel-authorisations",
    operation_id="listChannelAuthorisations",
    response_model=Page[AuthorisationView],
    summary="已授权的渠道 · The authorisations of a claimant",
    openapi_extra=operation(idempotent=False),
)
async def list_channel_authorisations(
    claimant_id: ClaimantId, request: ReadRequest, limit: Limit = 50, cursor: CursorText = None
) -> Page[AuthorisationView]:
    """List every authorisation a claimant ever gave, to its users and to the office."""
    table = channel_authorisations
    if request.caller.role is Role.CLAIMANT:
        async with request.connection() as connection:
            if await role_in(connection, claimant_id, request.caller.principal) is None:
                raise UnknownSubjectError(claimant_id)
    query = sa.select(table).where(table.c.claimant_id == claimant_id)
    return await request.page(query, [table.c.authorisation_id.desc()], limit, cursor, _authorisation)


@router.post(
    "/claimants/{claimant_id}/channel-authorisations/{authorisation_id}/revocation",
    operation_id="revokeChannelAuthorisation",
    response_model=AuthorisationView,
    summary="撤销授权 · Revoke an authorisation",
    openapi_extra=operation(codes=("authorisation-not-in-this-stage", "user-may-only-read")),
)
async def revoke_channel_authorisation(
    claimant_id: ClaimantId, authorisation_id: AuthorisationId, request: CommandRequest
) -> Response:
    """Take an authorisation back, at any time and at once."""

    async def revoke(tx: Transaction) -> AuthorisationView:
        await acting_by_channel.revoke(tx, authorisation_id, claimant_id, request.caller.principal)
        return await _shown(tx, authorisation_id)

    return await request.run(revoke, lambda view: Presented(body=view))


@router.get(
    "/channel-checks",
    operation_id="checkChannelAuthorisation",
    response_model=MayActView,
    summary="查询能否代办 · May this channel act",
    openapi_extra=operation(idempotent=False),
)
async def check_channel_authorisation(
    request: ReadRequest,
    claimant_id: Annotated[str, Query(max_length=40)],
    scope: Annotated[ChannelScope, Query()],
    on: Day = None,
) -> MayActView:
    """Tell the calling channel whether it may act for a claimant in a matter on a day, as things stand now."""
    day = on or business_date(request.now)
    async with request.connection() as connection:
        may = await may_act(connection, request.caller.principal, claimant_id, day, scope)
    return MayActView(claimant_id=claimant_id, scope=scope, on=day, may_act=may)


async def _name(tx: Transaction, channel_id: str) -> str:
    named = sa.select(channels.c.name).where(channels.c.channel_id == channel_id)
    return str((await tx.connection.execute(named)).scalar_one())


async def _shown(tx: Transaction, authorisation_id: str) -> AuthorisationView:
    table = channel_authorisations
    found = await tx.connection.execute(sa.select(table).where(table.c.authorisation_id == authorisation_id))
    return _authorisation(found.one())


def _authorisation(row: Any) -> AuthorisationView:
    return AuthorisationView(**{name: getattr(row, name) for name in AuthorisationView.model_fields})


def _channel(state: ChannelState, name: str) -> ChannelView:
    match state:
        case Open(channel_id=channel_id, registered_on=registered_on):
            return ChannelView(channel_id=channel_id, name=name, registered_on=registered_on)
        case Closed(channel=was, closed_on=closed_on):
            return ChannelView(
                channel_id=was.channel_id, name=name, registered_on=was.registered_on, closed_on=closed_on
            )
        case NoChannel():
            raise TypeError("a channel that is shown was registered")
