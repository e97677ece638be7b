"""What is sent to issuance about periods and what it answers."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from services.issuance.api.class_models import ClassFigures, ClassView, Instant, Planned, planned
from services.issuance.api.entry_models import EntriesPlan, EntriesView, EntryFigures, planned_entries
from services.issuance.api.models import Pack
from services.issuance.api.waiting_room_models import PlannedWaitingRoom, WaitingRoomView
from services.issuance.domain.plan import Plan, Settings
from shared.http.models import Body, Money, View

type PeriodPhase = Literal["proposed", "approved", "open", "exhausted", "closed", "withdrawn"]

_PERIOD = "prd_01jq8v5x0000000000000000aa"
_NAME = "2026 年第一期"

PeriodIdField = Annotated[str, Field(examples=[_PERIOD])]
Name = Annotated[str, Field(examples=[_NAME])]
Phase = Annotated[
    PeriodPhase,
    Field(
        description=(
            "以服务器时钟为准：proposed 待（重新）批准，approved 已批准、尚未开放，open 正在开放，"
            "exhausted 额度已发完，closed 已截止，withdrawn 已撤回 · "
            "By the server's clock; proposed: not approved (again)"
        ),
        examples=["open"],
    ),
]
OpensAt = Annotated[datetime, Field(description="开放时刻 · First instant", examples=["2026-03-01T01:00:00Z"])]
ClosesAt = Annotated[
    datetime,
    Field(description="截止时刻（不含） · First instant that is too late", examples=["2026-03-31T16:00:00Z"]),
]
Cap = Annotated[Money, Field(description="单张最高限额（第十二条） · Face value cap (art. 12)")]
LastToRegister = Annotated[
    date | None,
    Field(
        description="登记不迟于此日（第十五条第二项） · No registration after this day (art. 15(2))",
        examples=["2026-04-10"],
    ),
]
LastOfValidity = Annotated[
    date | None,
    Field(
        description="有效期不迟于此日（第十五条第二项） · No validity after this day (art. 15(2))",
        examples=["2026-06-30"],
    ),
]
Reason = Annotated[
    str,
    Field(
        min_length=1,
        max_length=500,
        pattern=r"\S",
        description="向社会公开的理由 · The reason, which everybody may read",
        examples=["系统维护，预计两小时后恢复"],
    ),
]


class PeriodPlan(Body):
    name: str = Field(min_length=1, max_length=100, examples=[_NAME])
    quota: Money = Field(description="总额度 · What the period may issue", examples=[{"amount": 20_000_000}])
    opens_at: Instant = Field(description="开放时刻 · First instant", examples=["2026-03-01T01:00:00Z"])
    closes_at: Instant = Field(
        description="截止时刻（不含） · First instant that is too late", examples=["2026-03-31T16:00:00Z"]
    )
    face_value_max: Money | None = Field(
        default=None,
        description="单张最高限额，不高于第十二条 · Face value cap, at most that of art. 12, which holds if left out",
        examples=[{"amount": 3_000_000}],
    )
    registration_days: int | None = Field(
        default=None,
        ge=-(2**31),
        lt=2**31,
        description="登记期限，不长于第十五条第二项 · Days to register, at most those of art. 15(2)",
        examples=[15],
    )
    validity_months: int | None = Field(
        default=None,
        ge=-(2**31),
        lt=2**31,
        description="登记后的有效期，不长于第十五条第二项 · Months of validity, at most those of art. 15(2)",
        examples=[3],
    )
    registration_last_day: LastToRegister = None
    validity_last_day: LastOfValidity = None
    waiting_room: PlannedWaitingRoom | None = Field(
        default=None, description="等候室，不设则直接申领 · A waiting room; left out, everybody claims at once"
    )
    classes: Planned = ()
    entries: EntriesPlan | None = Field(default=None, description="报名、抽签与候补 · How entries are taken")

    def planned(self) -> Plan:
        """Say it as the domain does, in fen."""
        return Plan(
            name=self.name,
            quota=self.quota.amount,
            opens_at=self.opens_at,
            closes_at=self.closes_at,
            settings=Settings(
                face_value_max=self.face_value_max.amount if self.face_value_max is not None else None,
                registration_days=self.registration_days,
                validity_months=self.validity_months,
                registration_last_day=self.registration_last_day,
                validity_last_day=self.validity_last_day,
                waiting_room=self.waiting_room.planned() if self.waiting_room is not None else None,
                classes=planned(self.classes),
                entries=planned_entries(self.entries),
            ),
        )


class ReasonBody(Body):
    reason: Reason


class PauseView(View):
    reason: Reason
    since: datetime = Field(examples=["2026-03-01T01:20:00Z"])


class PastPauseView(View):
    reason: Reason
    since: datetime = Field(examples=["2026-03-01T01:20:00Z"])
    until: datetime = Field(examples=["2026-03-01T03:05:00Z"])
    resumed_because: str = Field(description="恢复的理由 · Why claims were taken again", examples=["维护完毕"])


class Period(View):
    period_id: PeriodIdField
    name: Name
    phase: Phase
    opens_at: OpensAt
    closes_at: ClosesAt
    server_time: datetime = Field(
        description="作答时的服务器时钟 · The server's clock at this answer", examples=["2026-02-28T16:59:30Z"]
    )
    opens_in_ms: int | None = Field(
        description="距开放的毫秒数；不会开放的为空 · Milliseconds until it opens; null if it will not",
        examples=[30_000],
    )
    pause: PauseView | None = Field(description="暂停申领 · No claims for the time being, and why")
    past_pauses: list[PastPauseView] = Field(description="以往的暂停及恢复理由 · Pauses that are over, the first first")
    withdrawal_reason: str | None = Field(description="撤回的理由 · Why it was withdrawn", examples=[None])
    quota: Money
    issued: Money
    returned: Money
    remaining: Money = Field(description="剩余额度 · What is left")
    claims: int = Field(description="已发放张数 · Vouchers issued", examples=[17])
    face_value_max: Cap
    registration_days: int = Field(
        description="登记科研活动的期限（第十五条第二项） · Days to register (art. 15(2))", examples=[15]
    )
    validity_months: int = Field(
        description="登记后的有效期（第十五条第二项） · Months of validity once registered (art. 15(2))", examples=[3]
    )
    registration_last_day: LastToRegister
    validity_last_day: LastOfValidity
    waiting_room: WaitingRoomView | None = Field(description="等候室 · The waiting room, if there is one")
    classes: list[ClassView] = Field(description="有专有额度的类别 · Classes with a part of their own")
    entries: EntriesView | None = Field(description="报名、抽签与候补 · How entries are taken")
    pack: Pack


class PlannedPeriod(Period):
    entry_figures: list[EntryFigures] = Field(description="各类报名的情况 · How many entries have come how far")
    proposed_by: str = Field(description="提出人 · Who proposed it", examples=["officer-li"])
    authors: list[str] = Field(
        description="参与拟定的人，均不得批准 · Who had a hand in the plan, and may not approve it",
        examples=[["officer-li"]],
    )
    approved_by: str | None = Field(description="批准人 · Who has approved it as it stands", examples=["officer-wang"])


class PeriodItem(View):
    period_id: PeriodIdField
    name: Name
    phase: Phase
    opens_at: OpensAt
    closes_at: ClosesAt
    pause: PauseView | None
    withdrawal_reason: str | None = Field(examples=[None])
    quota: Money
    issued: Money
    returned: Money
    remaining: Money
    claims: int = Field(examples=[17])
    face_value_max: Cap
    classes: list[ClassView] = Field(description="有专有额度的类别 · Classes with a part of their own")


class PeriodPlanItem(PeriodItem):
    proposed_by: str = Field(description="提出人 · Who proposed it", examples=["officer-li"])
    changed_by: str | None = Field(description="最后修改人 · Who changed it last", examples=[None])
    approved_by: str | None = Field(description="批准人 · Who has approved it as it stands", examples=["officer-wang"])


class PeriodFigures(View):
    period_id: PeriodIdField
    name: Name
    quota: Money
    issued: Money = Field(description="发放金额 · Sum of the face values issued")
    vouchers: int = Field(description="发放张数 · Vouchers issued", examples=[812])
    claimants: int = Field(description="领取的单位数 · Claimants that hold or held one", examples=[640])
    returned: Money = Field(description="作废后退回周期的金额 · Money of ended vouchers that went back to the period")
    remaining: Money = Field(description="未发放金额 · What was not issued, with what came back")
    classes: list[ClassFigures] = Field(description="各类别专有额度的去向 · What became of each class's own part")
    as_of: int = Field(description="日志位置 · The position of the log", examples=[20_417])


class RemainingQuota(View):
    period_id: PeriodIdField
    quota: Money
    remaining: Money = Field(description="剩余额度 · What is left")
    common: Money = Field(description="其中任何单位均可领取的部分 · What of it anybody may claim")
    classes: list[ClassView] = Field(description="有专有额度的类别 · Classes with a part of their own")
    claims: int = Field(description="已发放张数 · Vouchers issued", examples=[17])
    owed: Money = Field(description="其中留给候补的 · What of it is owed to the reserve list")
    waiting: int = Field(description="候补中的报名数 · Entries on the reserve list", examples=[0])
    paused: bool = Field(description="暂停申领 · No claims for the time being", examples=[False])
    closed: bool = Field(description="不再发放 · Nothing is issued any more", examples=[False])
    as_of: int = Field(description="日志位置 · The position of the log", examples=[20_417])
    server_time: datetime = Field(
        description="读取时的服务器时钟 · The server's clock when it was read", examples=["2026-03-01T01:00:00.100000Z"]
    )
