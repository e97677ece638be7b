"""What goes in and out of appraisal's operations."""

from datetime import date
from typing import Annotated

from pydantic import Field

from services.appraisal.domain.round import Stage
from shared.http.models import Body, Money, View

Progress = Annotated[
    Stage,
    Field(
        description=("proposed 待批准，open 已启动 · How far it has come"),
        examples=["open"],
    ),
]


class RoundBody(Body):
    year: int = Field(ge=2023, le=2100, description="考核年度 · The year to appraise", examples=[2026])


class RoundView(View):
    """One yearly round."""

    round_id: str
    year: int
    stage: Progress
    proposed_by: str
    proposed_on: date
    approved_by: str | None
    opened_on: date | None


class RoundItem(View):
    """A round in a list."""

    round_id: str
    year: int
    stage: Progress
    proposed_on: date
    opened_on: date | None


class ServiceRecordView(View):
    """What one provider did in the round's year, taken from the records of the other contexts."""

    provider_id: str
    year: int
    contracts_registered: int = Field(description="登记合同数 · Contracts registered")
    contracts_completed: int = Field(description="完成合同数 · Contracts completed")
    actual_amount: Money = Field(description="完成合同的实际发生金额 · Actual amounts of the completed ones")
    vouchers_paid: Money = Field(description="当年兑现的创新券金额 · Voucher money paid in the year")
    vouchers_recovered: Money = Field(
        description="其中此后追回的（第十七条） · Of that, what was clawed back since (art. 17)"
    )
    vouchers_settled: Money = Field(description="兑现减追回，考核以此为准 · Paid less clawed back: what is appraised")
    facilities_open: int = Field(description="年末（或当前）开放的设施数 · Facilities open at the year's end, or now")
    facilities_value: Money = Field(description="其原值合计 · Their original value")
    minutes_used: int = Field(
        description="设施使用机时（分钟），取自使用记录 · Machine time in minutes, from usage records"
    )
    external_minutes: int = Field(description="其中对外服务机时（分钟） · Of that for others")
    barred: bool = Field(
        description="处于取消申报资格或除名期间，不参加考核 · A measure of art. 17 is in force: it is not appraised"
    )
    third_party_testing: bool = Field(description="第三方检测机构 · A third-party testing firm (art. 11)")
