"""What goes in and out of the operations on a claimant: its users, its profile, its reviews, what only few may see."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from services.registry.api.models import (
    ContactBody,
    CreditCode,
    EnterpriseSelfBody,
    MemberBody,
    Name,
    PrincipalName,
    ProjectBody,
)
from services.registry.domain.claimant import ProfileStage
from shared.events.registry.claimants import CertificateKind, Outcome, UserRole, Verdict
from shared.http.models import Body, View

OtherRole = Annotated[
    Literal["member", "read_only"],
    Field(description="成员可办理，只读成员只能查看 · A member acts, read_only looks", examples=["member"]),
]
OneTimeToken = Annotated[
    str,
    Field(
        min_length=20,
        max_length=100,
        pattern=r"^[A-Za-z0-9_-]+$",
        examples=["Jx3nQ0a7mV5uR1cT9kW2eY8sB4dF6hGzL0pX-oI_"],
    ),
]
Reason = Annotated[str, Field(min_length=2, max_length=2000, pattern=r"\S", examples=["经核对营业执照属实"])]


class InvitationBody(Body):
    """Whom to invite; without a principal, whoever shows the one-time token of the answer."""

    role: OtherRole
    principal: PrincipalName | None = None


class AnswerBody(Body):
    """The one-time token, where the invitation came with one."""

    token: OneTimeToken | None = None


class RoleBody(Body):
    role: OtherRole


class OwnerBody(Body):
    principal: PrincipalName


class UserView(View):
    principal: str
    role: UserRole


class OpenInvitationView(View):
    invitation_id: str
    principal: str | None = Field(description="为空则凭一次性口令 · None: whoever has the one-time token")
    role: UserRole
    expires_at: datetime


class ClaimantUsersView(View):
    """Who acts for a claimant, who only looks, and who is invited."""

    claimant_id: str
    users: list[UserView]
    invitations: list[OpenInvitationView]


class InvitationView(OpenInvitationView):
    """An invitation as its owner sees it once."""

    claimant_id: str
    token: str | None = Field(description="只显示这一次 · Shown this once, and kept nowhere")


class DeclinedView(View):
    invitation_id: str
    state: Literal["declined"] = "declined"


class InvitationItem(View):
    """An invitation as the invited sees it."""

    invitation_id: str
    claimant_id: str
    claimant_name: str
    role: UserRole
    expires_at: datetime


class EnterpriseProfileBody(EnterpriseSelfBody):
    """A company described anew; its credit code stays, its certificates have their own operation."""

    kind: Literal["enterprise"]
    name: Name
    contact: ContactBody


class TeamProfileBody(Body):
    """A team described anew."""

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
    contact: ContactBody


type ProfileBody = Annotated[EnterpriseProfileBody | TeamProfileBody, Field(discriminator="kind")]


class ProfileVersionView(View):
    """What a claimant said of itself, who said it and when; `profile` is the text as it was sent."""

    number: int = Field(ge=1, examples=[2])
    digest: str
    changed_by: str
    changed_at: datetime
    profile: dict[str, object]


class ProfileStateView(View):
    """How far a claimant's profile is and what art. 7 finds, without what it says."""

    claimant_id: str
    profile_stage: ProfileStage
    eligibility: Literal["pass", "fail", "needs_review"] | None
    open_reviews: list[str] = Field(description="待核查的条件 · Rules that wait for an officer", examples=[[]])


class RuleView(View):
    rule: str = Field(examples=["staff"])
    outcome: Outcome
    article: str = Field(examples=["7(1)"])
    value: str | int | bool | list[str] | None = Field(description="所依据的值 · The value used", examples=[172])
    limit: str | int | bool | list[str] | None = Field(examples=[500])
    parameter: str = Field(examples=["staff_max"])
    code: str = Field(description="未通过时的拒绝代码 · The refusal's code, where the rule fails")
    remedy: str = Field(description="未通过时如何补救 · What would mend it, where it failed", examples=[""])
    reviewed: bool = Field(description="由经办人员认定 · Decided by an officer")


class ClaimantEligibilityView(View):
    """What art. 7 finds of a claimant, rule by rule, and how long that holds by itself."""

    claimant_id: str
    outcome: Literal["pass", "fail", "needs_review"]
    rules: list[RuleView]
    judged_on: date
    until: date | None = Field(description="结论在无变更时有效的最后一日 · Last day of this answer, all else equal")
    pack: str


class RevocationBody(Body):
    kind: CertificateKind = Field(examples=["national_high_tech"])
    number: str = Field(min_length=1, max_length=40, pattern=r"^[0-9A-Za-z-]+$", examples=["GR202511009154"])
    counts_from: date = Field(
        description="自该日起不再有效 · The first day on which it counts no more", examples=["2026-11-01"]
    )
    reason: Reason


class ReviewBody(Body):
    rule: str = Field(pattern=r"^[a-z]{1,30}(-[a-z]{1,30}){0,4}$", examples=["clean-record"])


class ReviewDecisionBody(Body):
    verdict: Verdict = Field(examples=["pass"])
    reason: Reason


class ReviewItem(View):
    """A rule of a claimant that waits for an officer, or what became of it."""

    claimant_id: str
    claimant_name: str
    rule: str
    number: int = Field(ge=1, description="同一条件的第几次核查 · Counts the reviews of a rule")
    article: str
    value: str = Field(description="所依据的值 · The value looked at")
    state: Literal["open", "pass", "fail", "dropped"]
    opened_by: str | None = Field(description="为空的，由系统判定时提出 · None: the rule itself asks")
    opened_at: datetime
    reason: str | None
    closed_by: str | None
    closed_at: datetime | None


class RelatedPartyBody(Body):
    """Somebody related to the claimant."""

    kind: Literal["person", "company"] = Field(examples=["company"])
    name: Name
    credit_code: CreditCode | None = Field(default=None, examples=["91110108MAY12345XQ"])
    relation: Literal["shareholder", "legal_representative", "executive", "family", "affiliate", "other"] = Field(
        examples=["shareholder"]
    )


class RelatedPartiesBody(Body):
    parties: Annotated[tuple[RelatedPartyBody, ...], Field(max_length=100)] = Field(
        description="此后以这些为准；没有则为空 · From now on these; empty for none"
    )


class RelatedPartyView(View):
    kind: Literal["person", "company"]
    name: str
    credit_code: str | None
    relation: str


class RelatedPartiesView(View):
    claimant_id: str
    parties: list[RelatedPartyView]
    declared_by: str | None
    declared_at: datetime | None


class BankAccountBody(Body):
    holder: Name
    bank: str = Field(min_length=2, max_length=100, pattern=r"\S", examples=["某银行北京中关村支行"])
    account: str = Field(pattern=r"^\d{8,30}$", examples=["11001010400000001"])


class BankAccountView(View):
    """The account finance pays to or asks about; masked but for finance."""

    claimant_id: str
    holder: str
    bank: str
    account: str
    masked: bool


class AccessRecordView(View):
    """Who was shown which fields of whom, when, and by which operation."""

    record_id: int
    at: datetime
    principal: str
    role: str
    operation: str
    subject: str
    fields: list[str]
    request_id: str
