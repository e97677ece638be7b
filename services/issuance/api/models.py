"""What is sent to issuance about claims and vouchers and what it answers."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field

from shared.http.models import Body, Money, View

type VoucherState = Literal["claimed", "committed", "used", "redeemed", "cancelled", "expired", "lapsed", "revoked"]
type ClaimOutcome = Literal["issued", "refused", "not_seen"]

_PERIOD = "prd_01jq8v5x0000000000000000aa"
_VOUCHER = "vch_01jq8v5x0000000000000000ff"
_CLAIMANT = "clm_01jq8v5x0000000000000000cc"
_NOTHING = {"amount": 0, "currency": "CNY"}

Pack = Annotated[str, Field(description="适用的规则 · The rules that decided", examples=["beijing-2023"])]
VoucherProgress = Annotated[
    VoucherState,
    Field(
        description=(
            "claimed 已领取、尚未登记，committed 已登记合同，used 已使用、待兑现，redeemed 已兑现，"
            "cancelled 已退回，expired 已过期作废，lapsed 未兑现作废，revoked 已撤销 · How far it has come"
        ),
        examples=["claimed"],
    ),
]


class ClaimRequest(Body):
    period_id: str = Field(min_length=1, max_length=64, description="周期 · The period", examples=[_PERIOD])
    amount: Money = Field(
        description="面额，由申领单位按需确定（第十二条） · Face value, as the claimant chooses (art. 12)",
        examples=[{"amount": 3_000_000, "currency": "CNY"}],
    )
    claimant_id: str | None = Field(
        default=None,
        max_length=64,
        description="渠道代办时填写申领单位 · A channel names for whom it claims; nobody else needs to",
        examples=[None],
    )


class Voucher(View):
    voucher_id: str = Field(examples=[_VOUCHER])
    period_id: str = Field(examples=[_PERIOD])
    claimant_id: str = Field(examples=[_CLAIMANT])
    state: VoucherProgress
    year: int = Field(description="计入的年度 · The year it counts in", examples=[2026])
    amount: Money = Field(description="面额 · Face value")
    paid: Money = Field(description="已兑现 · Paid", examples=[_NOTHING])
    released: Money = Field(description="退回年度额度 · Returned to the allowance", examples=[_NOTHING])
    place: int = Field(description="本周期领取次序 · Place in the period, in order of arrival", examples=[18])
    claimed_on: date = Field(examples=["2026-03-01"])
    register_by: date = Field(
        description="登记的最后一日（第十五条第二项） · Last day to register (art. 15(2))", examples=["2026-03-16"]
    )
    register_by_provisional: bool = Field(
        description="该年度工作日安排尚未公布 · The year's working days are not published yet", examples=[False]
    )
    contract_id: str | None = Field(
        description="所用的合同，登记后才有 · The contract, once it is registered", examples=[None]
    )
    valid_until: date | None = Field(
        description="有效期最后一日，登记后才有 · Last day of validity, once the contract is registered",
        examples=[None],
    )
    valid_until_provisional: bool = Field(examples=[False])
    ended_on: date | None = Field(examples=[None])


class VoucherNow(Voucher):
    clawed_back: Money = Field(
        description="已兑现中被追回的（第十七条） · Of what was paid, what was clawed back (art. 17)",
        examples=[_NOTHING],
    )


class ClaimProspect(View):
    dry_run: Literal[True] = True
    amount: Money
    register_by: date = Field(examples=["2026-03-16"])
    register_by_provisional: bool = Field(examples=[False])
    remaining_quota: Money = Field(description="领取后周期剩余 · What the period would have left")
    remaining_allowance: Money = Field(description="领取后年度剩余 · What the year's allowance would have left")


class ClaimByKey(View):
    key: str = Field(examples=["7f9c2ba4-e88f-4a27-b4a0-0dd1e9a0c3f5"])
    outcome: ClaimOutcome = Field(
        description=(
            "issued 已发放；refused 已拒绝；not_seen 未收到，且此后该键不会再发放 · "
            "not_seen: it never came, and with this answer it can win no more"
        ),
        examples=["issued"],
    )
    voucher: Voucher | None = Field(description="领取时的答复 · As it was answered to the claim")
    problem: dict[str, Any] | None = Field(
        description="拒绝的理由 · Why it was refused", examples=[{"code": "quota-exhausted", "status": 409}]
    )


class AnnualTotals(View):
    claimant_id: str = Field(examples=[_CLAIMANT])
    year: int = Field(examples=[2026])
    claims: int = Field(description="领取张数 · Vouchers claimed", examples=[3])
    reserved: Money = Field(description="已占用 · Held by vouchers that are not settled, or were revoked")
    spent: Money = Field(description="已兑现 · Paid out")
    released: Money = Field(description="已退回 · Returned to the allowance")
