"""Receipts of granted claims, signed so that anybody can verify them without us (art. 12, 15(1))."""

from functools import cache
from typing import Literal

import structlog
from fastapi import Response
from pydantic import Field

from services.issuance.api.visibility import VoucherId, check_sees_voucher
from services.issuance.receipts.keys import ReceiptKeyFileError, ReceiptKeyMissingError, ReceiptKeys, receipt_keys
from services.issuance.receipts.receipt import ALGORITHM, FORMAT, receipt_of, signed
from shared.events.issuance.vouchers import VoucherClaimed
from shared.http.commands import Presented, response_of
from shared.http.models import Money, View
from shared.http.problems import ProblemError
from shared.http.reading import ReadRequest
from shared.http.routes import operation, router_for
from shared.settings import Settings
from shared.store.transaction import UnknownSubjectError, read_stream

router = router_for("issuance", tag="receipts")

_log = structlog.get_logger(__name__)
_DIGEST = "0f" * 32
_KEY_ID = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


class Receipt(View):
    type: Literal["cxq.voucher-receipt.v1"] = Field(description="凭证格式 · Kind of document", examples=[FORMAT])
    voucher_id: str = Field(examples=["vch_01jq8v5x0000000000000000ff"])
    period_id: str = Field(examples=["prd_01jq8v5x0000000000000000aa"])
    claimant_id: str = Field(examples=["clm_01jq8v5x0000000000000000cc"])
    amount: Money = Field(description="面额 · Face value", examples=[{"amount": 3_000_000, "currency": "CNY"}])
    place: int = Field(description="本周期领取次序 · Place in the period, in order of arrival", examples=[18])
    claimed_at: str = Field(
        description="领取时刻（UTC，毫秒） · Instant of the claim", examples=["2026-03-01T01:00:00.123Z"]
    )
    event_id: str = Field(description="事件编号 · The event that granted it", examples=["issuance-1042"])
    log_position: int = Field(description="日志位置 · Its position in the log", examples=[1042])
    event_hash: str = Field(
        description="该事件在哈希链中的摘要（十六进制 SHA-256） · Its link in the log's hash chain", examples=[_DIGEST]
    )
    pack: str = Field(description="适用的规则 · The rules that decided", examples=["beijing-2023"])
    pack_digest: str = Field(description="规则的摘要 · Digest of these rules", examples=[_DIGEST])
    register_by: str = Field(
        description="登记的最后一日（第十五条第二项） · Last day to register (art. 15(2))", examples=["2026-03-16"]
    )
    register_by_status: Literal["final", "provisional"] = Field(
        description="provisional：该年度工作日安排尚未公布 · the year's working days are not published yet",
        examples=["final"],
    )
    algorithm: Literal["Ed25519"] = Field(examples=[ALGORITHM])
    key_id: str = Field(description="签名密钥编号 · Id of the key, as /v1/receipt-keys lists it", examples=[_KEY_ID])
    signature: str = Field(
        description=(
            "对其余全部字段的规范 JSON（RFC 8785）的 Ed25519 签名，base64url · "
            "Ed25519 signature over the canonical JSON (RFC 8785) of all the other members"
        ),
        examples=["A" * 86],
    )


class ReceiptKey(View):
    kty: Literal["OKP"] = Field(examples=["OKP"])
    crv: Literal["Ed25519"] = Field(examples=["Ed25519"])
    x: str = Field(description="公钥 · The public key", examples=["11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"])
    kid: str = Field(description="公钥的 RFC 7638 指纹 · Its RFC 7638 thumbprint", examples=[_KEY_ID])
    use: Literal["sig"] = Field(examples=["sig"])
    alg: Literal["EdDSA"] = Field(examples=["EdDSA"])


class ReceiptKeySet(View):
    keys: list[ReceiptKey] = Field(description="现用密钥在前，以往的随后 · The key in use first, then former ones")


@router.get(
    "/vouchers/{voucher_id}/receipt",
    operation_id="getReceipt",
    response_model=Receipt,
    summary="领取凭证（可离线验证） · The signed receipt of a claim, verifiable offline",
    openapi_extra=operation(idempotent=False, codes=("channel-not-authorised", "receipts-not-set-up")),
)
async def get_receipt(voucher_id: VoucherId, request: ReadRequest) -> Response:
    async with request.connection() as connection:
        history = await read_stream(connection, "issuance", f"voucher-{voucher_id}", limit=1)
    if not history or not isinstance(history[0].data, VoucherClaimed):
        raise UnknownSubjectError(voucher_id)
    await check_sees_voucher(request, voucher_id, claimant_id=history[0].data.claimant_id)
    document = signed(receipt_of(history[0]), _keys(request.settings).signing)
    return response_of(Presented(body=Receipt.model_validate(document)).answer())


@router.get(
    "/receipt-keys",
    operation_id="listReceiptKeys",
    response_model=ReceiptKeySet,
    summary="凭证的公钥（JWK Set） · The public keys of receipts, as a JWK set",
    openapi_extra=operation(idempotent=False, codes=("receipts-not-set-up",)),
)
async def list_receipt_keys(request: ReadRequest) -> Response:
    keys = ReceiptKeySet.model_validate(_keys(request.settings).jwks())
    return response_of(Presented(body=keys).answer())


def _keys(settings: Settings) -> ReceiptKeys:
    """Give the keys of this installation; ProblemError says what an administrator has to do about none."""
    try:
        return _opened(settings)
    except (ReceiptKeyMissingError, ReceiptKeyFileError) as error:
        raise ProblemError("receipts-not-set-up", value=str(error)) from error


def tell_of_missing_key(settings: Settings) -> None:
    """Say at the start, where somebody reads it, that receipts cannot be given; everything else works without them."""
    if settings.env == "dev":
        return  # it makes a key when one is first needed
    try:
        _opened(settings)
    except (ReceiptKeyMissingError, ReceiptKeyFileError) as error:
        _log.error("receipts.not_set_up", reason=str(error))


@cache
def _opened(settings: Settings) -> ReceiptKeys:
    """Read the keys once a process: a rotation is a restart."""
    return receipt_keys(settings)
