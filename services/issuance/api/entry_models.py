"""What is sent to issuance about entries and draws, and what it answers (art. 12)."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from services.issuance.api.class_models import Instant
from services.issuance.domain.entry import Entry, Stage
from services.issuance.domain.entry_terms import draw_ends
from services.issuance.domain.period_phases import Period
from services.issuance.entry_list import Ahead, Counted
from services.issuance.use_cases.entering import EntryProspect
from shared.events.issuance.entries import EntryWay
from shared.events.issuance.periods import EntryTerms, EntryWindow
from shared.http.language import Language
from shared.http.models import Body, Money, View
from shared.http.problems import Catalogue
from shared.http.told_reasons import ToldReason

_ENTRY = "ent_01jq8v5x0000000000000000ee"
_PERIOD = "prd_01jq8v5x0000000000000000aa"
_VOUCHER = "vch_01jq8v5x0000000000000000ff"
_CLAIMANT = "clm_01jq8v5x0000000000000000cc"
_DIGEST = "7d0c1f5a9b3e2846" * 4

EntryIdField = Annotated[str, Field(examples=[_ENTRY])]
Way = Annotated[
    EntryWay,
    Field(
        description=(
            "window 开放前报名；draw 开放初抽签；reserve 候补 · "
            "window: before the opening; draw: drawn by lot at the opening; reserve: in line for money that returns"
        ),
        examples=["reserve"],
    ),
]
OrLess = Annotated[
    bool,
    Field(description="余额不足时愿领取余额 · Takes what there is, when it is less", examples=[False]),
]


class EntryWindowPlan(Body):
    opens_at: Instant = Field(description="报名开始 · First instant", examples=["2026-02-20T01:00:00Z"])
    until: Instant = Field(
        description="报名截止（不含），不晚于开放时刻 · First instant that is too late; not after the opening",
        examples=["2026-02-27T01:00:00Z"],
    )


class EntriesPlan(Body):
    window: EntryWindowPlan | None = Field(
        default=None,
        description=(
            "开放前的报名期；报名金额合计不超过总额度的，免于抢领、全部发放 · "
            "Entries before the opening; when they ask for no more than the quota, all are served without a race"
        ),
    )
    draw_minutes: int = Field(
        default=0,
        ge=0,
        le=1440,
        description="开放后抽签的分钟数，零为不抽签 · Minutes after the opening that are drawn by lot; 0: none",
        examples=[10],
    )
    reserve_list: bool = Field(
        default=False,
        description="额度用尽后接受候补 · Whether a reserve list is kept for money that returns",
        examples=[True],
    )


class EntriesView(View):
    window_opens_at: datetime | None = Field(examples=["2026-02-20T01:00:00Z"])
    window_until: datetime | None = Field(examples=["2026-02-27T01:00:00Z"])
    draws_until: datetime | None = Field(
        description="此刻之前抽签，不按先后 · Until then entries are drawn, and no claims are taken",
        examples=["2026-03-01T01:10:00Z"],
    )
    reserve_list: bool = Field(examples=[True])
    decided: list[EntryWay] = Field(description="已处理完毕的 · What is decided already", examples=[["window"]])


class EntryRequest(Body):
    amount: Money = Field(
        description="报名的面额（第十二条） · The face value asked for (art. 12)",
        examples=[{"amount": 3_000_000, "currency": "CNY"}],
    )
    or_less: OrLess = False
    claimant_id: str | None = Field(
        default=None,
        max_length=64,
        description="渠道代办时填写申领单位 · A channel names for whom it enters; nobody else needs to",
        examples=[None],
    )


class EntryView(View):
    entry_id: EntryIdField
    period_id: str = Field(examples=[_PERIOD])
    claimant_id: str = Field(examples=[_CLAIMANT])
    way: Way
    stage: Stage = Field(
        description="waiting 等待；served 已发放；withdrawn 已撤回；ended 已终止 · How far it has come",
        examples=["waiting"],
    )
    amount: Money = Field(description="报名的面额 · What was asked for")
    or_less: OrLess
    place: int = Field(description="本周期报名次序 · Place among the entries of the period", examples=[12])
    made_at: datetime = Field(examples=["2026-03-01T02:15:00Z"])
    voucher_id: str | None = Field(description="所得的创新券 · The voucher it has brought", examples=[_VOUCHER])
    granted: Money = Field(description="所得的面额 · What that is worth")
    reasons: list[ToldReason] = Field(description="终止的理由 · Why nothing comes of it")


class AheadView(View):
    entries: int = Field(description="排在前面的报名数 · Entries before it", examples=[11])
    amount: Money = Field(description="排在前面的报名金额 · What they ask for")


class OwnEntry(EntryView):
    ahead: AheadView | None = Field(
        description="按次序办理时排在前面的；抽签的与已办结的为空 · Who is before it, where order decides; else null"
    )


class EntryForetold(View):
    dry_run: Literal[True] = True
    period_id: str = Field(examples=[_PERIOD])
    claimant_id: str = Field(examples=[_CLAIMANT])
    way: Way
    amount: Money = Field(description="报名的面额 · What is asked for")
    or_less: OrLess
    place: int = Field(description="届时的报名次序 · The place it would have among the entries", examples=[12])
    ahead: AheadView | None = Field(
        description="届时排在前面的；抽签的为空 · Who would be before it, where order decides; else null"
    )


class EntryFigures(View):
    way: Way
    stage: Stage = Field(examples=["waiting"])
    entries: int = Field(examples=[37])
    amount: Money = Field(description="报名金额 · What was asked for")


class DrawView(View):
    period_id: str = Field(examples=[_PERIOD])
    commitment: str = Field(
        description="随机种子的 SHA-256，公告时即公布 · SHA-256 of the seed, told with the announcement",
        examples=[_DIGEST],
    )
    draws_until: datetime = Field(examples=["2026-03-01T01:10:00Z"])
    seed: str | None = Field(
        description="随机种子，抽签后公布；次序为 SHA-256(“种子:报名号”) 由小到大 · "
        'The seed, told after the draw; the order is that of SHA-256("seed:entry_id"), the smallest first',
        examples=[_DIGEST],
    )
    entries: int | None = Field(description="参加抽签的报名数 · Entries drawn", examples=[812])
    asked: Money | None = Field(description="报名金额合计 · What they asked for")
    drawn_at: datetime | None = Field(examples=["2026-03-01T01:10:01Z"])


class DrawnEntry(View):
    lot: int = Field(description="抽签次序 · Place in the draw", examples=[1])
    entry_id: EntryIdField
    amount: Money = Field(description="报名的面额 · What was asked for")
    outcome: str = Field(
        pattern="^(served|reserve_list|passed_over)$",
        description="served 已发放；reserve_list 转入候补；passed_over 未发放 · What came of it in the draw",
        examples=["served"],
    )


def planned_entries(body: EntriesPlan | None) -> EntryTerms | None:
    """Read how a plan takes entries; one that takes none in any way says nothing."""
    if body is None or not (body.window or body.draw_minutes or body.reserve_list):
        return None
    window = EntryWindow(opens_at=body.window.opens_at, until=body.window.until) if body.window else None
    return EntryTerms(window=window, draw_minutes=body.draw_minutes, reserve_list=body.reserve_list)


def entries_view(state: Period) -> EntriesView | None:
    """Show how a period takes entries."""
    terms = state.entries
    if terms is None:
        return None
    return EntriesView(
        window_opens_at=terms.window.opens_at if terms.window else None,
        window_until=terms.window.until if terms.window else None,
        draws_until=draw_ends(terms, state.opens_at),
        reserve_list=terms.reserve_list,
        decided=sorted(state.decided),
    )


def entry_fields(state: Entry, catalogue: Catalogue, language: Language) -> dict[str, Any]:
    """Say what every view of an entry says; why nothing comes of it in words, as a refusal would."""
    return {
        "entry_id": state.entry_id,
        "period_id": state.period_id,
        "claimant_id": state.claimant_id,
        "way": state.way,
        "stage": state.stage,
        "amount": Money.of(state.amount),
        "or_less": state.or_less,
        "place": state.place,
        "made_at": state.made_at,
        "voucher_id": state.voucher_id,
        "granted": Money.of(state.granted),
        "reasons": [ToldReason.of(why, catalogue, language) for why in state.reasons],
    }


def ahead_view(ahead: Ahead | None) -> AheadView | None:
    """Show who is before an entry."""
    return None if ahead is None else AheadView(entries=ahead.entries, amount=Money.of(ahead.amount))


def foretold(body: EntryRequest, period_id: str, claimant_id: str, prospect: EntryProspect) -> EntryForetold:
    """Show what an entry would be answered."""
    return EntryForetold(
        period_id=period_id,
        claimant_id=claimant_id,
        way=prospect.way,
        amount=body.amount,
        or_less=body.or_less,
        place=prospect.place,
        ahead=ahead_view(prospect.ahead),
    )


def figures_view(counted: Counted) -> EntryFigures:
    """Show how many entries have come how far."""
    return EntryFigures(way=counted.way, stage=counted.stage, entries=counted.entries, amount=Money.of(counted.amount))
