"""What is sent to issuance about classes with a part of a quota of their own, and what it answers (art. 12)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, Field

from services.issuance.domain.classes import Parts, set_aside
from shared.events.issuance.periods import QuotaClass
from shared.http.models import Body, Money, View

Instant = Annotated[AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(2200, 1, 1, tzinfo=UTC))]
ClassName = Annotated[
    str, Field(min_length=1, max_length=50, pattern=r"\S", description="类别名称 · Its name", examples=["高新技术企业"])
]
Who = Annotated[
    str,
    Field(
        max_length=40,
        pattern=r"^(certified|team|district:[0-9]{6})$",
        description=(
            "certified 当日持有有效证书的企业；team 创业团队；district:行政区划代码 注册地在该区的企业 · "
            "Who belongs to it: holders of a valid certificate, teams, companies of a district"
        ),
        examples=["certified", "team", "district:110108"],
    ),
]
OwnPart = Annotated[Money, Field(description="该类别专有的额度 · Its own part of the quota")]
Until = Annotated[
    datetime | None,
    Field(
        description="自此时刻起未用额度归公共部分；空为直至截止 · From then on its rest is everybody's; null: never",
        examples=["2026-03-10T16:00:00Z"],
    ),
]


class ClassPlan(Body):
    name: ClassName
    who: Who
    amount: Money = Field(description="该类别专有的额度 · Its own part of the quota", examples=[{"amount": 6_000_000}])
    until: Instant | None = Field(
        default=None,
        description="未用额度归公共部分的时刻；留空为直至截止 · When its rest becomes everybody's; left out: never",
        examples=["2026-03-10T16:00:00Z"],
    )


class ClassView(View):
    name: ClassName
    who: Who
    quota: OwnPart
    remaining: Money = Field(description="该类别专有的剩余 · What it has left of its own")
    until: Until


class ClassFigures(View):
    name: ClassName
    who: Who
    quota: OwnPart
    issued: Money = Field(description="由专有额度支付的金额 · What was issued from its own part")
    released: Money = Field(description="归入公共部分的金额 · What it left for everybody when its time was over")
    remaining: Money = Field(description="截止时未用的专有额度 · What it still had of its own at the close")


Planned = Annotated[
    tuple[ClassPlan, ...],
    Field(
        max_length=40,
        description="有专有额度的类别，按支付次序 · Classes with a part of their own, in the order they are drawn on",
    ),
]


def planned(classes: Sequence[ClassPlan]) -> tuple[QuotaClass, ...]:
    """Read the classes of a plan."""
    return tuple(
        QuotaClass(name=each.name, who=each.who, amount=each.amount.amount, until=each.until) for each in classes
    )


def class_views(classes: Sequence[QuotaClass], parts: Parts) -> list[ClassView]:
    """Show what each class has left of its own; before the first approval that is all of it."""
    rests = parts.rests or set_aside(classes).rests
    return [
        ClassView(name=each.name, who=each.who, quota=Money.of(each.amount), remaining=Money.of(rest), until=each.until)
        for each, rest in zip(classes, rests, strict=True)
    ]


def class_figures(classes: Sequence[QuotaClass], parts: Parts) -> list[ClassFigures]:
    """Show what became of each class's part."""
    return [
        ClassFigures(
            name=each.name,
            who=each.who,
            quota=Money.of(each.amount),
            issued=Money.of(each.amount - rest - released),
            released=Money.of(released),
            remaining=Money.of(rest),
        )
        for each, rest, released in zip(classes, parts.rests, parts.released, strict=True)
    ]
