"""What goes in and out about who acts for a provider (art. 9(1), 13)."""

from datetime import date
from typing import Annotated

from pydantic import Field

from services.registry.api.provider_models import Label
from services.registry.domain.delegation import Stage
from shared.events.registry.representation import DelegatedDuty
from shared.http.models import Body, View

Duties = Annotated[
    tuple[DelegatedDuty, ...],
    Field(
        min_length=1,
        max_length=3,
        description="日常管理维护、社会化服务运营、供需对接 · Maintenance, service operation, demand matching",
        examples=[["maintenance", "service_operation"]],
    ),
]


class DepartmentBody(Body):
    """The responsible department, and whom to call there."""

    name: Label = Field(description="主责部门 · Responsible department", examples=["科研条件与资产处"])
    contact: Label = Field(description="联系人，不公开 · Contact person, not public", examples=["沈知微"])
    phone: str = Field(
        pattern=r"^[0-9+() -]{5,30}$", description="电话，不公开 · Not public", examples=["010-62550000"]
    )


class DepartmentView(View):
    """A department in full, for the provider itself and the office."""

    provider_id: str
    name: str
    contact: str
    phone: str
    since: date


class DelegationBody(Body):
    agency_id: str = Field(
        max_length=40,
        description="专业服务机构 · The service agency",
        examples=["sag_01kdvdna00ek7990e5df8shghf"],
    )
    duties: Duties
    valid_from: date = Field(description="起始日（含） · First day, inclusive", examples=["2026-12-01"])
    valid_until: date = Field(description="截止日（含） · Last day, inclusive", examples=["2027-11-30"])


class DelegationView(View):
    """A delegation and how far it has come, for its two sides and the office."""

    delegation_id: str
    provider_id: str
    agency_id: str
    duties: list[DelegatedDuty]
    valid_from: date
    valid_until: date
    stage: Stage = Field(
        description="proposed 待机构答复，accepted 已接受，declined 未被接受，ended 已终止 · How far it has come"
    )
    accepted_on: date | None
    ended_on: date | None = Field(description="自该日起不再受托 · From this day it acts no more")


class ActingAgency(View):
    """An agency that acts for a provider on the day asked for."""

    agency_id: str
    delegation_id: str
    duties: list[DelegatedDuty]
    valid_until: date


class RepresentationView(View):
    """Who acts for a provider on a day: itself through its department, and agencies for the duties they took."""

    provider_id: str
    on: date
    department: str | None = Field(description="主责部门 · Responsible department", examples=["科研条件与资产处"])
    agencies: list[ActingAgency]
