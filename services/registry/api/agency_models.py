"""What goes in and out of the registry's operations about agencies that have joined, and whom they serve."""

from datetime import date
from typing import Literal

from pydantic import Field

from services.registry.api.institution_models import ContactBody, Title
from services.registry.api.models import Text
from shared.http.models import Body, View


class ReferralProfileBody(Body):
    """What a referral agency must tell before the public sees it (faq 4: 本单位介绍、服务特色、联系方式)."""

    introduction: Text = Field(examples=["面向科技型小微企业的公共服务机构，成立于 2012 年"])
    service_characteristics: Text = Field(examples=["一对一政策辅导，按季度组织供需对接"])
    contact: ContactBody
    address: Title = Field(examples=["北京市丰台区科兴路9号"])


class ReferralAgencyView(View):
    """A referral agency as anyone may see it; whom to ask for stays with the office."""

    party_id: str
    name: str
    introduction: str
    service_characteristics: str
    phone: str
    email: str
    address: str
    listed_on: date
    left_on: date | None = Field(description="自该日起不在名单 · From this day no longer on the list")
    listed: bool = Field(description="所查日期是否在名单中 · On the list on the day asked for", examples=[True])


class ReferralAgencyItem(View):
    """A referral agency on the public list of a day."""

    party_id: str
    name: str
    listed_on: date
    left_on: date | None
    events_held: int = Field(description="已举办的活动场次 · Promotion events held", examples=[2])


class TrainingBody(Body):
    held_on: date = Field(examples=["2026-11-20"])
    attended: bool = Field(examples=[True])
    title: Title = Field(examples=["创新券业务培训"])
    place: Title = Field(examples=["线上"])


class EventPlanBody(Body):
    planned_for: date = Field(examples=["2026-12-10"])
    title: Title = Field(examples=["创新券政策宣讲与供需对接会"])
    place: Title = Field(examples=["丰台科技园会议中心"])


class EventReportBody(Body):
    held_on: date = Field(examples=["2026-12-10"])
    enterprises: int = Field(ge=0, le=100_000, description="参加企业数 · Enterprises that came", examples=[42])


class TrainingView(View):
    training_id: str
    held_on: date
    attended: bool
    title: str
    place: str


class PromotionEventView(View):
    event_id: str
    planned_for: date
    held_on: date | None
    enterprises: int
    title: str
    place: str


class ReferralWorkView(View):
    """What an agency has done, for itself and the office: training, and the events of its undertaking."""

    party_id: str
    listed_on: date | None = Field(description="资料完善后列入名单的日期 · On the public list since")
    trainings: list[TrainingView]
    events: list[PromotionEventView]
    events_held: int
    events_needed: int = Field(description="承诺的最少场次 · Fewest events (faq 4)", examples=[2])
    offered: int = Field(description="待企业同意 · Claimants who have not agreed yet")
    serves: int = Field(description="经企业同意的服务企业数 · Claimants who have agreed")


class ReferralBody(Body):
    claimant_id: str = Field(max_length=40, examples=["clm_01kdvdna00ek7990e5df8shghf"])


class ReferralView(View):
    """That an agency serves a claimant, or would like to."""

    agency_id: str
    agency_name: str
    claimant_id: str
    stage: Literal["offered", "accepted", "ended"]
    offered_on: date
    accepted_on: date | None
    ended_on: date | None


class ReferralReceiptView(View):
    agency_id: str
    claimant_id: str
    stage: Literal["offered", "accepted", "ended"]


class ServiceAgencyView(View):
    """A service agency as anyone may see it, and for whom it works (faq 5; art. 9(1))."""

    party_id: str
    name: str
    provider_id: str
    provider_name: str
    listed_on: date
    left_on: date | None
    listed: bool = Field(description="所查日期是否在名单中 · On the list on the day asked for", examples=[True])
