"""What is sent to contracts and what it answers."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from services.contracts.domain.project import DeclineReason
from shared.events.registry.facilities import ServiceKind
from shared.http.models import Body, Money, PositiveMoney, View
from shared.http.told_reasons import ToldReason

type ProjectState = Literal["proposed", "confirmed", "declined"]
type ContractState = Literal["submitted", "registered", "rejected", "completed", "lapsed"]

VOUCHERS_MAX = 50
NEW_PRODUCTS_MAX = 50
_PROJECT = "prj_01jq8v5x0000000000000000aa"
_CONTRACT = "ctr_01jq8v5x0000000000000000bb"
_CLAIMANT = "clm_01jq8v5x0000000000000000cc"
_PROVIDER = "prv_01jq8v5x0000000000000000dd"
_SERVICE = "svc_01jq8v5x0000000000000000ee"
_VOUCHER = "vch_01jq8v5x0000000000000000ff"
_PRODUCT = "npr_01jq8v5x0000000000000000gg"
_DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

Reference = Annotated[str, Field(min_length=1, max_length=64)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", examples=[_DIGEST])]
ProjectProgress = Annotated[
    ProjectState,
    Field(
        description=("proposed 待开放单位确认，confirmed 已获确认，declined 未获确认 · How far it has come"),
        examples=["confirmed"],
    ),
]
ContractProgress = Annotated[
    ContractState,
    Field(
        description=(
            "submitted 待核验创新券，rejected 未予登记，registered 已登记，completed 已完成，lapsed 已逾期作废 · "
            "How far it has come"
        ),
        examples=["registered"],
    ),
]


class Declarations(Body):
    no_statutory_testing: bool = Field(
        description="项目不属于强制检测或法定检测（第五条） · It is no compulsory or statutory testing (art. 5)",
        examples=[True],
    )
    no_municipal_funding: bool = Field(
        description="项目未获得过市级财政科技资金（第十二条） · The municipality has not funded it (art. 12)",
        examples=[True],
    )
    is_related: bool = Field(
        default=False,
        description="开放单位是本单位的关联方（第十六条） · The provider is a party related to the claimant (art. 16)",
        examples=[False],
    )


class ProjectProposal(Body):
    claimant_id: Reference | None = Field(
        default=None,
        description="渠道代办时填写申领单位 · A channel names for whom it proposes; nobody else needs to",
        examples=[None],
    )
    provider_id: Reference = Field(description="开放单位 · The provider", examples=[_PROVIDER])
    service_id: Reference = Field(description="其提供的服务 · A service it offers", examples=[_SERVICE])
    planned_amount: PositiveMoney = Field(description="计划金额 · What it is expected to cost")
    title: str = Field(min_length=1, max_length=200, examples=["新型电解液的热稳定性测试"])
    description: str = Field(
        min_length=1,
        max_length=5000,
        description="项目内容，仅合作双方与创新券管理办公室可见 · For the two parties and the office only",
        examples=["在 25-80 ℃ 区间测量三种配方的分解温度与产气量"],
    )
    declarations: Declarations


class ProjectConfirmation(Body):
    claimant_verified: Literal[True] = Field(
        description="已核实申领单位信息（第九条第二项） · The claimant's information was checked (art. 9(2))",
        examples=[True],
    )
    project_verified: Literal[True] = Field(
        description="已核实满足创新券使用和兑现要求（第九条第二项） · The project meets the conditions (art. 9(2))",
        examples=[True],
    )


class ProjectRefusal(Body):
    reason: DeclineReason = Field(
        description="原因：claimant-not-verified 申领单位信息未核实，outside-voucher-scope 不属于创新券支持范围，"
        "capability-missing 不具备相应能力，capacity-exhausted 服务能力已满，"
        "conditions-not-agreed 未就服务条件达成一致，other 其他 · Why",
        examples=["capacity-exhausted"],
    )
    explanation: str = Field(
        min_length=1,
        max_length=2000,
        description="给申领单位的说明 · In words, for the claimant",
        examples=["该仪器本季度机时已排满"],
    )


class Decline(View):
    reason: str = Field(examples=["capacity-exhausted"])
    explanation: str = Field(examples=["该仪器本季度机时已排满"])
    on: date = Field(examples=["2026-03-05"])


class Project(View):
    project_id: str = Field(examples=[_PROJECT])
    claimant_id: str = Field(examples=[_CLAIMANT])
    provider_id: str = Field(examples=[_PROVIDER])
    service_id: str = Field(examples=[_SERVICE])
    service_kind: ServiceKind = Field(examples=["testing"])
    planned_amount: Money
    title: str = Field(examples=["新型电解液的热稳定性测试"])
    description: str = Field(examples=["在 25-80 ℃ 区间测量三种配方的分解温度与产气量"])
    is_related: bool = Field(description="已按关联方申报 · Declared as between related parties", examples=[False])
    state: ProjectProgress
    proposed_on: date = Field(examples=["2026-03-02"])
    confirmed_on: date | None = Field(default=None, examples=["2026-03-05"])
    declined: Decline | None = None


class ProjectItem(View):
    project_id: str = Field(examples=[_PROJECT])
    claimant_id: str = Field(examples=[_CLAIMANT])
    provider_id: str = Field(examples=[_PROVIDER])
    service_id: str = Field(examples=[_SERVICE])
    service_kind: ServiceKind = Field(examples=["testing"])
    planned_amount: Money
    title: str = Field(examples=["新型电解液的热稳定性测试"])
    state: ProjectProgress
    proposed_on: date = Field(examples=["2026-03-02"])
    answered_on: date | None = Field(examples=["2026-03-05"])


class VoucherOfContract(Body):
    voucher_id: Reference = Field(examples=[_VOUCHER])
    amount: PositiveMoney = Field(
        description="券面金额 · Its face value", examples=[{"amount": 5_000_000, "currency": "CNY"}]
    )


class NewProductOfContract(Body):
    product_id: Reference = Field(
        description="清单内的新技术新产品（服务） · A product on the list", examples=[_PRODUCT]
    )
    amount: PositiveMoney = Field(
        description="购置金额 · What it costs", examples=[{"amount": 3_000_000, "currency": "CNY"}]
    )


class ContractSubmission(Body):
    project_id: Reference = Field(description="已确认的合作项目 · A confirmed project", examples=[_PROJECT])
    amount: PositiveMoney = Field(description="合同金额 · The contract's amount")
    signed_on: date = Field(description="签订日期 · Signed on", examples=["2026-03-05"])
    starts_on: date = Field(description="服务开始日期 · First day of the service", examples=["2026-03-10"])
    ends_on: date = Field(
        description="合同到期日，不得晚于创新券有效期 · Last day, within the vouchers' validity",
        examples=["2026-04-30"],
    )
    vouchers: tuple[VoucherOfContract, ...] = Field(
        max_length=VOUCHERS_MAX, description="使用的创新券 · The vouchers that pay part of it"
    )
    voucher_clause: bool = Field(
        description="合同已约定使用创新券的额度（问答第6问） · The contract names the vouchers it uses (faq 6)",
        examples=[True],
    )
    new_products: tuple[NewProductOfContract, ...] = Field(
        default=(),
        max_length=NEW_PRODUCTS_MAX,
        description="合同中购置的新技术新产品（服务），合计不高于合同额的规定比例（问答第2问）"
        " · Certified new products bought under it, within their share of its amount (faq 2)",
    )
    document_digest: Digest = Field(description="合同文本的 SHA-256 · SHA-256 of the signed document")


class Voucher(View):
    voucher_id: str = Field(examples=[_VOUCHER])
    amount: Money


class NewProduct(View):
    product_id: str = Field(examples=[_PRODUCT])
    amount: Money


class Rejection(View):
    reasons: list[ToldReason] = Field(description="未予登记的理由 · Why it was not registered")
    on: date = Field(examples=["2026-03-10"])


class Completion(View):
    ended_on: date = Field(examples=["2026-04-28"])
    invoiced: Money
    paid: Money
    actual: Money = Field(description="实际发生金额 · What was actually incurred")
    redeem_by: date = Field(description="最迟申请兑现日期 · Last day to apply for redemption", examples=["2026-05-28"])
    provisional: bool = Field(
        description="该年度工作日安排尚未公布 · The working days of that year are not published yet", examples=[False]
    )
    on: date = Field(examples=["2026-04-30"])


class Contract(View):
    contract_id: str = Field(examples=[_CONTRACT])
    project_id: str = Field(examples=[_PROJECT])
    claimant_id: str = Field(examples=[_CLAIMANT])
    provider_id: str = Field(examples=[_PROVIDER])
    service_id: str = Field(examples=[_SERVICE])
    service_kind: ServiceKind = Field(examples=["testing"])
    state: ContractProgress
    amount: Money
    signed_on: date = Field(examples=["2026-03-05"])
    starts_on: date = Field(examples=["2026-03-10"])
    ends_on: date = Field(examples=["2026-04-30"])
    vouchers: tuple[Voucher, ...]
    new_products: tuple[NewProduct, ...] = Field(
        description="购置的新技术新产品（服务） · New products bought under it"
    )
    is_related: bool = Field(description="已按关联方申报 · Declared as between related parties", examples=[False])
    document_digest: str = Field(examples=[_DIGEST])
    submitted_on: date = Field(examples=["2026-03-10"])
    registered_on: date | None = Field(default=None, examples=["2026-03-10"])
    valid_until: date | None = Field(
        default=None, description="最迟完成日期 · To be completed by", examples=["2026-06-10"]
    )
    rejected: Rejection | None = None
    completed: Completion | None = None
    lapsed_on: date | None = Field(default=None, examples=["2026-06-11"])


class ContractItem(View):
    contract_id: str = Field(examples=[_CONTRACT])
    project_id: str = Field(examples=[_PROJECT])
    claimant_id: str = Field(examples=[_CLAIMANT])
    provider_id: str = Field(examples=[_PROVIDER])
    service_id: str = Field(examples=[_SERVICE])
    service_kind: ServiceKind = Field(examples=["testing"])
    state: ContractProgress
    is_related: bool = Field(description="已按关联方申报 · Declared as between related parties", examples=[False])
    amount: Money
    vouchers_amount: Money = Field(description="创新券面额合计 · Sum of the vouchers' face values")
    actual_amount: Money | None
    submitted_on: date = Field(examples=["2026-03-10"])
    signed_on: date = Field(examples=["2026-03-05"])
    starts_on: date = Field(examples=["2026-03-10"])
    ends_on: date = Field(examples=["2026-04-30"])
    valid_until: date | None = Field(examples=["2026-06-10"])
    ended_on: date | None = Field(examples=["2026-04-28"])
    redeem_by: date | None = Field(examples=["2026-05-28"])


class ContractCompletion(Body):
    ended_on: date = Field(description="服务完成日期 · Last day of the service", examples=["2026-04-28"])
    invoiced: Money = Field(description="开票总额 · Invoiced in all")
    paid: Money = Field(description="实付总额，含以创新券支付的部分 · Paid in all, the vouchers' part included")
