"""What an ordinary claim looks like: headers that say everything once, a body that leaves nothing to complain about.

Whatever is spelt in any other way is the framework's to read.
"""

import re
from functools import lru_cache
from typing import Literal, NamedTuple

import msgspec
from starlette.types import Scope

from services.issuance.api.forwarding import FORWARDED
from shared.http.lanes import ACCEPTED, said_once
from shared.http.limits import JSON_BYTES_MAX
from shared.http.models import AMOUNT_FEN_MAX
from shared.http.routes import IDEMPOTENCY_KEY
from shared.kernel.ids import is_id

OPERATION = "claimVoucher"
CLAIMS = "/v1/claims"
TARGET = CLAIMS.encode()
FORWARDED_NAME = FORWARDED.lower().encode()
_JSON_TYPES = {b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8"}
_STEPS_ASIDE = {b"transfer-encoding", b"expect", b"content-encoding"}
_KEY = re.compile(IDEMPOTENCY_KEY.pattern.encode())
_SHORT = 256
"""An ordinary body is shorter."""
_KEPT_MAX = 4096


class _Amount(msgspec.Struct, forbid_unknown_fields=True):
    amount: int
    currency: Literal["CNY"] = "CNY"


class _Claim(msgspec.Struct, forbid_unknown_fields=True):
    period_id: str
    amount: _Amount


_decoder = msgspec.json.Decoder(_Claim)


class Wanted(NamedTuple):
    """What a body asks for, in fen; `payload` writes it as the framework's way does: a key knows its request by it."""

    period_id: str
    amount: int
    payload: bytes


def is_claim(scope: Scope) -> bool:
    """Tell whether a request is a claim by where it goes."""
    return bool(
        scope["type"] == "http"
        and scope["path"] == CLAIMS
        and scope["method"] == "POST"
        and not scope["query_string"]
    )  # fmt: skip


def ordinary(headers: list[tuple[bytes, bytes]]) -> dict[bytes, bytes] | None:
    """Read the headers of a request that says everything once and in the ordinary way; None for any other."""
    head = said_once(headers, _STEPS_ASIDE)
    if (
        head is None
        or head.get(b"content-type") not in _JSON_TYPES
        or head.get(b"accept", b"") not in ACCEPTED
        or not head.get(b"authorization")
        or _KEY.fullmatch(head.get(b"idempotency-key", b"")) is None
    ):
        return None
    return head


def wanted(body: bytes) -> Wanted | None:
    """Read a body; None unless it is a claim that leaves nothing to complain about."""
    return _known(body) if len(body) <= _SHORT else _read(body)


def _read(body: bytes) -> Wanted | None:
    if len(body) > JSON_BYTES_MAX or b"\\" in body:
        return None
    try:
        claim = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    is_said_once = (
        body.count(b'"period_id"') == 1 and body.count(b'"amount"') == 2 and body.count(b'"currency"') <= 1  # noqa: PLR2004
    )
    amount = claim.amount.amount
    if not is_said_once or not is_id(claim.period_id, "prd") or not 0 <= amount <= AMOUNT_FEN_MAX:
        return None
    currency = ',"currency":"CNY"' if b'"currency"' in body else ""
    asked = f'{{"amount":{{"amount":{amount}{currency}}},"period_id":"{claim.period_id}"}}'
    return Wanted(claim.period_id, amount, f'["POST","{CLAIMS}",[]]\n{asked}'.encode())


_known = lru_cache(maxsize=_KEPT_MAX)(_read)
"""Thousands send the same body for a period: the same bytes say the same."""
