"""What goes in and out of the registry's operations about claimants, experts and standing."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from services.registry.domain.claimant import ProfileStage
from services.registry.domain.eligibility import Finding
from services.registry.domain.participation import Act
from services.registry.domain.sanction import Stage
from shared.events.registry.claimants import Certificate, CertificateKind, Outcome
from shared.events.registry.facilities import ServiceKind
from shared.events.registry.standing import Measure, PartyKind
from shared.http.models import Body, Money, View

Name = Annotated[str, Field(min_length=2, max_length=100, pattern=r"\S", examples=["北京璟算软件技术有限公司"])]
CreditCode = Annotated[
    str,
    Field(
        min_length=18,
        max_length=24,
        pattern=r"^[0-9A-Za-z -]+$",
        description="统一社会信用代码，大小写均可 · Unified social credit code, in either case",
        examples=["91110106MAY10000XK"],
    ),
]
District = Annotated[
    str, Field(min_length=2, max_length=20, description="注册地所在区 · District of registration", examples=["海淀区"])
]
Text = Annotated[str, Field(min_length=1, max_length=4000, pattern=r"\S")]
PrincipalName = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@|-]{0,127}$",
        description="其登录身份（令牌的 sub） · Who signs in for it: the token's `sub`",
        examples=["user-zehe-research"],
    ),
]
Capabilities = Annotated[tuple[ServiceKind, ...], Field(min_length=1, max_length=6, examples=[["testing", "rnd"]])]


class CertificateBody(Body):
    """A high-tech certificate or a technology-SME listing (art. 12); both its days are included."""

    kind: CertificateKind = Field(examples=["national_high_tech"])
    number: str = Field(min_length=1, max_length=40, pattern=r"^[0-9A-Za-z-]+$", examples=["GR202511009154"])
    valid_from: date = Field(examples=["2025-10-20"])
    valid_until: date = Field(examples=["2028-10-19"])

    def fact(self) -> Certificate:
        """Give what the log keeps of it: everything but the number."""
        return Certificate(kind=self.kind, valid_from=self.valid_from, valid_until=self.valid_until)


Certificates = Annotated[tuple[CertificateBody, ...], Field(max_length=10)]


class DeclarationsBody(Body):
    legal_person: bool = Field(description="具有独立法人资格 · Is a legal person of its own", examples=[True])
    sound_finances: bool = Field(
        description="具有健全的财务机构和管理制度 · Has a sound finance office and rules", examples=[True]
    )
    clean_record: bool = Field(description="无不良诚信记录 · Has no bad integrity record", examples=[True])


class EnterpriseSelfBody(Body):
    """What an enterprise says of itself by art. 7, but for its certificates."""

    founded_on: date = Field(description="注册成立日期 · Day of registration", examples=["2023-09-09"])
    district: District
    staff: int = Field(ge=0, le=10_000_000, description="职工总数 · Staff", examples=[172])
    annual_revenue: Money = Field(description="上年度销售收入 · Annual revenue")
    total_assets: Money = Field(description="资产总额 · Total assets")
    field: str = Field(pattern=r"^[a-z_]{1,40}$", examples=["next_generation_it"])
    listed_on: date | None = Field(
        default=None,
        description="首次入库科技型中小企业的日期 · First listing as a technology SME",
        examples=[None],
    )
    declarations: DeclarationsBody
    undertaking: bool = Field(
        description="确认符合条件，材料真实、合规、准确 · Confirms that the conditions are met and all is true",
        examples=[True],
    )


class EnterpriseFactsBody(EnterpriseSelfBody):
    """What art. 7 asks of an enterprise."""

    certificates: Certificates = ()


class ContactBody(Body):
    """Whom the office can reach; for its eyes and the claimant's own."""

    name: str = Field(min_length=1, max_length=50, pattern=r"\S", examples=["林之恒"])
    phone: str = Field(pattern=r"^[0-9+() -]{5,25}$", examples=["010-60000000"])
    email: str = Field(max_length=200, pattern=r"^[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+$", examples=["office@example.cn"])


OptionalContact = Annotated[
    ContactBody | None,
    Field(description="可稍后补充；补充后资料才完整 · May follow later; the profile is a draft until then"),
]


class EnterpriseBody(EnterpriseFactsBody):
    """A company that registers itself."""

    kind: Literal["enterprise"]
    name: Name
    credit_code: CreditCode
    contact: OptionalContact = None


class EnterpriseCheckBody(EnterpriseFactsBody):
    """A company that only wants to know; it need not say who it is."""

    kind: Literal["enterprise"]
    credit_code: CreditCode | None = Field(default=None, examples=["91110106MAY10000XK"])


class MemberBody(Body):
    name: str = Field(min_length=1, max_length=50, pattern=r"\S", examples=["赵思远"])
    student: bool = Field(description="在校学生 · A student at present", examples=[True])


class ProjectBody(Body):
    title: str = Field(min_length=2, max_length=200, pattern=r"\S", examples=["面向助听设备的自适应降噪算法与样机"])
    stage: Literal["planning", "development", "testing"] = Field(examples=["testing"])


class TeamBody(Body):
    """A team of students that registers itself (art. 7)."""

    kind: Literal["team"]
    name: str = Field(min_length=2, max_length=100, pattern=r"\S", examples=["听潮声学团队"])
    school: str = Field(min_length=2, max_length=100, pattern=r"\S", examples=["北京澄川理工大学"])
    members: Annotated[tuple[MemberBody, ...], Field(min_length=1, max_length=50)]
    project: ProjectBody
    registered_as_company: bool = Field(description="已注册企业 · Is registered as a company", examples=[False])
    undertaking: bool = Field(
        description="确认符合条件，材料真实、合规、准确 · Confirms that the conditions are met and all is true",
        examples=[True],
    )
    contact: OptionalContact = None


class TeamCheckBody(Body):
    """A team that only wants to know; numbers instead of names."""

    kind: Literal["team"]
    members: int = Field(ge=1, le=1000, examples=[5])
    students: int = Field(ge=0, le=1000, examples=[4])
    stage: Literal["planning", "development", "testing"] = Field(examples=["testing"])
    registered_as_company: bool = Field(examples=[False])
    undertaking: bool = Field(examples=[True])

    @model_validator(mode="after")
    def _students_are_members(self) -> Self:
        if self.students > self.members:
            raise PydanticCustomError("less_than_equal", "Should be {le} or less", {"le": self.members})
        return self


type ClaimantBody = Annotated[EnterpriseBody | TeamBody, Field(discriminator="kind")]
type CheckBody = Annotated[EnterpriseCheckBody | TeamCheckBody, Field(discriminator="kind")]


class CertificatesBody(Body):
    certificates: Certificates = Field(description="此后以这些为准 · From now on these")


class FindingView(View):
    """What one rule of art. 7 found."""

    rule: str = Field(examples=["staff"])
    outcome: Outcome = Field(examples=["pass"])
    value: str | int | bool | list[str] | None = Field(description="所依据的值 · The value used", examples=[172])
    limit: str | int | bool | list[str] | None = Field(examples=[500])
    article: str = Field(examples=["7(1)"])
    parameter: str = Field(examples=["staff_max"])
    remedy: str = Field(description="未通过时如何补救 · What would mend it, where it failed", examples=[""])

    @classmethod
    def of(cls, finding: Finding, remedy: str) -> "FindingView":
        """Show a finding; dates as texts."""
        return cls(
            rule=finding.rule,
            outcome=finding.outcome,
            value=plain(finding.value),
            limit=plain(finding.limit),
            article=finding.article,
            parameter=finding.parameter,
            remedy=remedy,
        )


class EligibilityView(View):
    """What every rule found; `may_register` is false when one failed."""

    may_register: bool = Field(examples=[True])
    checked_on: date = Field(examples=["2026-11-22"])
    pack: str = Field(examples=["beijing-2023"])
    findings: list[FindingView]


class CertificateView(View):
    kind: CertificateKind
    number: str | None = Field(default=None, description="列表中不显示 · Not shown in lists")
    valid_from: date
    valid_until: date


class MemberView(View):
    name: str
    student: bool


class ContactView(View):
    name: str
    phone: str
    email: str


class ClaimantView(View):
    """A claimant in full, for itself and for the office."""

    claimant_id: str
    kind: Literal["enterprise", "team"]
    principal: str
    name: str
    registered_on: date
    certificates: list[CertificateView]
    credit_code: str | None = None
    founded_on: date | None = None
    district: str | None = None
    staff: int | None = None
    annual_revenue: Money | None = None
    total_assets: Money | None = None
    field: str | None = None
    listed_on: date | None = None
    school: str | None = None
    members: list[MemberView] | None = None
    project_title: str | None = None
    project_stage: str | None = None
    contact: ContactView | None = None
    profile_stage: ProfileStage = Field(
        description="资料状态：草稿、完整、已核实、待核查 · How far the profile is", examples=["complete"]
    )
    eligibility: Literal["pass", "fail", "needs_review"] | None = Field(
        description="第七条各项条件的结论 · What art. 7 finds, all rules together", examples=["pass"]
    )


class ClaimantItem(View):
    """A claimant in a list."""

    claimant_id: str
    kind: Literal["enterprise", "team"]
    name: str
    certificates: list[CertificateView]
    registered_on: date
    profile_stage: ProfileStage
    eligibility: Literal["pass", "fail", "needs_review"] | None


class ExpertBody(Body):
    principal: PrincipalName
    employer_id: str | None = Field(
        default=None,
        max_length=40,
        description="所在单位（本系统登记的单位）；其项目须回避 · Employer, whose cases the expert never judges",
        examples=["prv_01kdvdna00ek7990e5df8shghf"],
    )


class SanctionBody(Body):
    party_id: str = Field(max_length=40, examples=["clm_01kdvdna00ek7990e5df8shghf"])
    measure: Measure = Field(
        description="suspend_disbursement 暂停资金拨付，disqualify 取消申报资格，"
        "delist 从平台开放单位中除名（第十七条） · What is imposed (art. 17)",
        examples=["disqualify"],
    )
    until: date | None = Field(
        default=None,
        description="暂停拨付的最后一日；取消资格的期限由规定确定 · Last day of a suspension; the rules end a ban",
        examples=[None],
    )
    grounds: Text = Field(
        description="事实与理由，不公开 · Facts and grounds, not public", examples=["经查实转让创新券"]
    )


class SanctionView(View):
    """A measure of art. 17, for the office."""

    sanction_id: str
    party_id: str
    party_kind: PartyKind
    measure: Measure
    stage: Stage = Field(description="proposed 待批准，in_force 已生效，lifted 已解除 · How far it has come")
    grounds: str
    proposed_by: str
    proposed_on: date
    approved_by: str | None
    imposed_on: date | None
    until: date | None = Field(description="最后一日（含） · Last day, inclusive")
    lifted_on: date | None
    carried_from: str | None = Field(
        description="因对同一单位另一身份的措施而适用 · The same measure on another id of the same body"
    )


class MeasureInForce(View):
    sanction_id: str
    measure: Measure
    imposed_on: date
    until: date | None = Field(description="最后一日（含） · Last day, inclusive")


class ObstacleView(View):
    """One thing that stands against an act, in the caller's language."""

    code: str = Field(examples=["claimant-not-eligible"])
    article: str = Field(examples=["7"])
    title: str = Field(examples=["申领单位不符合申领条件"])
    remedy: str = Field(examples=["在资格结论中查看未通过的条件，更正资料后再申领"])


class PermissionView(View):
    """Whether an act is open to a party today; `reasons` is empty when it is."""

    act: Act = Field(
        description="申领、签约、兑现、参加绩效考核、评审、推荐、受托代办、列入目录 · "
        "Claim, contract, redeem, be appraised, judge, refer, represent providers, be in the catalogue"
    )
    allowed: bool
    reasons: list[ObstacleView]


class StandingView(View):
    """What stands against a party, and what it may do today."""

    party_id: str
    party_kind: PartyKind
    good: bool = Field(description="没有生效的措施 · No measure is in force")
    measures: list[MeasureInForce]
    may: list[PermissionView] = Field(description="今天可以做什么 · What it may do today, act by act")


def plain(value: object) -> str | int | bool | list[str] | None:
    """Show the value of a finding; dates as texts."""
    match value:
        case None | bool() | int() | str():
            return value
        case tuple() | list():
            return [str(part) for part in value]
        case _:
            return str(value)
