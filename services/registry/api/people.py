"""Who serves at a provider's facilities, for the provider itself and the office (art. 6(3), 13)."""

from datetime import date
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Query, Response
from pydantic import Field

from services.registry.access import AccessLog
from services.registry.api.provider_models import Label
from services.registry.api.queries import PartyQuery, PathId
from services.registry.domain.service_person import service_person
from services.registry.provider_tables import service_people
from services.registry.tables import providers
from services.registry.use_cases import entering_people
from services.registry.use_cases.entering_people import PersonDetails, PersonHandled
from services.registry.use_cases.streams import stream_of
from shared.http.commands import CommandRequest, Presented
from shared.http.identity import Caller
from shared.http.models import Body, View
from shared.http.policy import Role
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.store.transaction import Transaction, UnknownSubjectError

router = router_for("registry", tag="service-people")
_STATE = "service-person-not-in-this-state"
_PERSONAL = ("name", "position", "qualifications")
FacilityIds = Annotated[
    tuple[Annotated[str, Field(max_length=40)], ...],
    Field(
        max_length=100,
        description="服务的设施与仪器 · The facilities served",
        examples=[["fac_01kdvdna00ek7990e5df8shghf"]],
    ),
]


class PersonDetailsBody(Body):
    """Somebody who serves, as the provider describes them."""

    name: Label = Field(examples=["顾南乔"])
    position: Label = Field(description="岗位 · Position", examples=["电镜实验员"])
    qualifications: Annotated[tuple[Label, ...], Field(max_length=20)] = Field(
        default=(), description="资格与职称 · Qualifications", examples=[["高级实验师", "特种设备作业人员证"]]
    )
    facility_ids: FacilityIds = ()


class PersonBody(PersonDetailsBody):
    active_from: date = Field(description="自该日起服务（含） · First day, inclusive", examples=["2026-12-01"])


class DepartureBody(Body):
    active_until: date = Field(description="最后服务日（含） · Last day, inclusive", examples=["2027-06-30"])


class PersonView(View):
    """Somebody who serves; personal."""

    person_id: str
    provider_id: str
    name: str
    position: str
    qualifications: list[str]
    facility_ids: list[str]
    active_from: date
    active_until: date | None


@router.post(
    "/service-people",
    operation_id="enterServicePerson",
    status_code=201,
    response_model=PersonView,
    summary="登记服务人员 · Enter somebody who serves (art. 6(3))",
    openapi_extra=operation(codes=("provider-not-listed", "party-barred", "facility-not-open", _STATE)),
)
async def enter_service_person(body: PersonBody, request: CommandRequest) -> Response:
    """Enter somebody who serves at facilities of the own institution."""
    person_id = request.new_id("psn")

    async def enter(tx: Transaction) -> tuple[int, PersonView]:
        handled = await entering_people.enter_person(
            tx, person_id, request.caller.principal, _details(body), body.active_from
        )
        return await _shown(tx, person_id, handled)

    location = f"/v1/service-people/{person_id}"
    return await request.run(
        enter, lambda result: Presented(body=result[1], version=result[0], status=201, location=location)
    )


@router.post(
    "/service-people/{person_id}/details",
    operation_id="changeServicePerson",
    response_model=PersonView,
    summary="变更服务人员信息 · Describe somebody who serves anew",
    openapi_extra=operation(if_match=True, codes=("facility-not-open", _STATE)),
)
async def change_service_person(person_id: PathId, body: PersonDetailsBody, request: CommandRequest) -> Response:
    """Change what is known of somebody of the own institution, and which facilities they serve."""

    async def change(tx: Transaction) -> tuple[int, PersonView]:
        handled = await entering_people.change_person(
            tx, person_id, request.caller.principal, _details(body), if_match=request.if_match
        )
        return await _shown(tx, person_id, handled)

    return await request.run(change, lambda result: Presented(body=result[1], version=result[0]))


@router.post(
    "/service-people/{person_id}/departure",
    operation_id="letServicePersonGo",
    response_model=PersonView,
    summary="服务人员离岗 · Say up to which day somebody serves",
    openapi_extra=operation(if_match=True, codes=("departure-before-arrival", _STATE)),
)
async def let_service_person_go(person_id: PathId, body: DepartureBody, request: CommandRequest) -> Response:
    """Say up to which day somebody of the own institution serves."""

    async def depart(tx: Transaction) -> tuple[int, PersonView]:
        handled = await entering_people.let_go(
            tx, person_id, request.caller.principal, body.active_until, if_match=request.if_match
        )
        return await _shown(tx, person_id, handled)

    return await request.run(depart, lambda result: Presented(body=result[1], version=result[0]))


@router.get(
    "/service-people",
    operation_id="listServicePeople",
    response_model=Page[PersonView],
    summary="服务人员列表 · List who serves",
    openapi_extra=operation(idempotent=False),
)
async def list_service_people(
    request: ReadRequest,
    access: AccessLog,
    provider_id: PartyQuery = None,
    facility_id: PartyQuery = None,
    on: Annotated[date | None, Query(description="当日在岗 · Who serves on that day")] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Page[PersonView]:
    """List who serves, by facility and day: a provider's own, for the office all; the access is recorded."""
    query, table = _visible(request.caller), service_people
    if provider_id is not None:
        query = query.where(table.c.provider_id == provider_id)
    if facility_id is not None:
        query = query.where(table.c.facility_ids.contains([facility_id]))
    if on is not None:
        query = query.where(table.c.active_from <= on, table.c.active_until.is_(None) | (table.c.active_until >= on))
    page = await request.page(query, [table.c.person_id], limit, cursor, _view)
    await access.record([person.person_id for person in page.items], _PERSONAL)
    return page


@router.get(
    "/service-people/{person_id}",
    operation_id="getServicePerson",
    response_model=PersonView,
    summary="服务人员详情 · One who serves",
    openapi_extra=operation(idempotent=False),
)
async def get_service_person(person_id: PathId, request: ReadRequest, access: AccessLog) -> Response:
    """Show somebody to their own institution and to the office; the access is recorded."""
    visible = _visible(request.caller).where(service_people.c.person_id == person_id)
    async with request.connection() as connection:
        row = (await connection.execute(visible)).one_or_none()
    if row is None:
        raise UnknownSubjectError(person_id)
    await access.record(person_id, _PERSONAL)
    loaded = await request.load(service_person, stream_of(person_id, "psn"))
    return request.answer(Presented(body=_view(row), version=loaded.version))


def _visible(caller: Caller) -> sa.Select[Any]:
    query = sa.select(service_people)
    if caller.role is not Role.PROVIDER:
        return query
    own = sa.select(providers.c.provider_id).where(providers.c.principal == caller.principal)
    return query.where(service_people.c.provider_id.in_(own))


def _details(body: PersonDetailsBody) -> PersonDetails:
    return PersonDetails(
        name=body.name,
        position=body.position,
        qualifications=body.qualifications,
        facility_ids=tuple(dict.fromkeys(body.facility_ids)),
    )


async def _shown(tx: Transaction, person_id: str, handled: PersonHandled) -> tuple[int, PersonView]:
    row = (await tx.connection.execute(sa.select(service_people).where(service_people.c.person_id == person_id))).one()
    return handled.version, _view(row)


def _view(row: Any) -> PersonView:
    return PersonView(**{name: getattr(row, name) for name in PersonView.model_fields})
