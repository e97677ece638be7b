"""What goes in and out about the use of facilities (art. 11); machine time is in whole minutes."""

from datetime import date
from typing import Annotated

from pydantic import Field

from services.registry.use_cases.recording_usage import Result
from shared.http.models import Body, View

PUSHED_MAX = 200
Minutes = Annotated[
    int, Field(ge=-(2**31), le=2**31 - 1, description="机时（分钟） · Machine time in minutes", examples=[9_600])
]
External = Annotated[
    int, Field(ge=-(2**31), le=2**31 - 1, description="其中对外服务机时 · Of that for others", examples=[4_320])
]
FirstDay = Annotated[date, Field(description="起始日（含） · First day, inclusive", examples=["2026-10-01"])]
LastDay = Annotated[
    date, Field(description="截止日（含），同一年度 · Last day, in the same year", examples=["2026-10-31"])
]


class UsageBody(Body):
    """The use of one facility in a period, typed by hand."""

    facility_id: str = Field(max_length=40, examples=["fac_01kdvdna00ek7990e5df8shghf"])
    first_day: FirstDay
    last_day: LastDay
    minutes: Minutes
    external_minutes: External


class CorrectionBody(Body):
    """The figures as they should have been; the period stays."""

    minutes: Minutes
    external_minutes: External


class PushedUsage(Body):
    """One record of a laboratory system."""

    record_id: str = Field(
        pattern=r"^[0-9A-Za-z._:-]{1,64}$",
        description="发送系统自己的记录号，用于去重 · The sender's own id: the same one is taken once",
        examples=["LIMS-2026-10-0042"],
    )
    facility_number: str = Field(max_length=40, description="资产编号 · Asset number", examples=["KYSS-01-001"])
    first_day: FirstDay
    last_day: LastDay
    minutes: Minutes
    external_minutes: External


class UsagePushBody(Body):
    """Records as a laboratory system tells them."""

    source: str = Field(
        pattern=r"^[0-9A-Za-z._-]{1,40}$",
        description="发送系统名称 · The sending system",
        examples=["lims-building-a"],
    )
    records: Annotated[list[PushedUsage], Field(min_length=1, max_length=PUSHED_MAX)]


class UsageView(View):
    """The use of one facility in a period, as it stands."""

    usage_id: str
    provider_id: str
    facility_id: str
    source: str
    record_id: str | None
    first_day: date
    last_day: date
    minutes: int
    external_minutes: int
    corrected_on: date | None


class UsageOutcomeView(View):
    """What became of one record."""

    place: int = Field(description="推送中的序号 · Place in the push", examples=[1])
    record_id: str
    result: Result
    usage_id: str | None
    codes: list[str] = Field(description="拒绝原因代码 · Why it was refused", examples=[["usage-over-period"]])
    message: str = Field(default="", description="拒绝原因与补救 · The reasons and the remedies, in words")


class UsagePushView(View):
    """What became of each record pushed, in order."""

    results: list[UsageOutcomeView]
