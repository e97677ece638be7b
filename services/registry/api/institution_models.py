"""What goes in and out of the registry's operations about applications, laboratories and design centres."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from services.registry.api.models import CreditCode, District, FindingView, PrincipalName, Text
from services.registry.domain.affiliation import Stage
from services.registry.domain.service_agency import AuthoriserKind
from shared.events.registry.affiliations import AffiliationCondition, AffiliationKind, WhyEnded
from shared.events.registry.laboratories import Accreditation, AccreditationKind, LaboratoryRoute
from shared.http.models import Body, View

Title = Annotated[str, Field(min_length=2, max_length=200, pattern=r"\S")]
InstitutionName = Annotated[str, Field(min_length=2, max_length=100, pattern=r"\S", examples=["北京启衡科技服务中心"])]
DocumentId = Annotated[
    str,
    Field(
        pattern=r"^doc_[0-9a-z]{26}$",
        description="先上传所得的 document_id · The id an upload gave",
        examples=["doc_01kdvdna00ek7990e5df8shghf"],
    ),
]
Parts = Annotated[tuple[Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")], ...], Field(max_length=10)]
Progress = Annotated[
    Stage,
    Field(
        description=(
            "requested 待审核，returned 已退回补正，granted 已通过，refused 未通过，ended 已终止 · How far it has come"
        ),
    ),
]


class ContactBody(Body):
    """Whom the office calls; kept from the public and out of every event."""

    person: str = Field(min_length=1, max_length=50, pattern=r"\S", examples=["赵思远"])
    phone: str = Field(pattern=r"^[0-9+ -]{5,20}$", examples=["010-82000000"])
    email: str = Field(pattern=r"^[^@\s]{1,64}@[^@\s]{1,255}$", examples=["contact@example.org"])


class WorkingMechanismBody(Body):
    """The working mechanism (工作机制), and which of its parts it sets out."""

    document_id: DocumentId
    sets_out: Parts = Field(examples=[["management_mechanism", "service_process", "enterprises_within_reach"]])


class SafeguardsBody(Body):
    """The safeguards (保障措施), and which of their parts they set out."""

    document_id: DocumentId
    sets_out: Parts = Field(examples=[["organisation", "business_process", "work_plan"]])


class ReferralApplicationBody(Body):
    """The application form of a referral agency with its papers (faq 4)."""

    name: InstitutionName
    credit_code: CreditCode
    district: District
    contact: ContactBody
    enterprises: int = Field(ge=0, le=10_000_000, description="服务企业数 · Enterprises it serves", examples=[46])
    promotion_events: int = Field(
        ge=0, le=1000, description="可组织的宣传和对接活动场次 · Promotion events it can hold", examples=[3]
    )
    undertaking_given: bool = Field(
        description="承诺开展宣传、辅导和撮合工作 · Undertakes to promote, coach and match", examples=[True]
    )
    application_form: DocumentId = Field(description="推荐机构申请表 · Application form")
    undertaking: DocumentId = Field(description="推荐机构承诺函 · Undertaking")
    working_mechanism: WorkingMechanismBody
    safeguards: SafeguardsBody

    def documents(self) -> tuple[str, ...]:
        """List the files it names."""
        return (
            self.application_form,
            self.undertaking,
            self.working_mechanism.document_id,
            self.safeguards.document_id,
        )


class ServiceApplicationBody(Body):
    """The application form of a service agency with its papers (faq 5)."""

    name: InstitutionName
    credit_code: CreditCode
    district: District
    contact: ContactBody
    legal_person: bool = Field(description="独立法人单位 · Is a legal person of its own", examples=[True])
    authoriser: AuthoriserKind = Field(description="授权单位的类型 · What authorises it", examples=["university"])
    provider_id: str = Field(
        max_length=40,
        description="授权单位的开放单位编号（已加入条件平台） · The authoriser, a listed provider",
        examples=["prv_01kdvdna00ek7990e5df8shghf"],
    )
    application_form: DocumentId = Field(description="专业服务机构申请表 · Application form")
    undertaking: DocumentId = Field(description="承诺函 · Undertaking")
    internal_rules: DocumentId = Field(description="机构内创新券管理办法细则 · Internal rules for vouchers")
    letter_of_authorisation: DocumentId = Field(description="授权函 · Letter of authorisation")

    def documents(self) -> tuple[str, ...]:
        """List the files it names."""
        return (self.application_form, self.undertaking, self.internal_rules, self.letter_of_authorisation)


class AccreditationBody(Body):
    """What a laboratory is recognised as (faq 7); both days are included, and one without an end says so by null."""

    kind: AccreditationKind = Field(examples=["beijing_key_laboratory"])
    number: str = Field(
        min_length=1, max_length=60, pattern=r"^[0-9A-Za-z〔〕()（）\u4e00-\u9fff-]+$", examples=["BZ0123"]
    )
    valid_from: date = Field(examples=["2024-01-01"])
    valid_until: date | None = Field(examples=["2027-12-31"])
    document_id: DocumentId

    def fact(self) -> Accreditation:
        """Give what the log keeps of it: everything but the number and the paper."""
        return Accreditation(kind=self.kind, valid_from=self.valid_from, valid_until=self.valid_until)


Accreditations = Annotated[tuple[AccreditationBody, ...], Field(min_length=1, max_length=10)]


class LaboratoryBody(Body):
    """A laboratory that a service agency reports from inside its own organisation (faq 5)."""

    name: Title = Field(examples=["先进材料表征北京市重点实验室"])
    field: Title = Field(description="学科或行业领域 · Field", examples=["新材料"])
    site: Title = Field(examples=["北京市海淀区泽衡路8号A座"])
    contact: ContactBody
    accreditations: Accreditations

    def documents(self) -> tuple[str, ...]:
        """List the files it names."""
        return tuple(dict.fromkeys(accreditation.document_id for accreditation in self.accreditations))


class MembershipBody(LaboratoryBody):
    """A laboratory of an organisation outside the platform that wants to join a field centre (faq 5)."""

    organisation: InstitutionName
    organisation_kind: Literal["university", "research_institute", "private_company"] = Field(
        examples=["private_company"]
    )
    credit_code: CreditCode
    letter_of_authorisation: DocumentId = Field(
        description="授权领域中心开展创新券相关工作的授权函 · Letter that authorises the centre"
    )

    def documents(self) -> tuple[str, ...]:
        """List the files it names."""
        return tuple(dict.fromkeys((self.letter_of_authorisation, *LaboratoryBody.documents(self))))


type SubmissionBody = ReferralApplicationBody | ServiceApplicationBody | MembershipBody | LaboratoryBody


class ReturnBody(Body):
    remark: Text = Field(
        description="需补正的内容 · What is to be mended", examples=["请补充本组织可辐射小微企业的总体情况"]
    )


class VerdictBody(Body):
    condition: AffiliationCondition = Field(examples=["served_enterprises"])
    met: bool = Field(examples=[True])
    remark: Text = Field(description="审核情况 · What was found", examples=["已核对服务企业清单"])


class ReviewBody(Body):
    verdicts: Annotated[tuple[VerdictBody, ...], Field(min_length=1, max_length=10)]


class ReasonBody(Body):
    reason: Text = Field(examples=["机构业务调整，不再开展推荐服务"])


class StepView(View):
    """What was written at a step, by condition or under `reason`."""

    step: int
    remarks: dict[str, str]


class AffiliationView(View):
    """An application and what became of it, for the applicant and the office."""

    party_id: str
    kind: AffiliationKind
    stage: Progress
    since: date = Field(description="进入当前阶段的日期 · Since when it is at this stage")
    principal: str
    submission: SubmissionBody
    findings: list[FindingView]
    conditions: list[str] = Field(description="审核时逐项核查的条件 · What the office looks at, one by one")
    unmet: list[AffiliationCondition]
    steps: list[StepView]
    ended: WhyEnded | None = None


class AffiliationItem(View):
    """An application in the office's list."""

    party_id: str
    kind: AffiliationKind
    name: str
    stage: Progress
    requested_on: date
    since: date


class StayView(View):
    """A time in the catalogue; without an end where both last days are null."""

    entered_on: date
    valid_until: date | None = Field(description="认定有效期截止日（含） · Recognised up to this day, inclusive")
    left_on: date | None = Field(description="自该日起不在目录 · From this day no longer in the catalogue")


class AccreditationView(View):
    kind: AccreditationKind
    valid_from: date
    valid_until: date | None


class LaboratoryView(View):
    """A laboratory as anyone may see it (faq 7)."""

    laboratory_id: str
    name: str
    field: str
    site: str
    organisation: str
    route: LaboratoryRoute
    through: str = Field(description="专业服务机构或领域中心 · The service agency or field centre")
    accreditations: list[AccreditationView]
    stays: list[StayView]
    in_catalogue: bool = Field(
        description="所查日期是否在目录中（可使用创新券） · In the catalogue that day: vouchers may be used"
    )


class LaboratoryItem(View):
    """A laboratory in the catalogue of a day."""

    laboratory_id: str
    name: str
    field: str
    organisation: str
    route: LaboratoryRoute
    through: str
    accreditations: list[AccreditationView]
    entered_on: date
    valid_until: date | None


class LaboratoryStateView(View):
    """A laboratory for the office and its centre after a step of theirs."""

    laboratory_id: str
    stage: Progress
    taken_in: bool = Field(description="领域中心是否已接收 · The field centre has taken it in")
    accreditations: list[AccreditationView]
    entered_on: date | None
    valid_until: date | None


class CentreAnswerBody(Body):
    accepted: bool = Field(examples=[True])
    remark: Text = Field(examples=["属于本领域，同意加盟"])


class AccreditationsBody(Body):
    accreditations: Annotated[tuple[AccreditationBody, ...], Field(max_length=10)] = Field(
        description="此后以这些为准；已撤销的不再列出 · From now on these; what was revoked is left out"
    )


class FieldCentreView(View):
    """A field centre as the source names it (faq 5)."""

    field_centre_id: str
    name: str
    listed_from: date
    listed_until: date | None
    article: str = Field(examples=["faq 5"])


class FieldCentreMemberView(View):
    laboratory_id: str
    name: str
    organisation: str
    field: str
    joined_on: date
    left_on: date | None


class AppointmentBody(Body):
    principal: PrincipalName


class AppointmentView(View):
    field_centre_id: str
    principal: str
    appointed_on: date


class DesignCentreBody(Body):
    laboratory_id: str = Field(max_length=40, examples=["lab_01kdvdna00ek7990e5df8shghf"])


class DesignCentreView(View):
    """A laboratory that can offer industrial design (faq 3)."""

    design_centre_id: str
    laboratory_id: str
    name: str
    organisation: str
    listed_on: date
    delisted_on: date | None
