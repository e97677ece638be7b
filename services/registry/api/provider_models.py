"""What goes in and out of the registry's operations about providers, facilities and services."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from services.registry.api.models import Capabilities, CreditCode, District, Name, PrincipalName, Text
from services.registry.domain.provider import Stage
from shared.events.registry.facilities import FacilityKind, FacilityStatus, OperatingRight, ServiceKind
from shared.events.registry.providers import ProviderCondition, ProviderKind
from shared.http.models import Body, Money, View

Label = Annotated[str, Field(min_length=2, max_length=200, pattern=r"\S")]
Progress = Annotated[
    Stage,
    Field(
        description=(
            "applied 申请待核查，on_notice 正在公示，listed 已列入开放单位名单，delisted 已移出开放单位名单，"
            "refused 申请未通过 · How far it has come"
        ),
    ),
]


class ApplicationBody(Body):
    """A Beijing-based institution that wants to open its facilities (art. 6)."""

    name: Name
    credit_code: CreditCode
    district: District
    capabilities: Capabilities
    third_party_testing: bool = Field(
        description="以测试、检测、研发服务为主业的第三方机构 · A firm whose business is testing for others (art. 11)",
        examples=[False],
    )


class MunicipalProviderBody(ApplicationBody):
    """A municipal institution that joins by order, and who signs in for it."""

    principal: PrincipalName


class CapabilitiesBody(Body):
    """What a provider can do from today on."""

    capabilities: Capabilities
    third_party_testing: bool = Field(
        description="以测试、检测、研发服务为主业的第三方机构 · A firm whose business is testing for others (art. 11)",
        examples=[True],
    )


class ConditionCheckBody(Body):
    condition: ProviderCondition = Field(
        description="legal_person_in_beijing 在北京地区注册的独立法人，open_facilities 可对外开放的科研设施与仪器，"
        "service_team 专业服务团队，serves_priority_needs 服务重点产业和区域的能力，"
        "service_norms_and_prices 服务内容、服务规范及收费标准，"
        "sound_finances_and_record 财务制度和诚信记录 · One of the six conditions (art. 6)",
        examples=["legal_person_in_beijing"],
    )
    met: bool = Field(examples=[True])
    remark: Text = Field(description="核查情况 · What was found", examples=["营业执照载明注册地为北京市海淀区"])


class ListingObjectionBody(Body):
    text: Text = Field(examples=["该机构近三年有不良诚信记录"])


class ListingAnswerBody(Body):
    upheld: bool = Field(examples=[False])
    answer: Text = Field(examples=["经核实，所述情况不属实"])


class ProviderView(View):
    """A provider on the public list, or one that has left it."""

    provider_id: str
    name: str
    kind: ProviderKind
    district: str
    capabilities: list[ServiceKind]
    third_party_testing: bool
    listed_on: date
    delisted_on: date | None = Field(description="自该日起不在名单 · From this day no longer on the list")
    listed: bool = Field(description="所查日期是否在名单中 · On the list on the day asked for", examples=[True])


class ExitBody(Body):
    reason: Text = Field(description="正当退出理由 · The reason", examples=["科研设施整体迁出北京，不再对外提供服务"])


class ExitView(View):
    """A notice of leaving, for the provider and the office (art. 6 last paragraph)."""

    provider_id: str
    reason: str
    requested_on: date
    until: date = Field(description="提前期最后一日（含） · Last day of the notice, inclusive")
    provisional: bool
    running_contracts: int = Field(description="履行中的合同数，先履行完毕 · Contracts that come first", examples=[2])
    open_bookings: int = Field(description="尚未结束的预约数 · Bookings that are not over", examples=[1])
    delisted_on: date | None


class ConditionView(View):
    condition: ProviderCondition
    met: bool
    remark: str


class ListingNoticeView(View):
    notice_id: str
    published_on: date
    until: date = Field(description="公示截止日（含） · Last day, inclusive")
    open_objections: list[str]


class ApplicationView(View):
    """An application and how far it has come, for the applicant and the office."""

    provider_id: str
    stage: Progress
    name: str
    credit_code: str
    district: str
    capabilities: list[ServiceKind]
    third_party_testing: bool
    conditions: list[ConditionView]
    notice: ListingNoticeView | None = None
    cause: str = Field(default="", description="未列入的原因 · Why it was refused")


class ProviderNoticeView(View):
    """A notice as the public sees it."""

    notice_id: str
    provider_id: str
    name: str
    published_on: date
    until: date
    provisional: bool
    open_objections: int
    state: Literal["running", "concluded", "withdrawn"]


class ListingReceiptView(View):
    """That an objection was received."""

    objection_id: str


class ListingObjectionView(View):
    """An objection in full, for the office only."""

    objection_id: str
    objector: str
    text: str
    answer: str | None


class FacilityBody(Body):
    number: str = Field(
        pattern=r"^[0-9A-Za-z-]{1,40}$", description="资产编号 · Asset number", examples=["KYSS-01-001"]
    )
    name: Label = Field(examples=["场发射扫描电子显微镜"])
    kind: FacilityKind = Field(
        description="major_infrastructure 重大科研基础设施，large_instrument 大型科研仪器，"
        "big_science 大科学装置，compute 算力设备 · Kind of facility (art. 2)",
        examples=["large_instrument"],
    )
    original_value: Money = Field(description="原值 · Original value")
    site: Label = Field(examples=["北京市海淀区泽衡路8号A座101室"])
    service_norms: Text = Field(examples=["网上预约，收样后五个工作日内出具结果"])
    price_standard: Text = Field(examples=["微观形貌分析 600 元/小时"])


class DescriptionBody(Body):
    """What may change of an open facility; its number and its kind stay."""

    name: Label = Field(examples=["场发射扫描电子显微镜"])
    original_value: Money = Field(description="原值 · Original value")
    site: Label = Field(examples=["北京市海淀区泽衡路8号B座203室"])
    service_norms: Text = Field(examples=["网上预约，收样后三个工作日内出具结果"])
    price_standard: Text = Field(examples=["微观形貌分析 550 元/小时"])


class StatusBody(Body):
    status: FacilityStatus = Field(
        description="在用、维护中、停用 · In service, under maintenance, out of service", examples=["under_maintenance"]
    )


class ProofBody(Body):
    right: OperatingRight = Field(
        description="自有，或经明确授权运营管理 · Owned, or entrusted to the provider (art. 6(2))", examples=["owned"]
    )
    document_id: str = Field(max_length=40, examples=["doc_01kdvdna00ek7990e5df8shghf"])


class ProofView(View):
    """A document that shows the right to operate a facility."""

    right: OperatingRight
    document_id: str
    filed_at: datetime


class FacilityView(View):
    """A facility as anyone may see it."""

    facility_id: str
    provider_id: str
    number: str
    name: str
    kind: FacilityKind
    original_value: Money
    site: str
    service_norms: str
    price_standard: str
    status: FacilityStatus | Literal["withdrawn"] = Field(examples=["in_service"])
    right: OperatingRight | None = Field(
        default=None, description="已提交证明的运营权利 · The right that was shown by a document"
    )
    opened_on: date
    withdrawn_on: date | None = None


class AffectedBooking(View):
    """A booking that is asked for or confirmed, and whose facility is there no more."""

    booking_id: str
    starts_at: datetime
    ends_at: datetime
    stage: Literal["requested", "confirmed"]


class FacilityWithdrawalView(FacilityView):
    """A facility as it is withdrawn, with the bookings that are open: the provider cancels them and says why."""

    affected_bookings: list[AffectedBooking]


class FacilityItem(View):
    """A facility in the public catalogue."""

    facility_id: str
    provider_id: str
    provider_name: str
    name: str
    kind: FacilityKind
    original_value: Money
    site: str
    district: str
    status: FacilityStatus
    opened_on: date


class ServiceBody(Body):
    facility_id: str = Field(max_length=40, examples=["fac_01kdvdna00ek7990e5df8shghf"])
    name: Label = Field(examples=["微观形貌分析"])
    kind: ServiceKind = Field(
        description="analysis 分析，testing 测试，inspection 检验，rnd 研发，industrial_design 工业设计，"
        "compute 算力 · Kind of service (art. 5)",
        examples=["analysis"],
    )
    unit: str = Field(min_length=1, max_length=20, pattern=r"\S", examples=["小时"])
    unit_price: Money = Field(description="单价 · Price of one unit")


class ServiceView(View):
    """A service as anyone may see it."""

    service_id: str
    facility_id: str
    provider_id: str
    name: str
    kind: ServiceKind
    unit: str
    unit_price: Money
    offered_on: date
    withdrawn_on: date | None = None


class ServiceItem(View):
    """A service in the public catalogue."""

    service_id: str
    facility_id: str
    provider_id: str
    provider_name: str
    name: str
    kind: ServiceKind
    unit: str
    unit_price: Money
    offered_on: date
