"""What the books of issuance answer with."""

from datetime import date, datetime
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.issuance.domain.postings import Account
from services.issuance.reports.ledger_words import ACCOUNT_WORDS
from shared.http.models import Money, View

_PERIOD = "prd_01jq8v5x0000000000000000aa"
_VOUCHER = "vch_01jq8v5x0000000000000000ff"
_CLAIMANT = "clm_01jq8v5x0000000000000000cc"
_CONTRACT = "ctr_01jq8v5x0000000000000000bb"
_PROVIDER = "prv_01jq8v5x0000000000000000dd"

Year = Annotated[
    int | None, Field(description="申领年度；周期自身的资金无年度 · Year of the claim, if any", examples=[2026])
]
AccountName = Annotated[
    Account,
    Field(
        description=f"科目：{'，'.join(f'{code} {word}' for code, word in ACCOUNT_WORDS.items())} · "
        "budget → quota → reserved → committed → payable → paid → clawed_back, or an end before that",
        examples=["reserved"],
    ),
]


class Balance(BaseModel):
    """What an account holds: whole fen, in yuan renminbi; accounts that give have less than nothing."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, frozen=True)

    amount: int = Field(description="以分计，借方减贷方 · in fen, debit less credit", examples=[-20_000_000])
    currency: Literal["CNY"] = Field(default="CNY", examples=["CNY"])


class LedgerEntry(View):
    position: int = Field(description="日志位置 · The log's position it stands for", examples=[1042])
    line: int = Field(description="该事实的第几笔 · Which entry of that fact", examples=[1])
    business_date: date = Field(description="记账日（北京） · The day in Beijing", examples=["2026-03-01"])
    debit: AccountName
    credit: AccountName
    amount: Money
    period_id: str = Field(examples=[_PERIOD])
    year: Year
    claimant_id: str | None = Field(examples=[_CLAIMANT])
    voucher_id: str | None = Field(examples=[_VOUCHER])
    contract_id: str | None = Field(examples=[_CONTRACT])


class LedgerBalance(View):
    period_id: str = Field(examples=[_PERIOD])
    year: Year
    account: AccountName
    balance: Balance


class AccountTotal(View):
    account: AccountName
    balance: Balance


class TrialBalance(View):
    """Every account of every period and year; `total` is zero, or the books are wrong."""

    items: list[LedgerBalance]
    accounts: list[AccountTotal] = Field(description="各科目合计 · Each account over all periods and years")
    total: Balance = Field(
        description="全部科目合计，恒为零 · All accounts together: always nothing", examples=[{"amount": 0}]
    )
    as_of: int = Field(description="截至的日志位置 · The log's position they stand at", examples=[1042])


class Exposure(View):
    period_id: str = Field(examples=[_PERIOD])
    year: int = Field(description="申领年度 · Year of the claims", examples=[2026])
    provider_id: str | None = Field(
        description="开放单位；尚未登记合同的为空 · Who is to be paid; null before a contract", examples=[_PROVIDER]
    )
    reserved: Money = Field(description="已领取，未登记 · Claimed, not registered")
    committed: Money = Field(description="已登记，服务中 · Registered, the service is going on")
    payable: Money = Field(description="已完成，待兑现 · Completed, waiting for its redemption")
    outstanding: Money = Field(description="可能支付合计 · What may still have to be paid")


class LedgerProof(View):
    night: date = Field(description="核对之夜（北京日期） · Which night in Beijing", examples=["2026-03-02"])
    state: Literal["running", "proved", "differs"] = Field(
        description="running 进行中，proved 一致，differs 有差异 · Whether every balance equals the log",
        examples=["proved"],
    )
    position: int = Field(description="核对到的日志位置 · The log's position it goes up to", examples=[1042])
    events: int = Field(description="已读事件数 · Events read", examples=[1042])
    compared: int = Field(description="已比对行数 · Rows compared", examples=[377])
    moving: int = Field(
        description="核对时正在变动、留待次夜的行数 · Rows in motion, left to the next night", examples=[0]
    )
    differences: int = Field(description="有差异的行数 · Rows that differ", examples=[0])
    first_differences: list[str] = Field(description="最先发现的差异 · The first of them, in words", examples=[[]])
    digest: str = Field(
        description="所读日志的连环 SHA-256 · Chained SHA-256 of what was read",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )
    started_at: datetime = Field(examples=["2026-03-01T18:00:00Z"])
    finished_at: datetime | None = Field(examples=["2026-03-01T18:00:09Z"])
