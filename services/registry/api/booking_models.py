"""What goes in and out about bookings (art. 5, 9(2))."""

from datetime import date, datetime
from typing import Annotated

from pydantic import AwareDatetime, Field

from services.registry.api.models import Text
from services.registry.domain.booking import Stage
from services.registry.domain.booking_terms import DAY_MINUTES, NOTICE_HOURS_MAX
from shared.events.registry.bookings import BookingOutcome
from shared.http.models import Body, View

Progress = Annotated[
    Stage,
    Field(
        description=(
            "requested 待确认，confirmed 已确认，declined 未获确认，lapsed 逾期未确认，cancelled 已取消，"
            "used 已使用，no_show 未到 · How far it has come"
        ),
        examples=["confirmed"],
    ),
]


class OpeningBody(Body):
    """From when to when a facility is open on a weekday, in minutes of the day in Beijing."""

    weekday: int = Field(ge=1, le=7, description="周一为 1 · Monday is 1", examples=[1])
    opens: int = Field(ge=0, le=DAY_MINUTES, description="当日第几分钟 · Minute of the day", examples=[540])
    closes: int = Field(ge=0, le=DAY_MINUTES, examples=[1_080])


class TermsBody(Body):
    opening: Annotated[tuple[OpeningBody, ...], Field(max_length=50)] = Field(
        default=(), description="开放时间；不填为全天 · Opening hours; none means around the clock"
    )
    notice_hours: int = Field(
        default=0,
        ge=0,
        le=NOTICE_HOURS_MAX,
        description="取消须提前的小时数 · How many hours before to cancel",
        examples=[24],
    )


class OpeningView(View):
    weekday: int
    opens: int
    closes: int


class TermsView(View):
    """How a facility is booked."""

    facility_id: str
    opening: list[OpeningView]
    notice_hours: int


class BookingBody(Body):
    facility_id: str = Field(max_length=40, examples=["fac_01kdvdna00ek7990e5df8shghf"])
    starts_at: AwareDatetime = Field(description="起，整分钟 · From, a whole minute", examples=["2026-12-01T01:00:00Z"])
    ends_at: AwareDatetime = Field(description="止（不含） · To, exclusive", examples=["2026-12-01T05:00:00Z"])
    purpose: Text = Field(description="用途，仅双方可见 · For the two parties only", examples=["样品微观形貌分析"])


class ReasonBody(Body):
    reason: Text = Field(description="原因，仅双方可见 · For the two parties only", examples=["设备临时检修"])


class OutcomeBody(Body):
    outcome: BookingOutcome = Field(description="已使用、未到 · Used, or nobody came", examples=["used"])
    machine_minutes: int = Field(
        ge=0, le=2**31 - 1, description="实际机时（分钟），未到为 0 · How long the machine ran", examples=[235]
    )


class BookingView(View):
    """A booking, for its two parties and the office."""

    booking_id: str
    facility_id: str
    provider_id: str
    claimant_id: str
    starts_at: datetime
    ends_at: datetime
    stage: Progress
    machine_minutes: int = Field(description="预约机时，完成后为实际机时 · Booked, and once concluded as it ran")
    late: bool = Field(description="晚于规定时间取消 · Cancelled later than the terms ask")
    purpose: str
    reason: str | None


class SlotView(View):
    starts_at: datetime
    ends_at: datetime


class CalendarView(View):
    """When a facility is taken and when it is free; by whom it is taken is for the parties."""

    facility_id: str
    first_day: date
    last_day: date
    opening: list[OpeningView]
    busy: list[SlotView]
    free: list[SlotView] = Field(description="可预约时段 · What can be booked")
