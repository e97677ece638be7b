"""Whether a receipt is genuine: judged by the document and the published keys alone, with no service and no clock."""

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.issuance.receipts.receipt import ALGORITHM, FORMAT, SIGNATURE, Json, canonical, encoded

_INTEGER_MAX = 2**53 - 1
"""As far as whole numbers mean the same to every reader of JSON (RFC 7493)."""
_BYTES_MAX = 64 * 1024
_DAY = r"\d{4}-\d{2}-\d{2}"


class UnreadableReceiptError(ValueError):
    """This is not a receipt at all: no JSON object in UTF-8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a document is genuine, and everything that speaks against it; `receipt` is what it says."""

    receipt: Mapping[str, Any]
    against: tuple[str, ...] = field(default=())

    @property
    def genuine(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.against


def _text(pattern: str) -> Callable[[object], bool]:
    form = re.compile(pattern)
    return lambda value: isinstance(value, str) and form.fullmatch(value) is not None


def _whole(value: object) -> bool:
    return type(value) is int and 0 < value <= _INTEGER_MAX


def _money(value: object) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"amount", "currency"}
        and _whole(value["amount"])
        and value["currency"] == "CNY"
    )


_ID = r"{}_[0-7][0-9a-hjkmnp-tv-z]{{25}}"
_FORMS: Mapping[str, Callable[[object], bool]] = {
    "type": lambda value: value == FORMAT,
    "algorithm": lambda value: value == ALGORITHM,
    "key_id": _text(r"[A-Za-z0-9_-]{43}"),
    "voucher_id": _text(_ID.format("vch")),
    "period_id": _text(_ID.format("prd")),
    "claimant_id": _text(_ID.format("clm")),
    "amount": _money,
    "place": _whole,
    "claimed_at": _text(_DAY + r"T\d{2}:\d{2}:\d{2}\.\d{3}Z"),
    "event_id": _text(r"issuance-\d{1,19}"),
    "log_position": _whole,
    "event_hash": _text(r"[0-9a-f]{64}"),
    "pack": _text(r"[a-z0-9-]{1,64}(\+[1-9]\d{0,3})?"),
    "pack_digest": _text(r"[0-9a-f]{64}"),
    "register_by": _text(_DAY),
    "register_by_status": lambda value: value in ("final", "provisional"),
    SIGNATURE: _text(r"[A-Za-z0-9_-]{86}"),
}
"""Every member a receipt has, and no other."""


def verify(document: bytes, keys: Mapping[str, Ed25519PublicKey]) -> Verdict:
    """Judge a receipt by the published keys, by their ids; UnreadableReceiptError when it is not one at all."""
    receipt = _read(document)
    against = [
        *(f"`{name}` is missing" for name in _FORMS if name not in receipt),
        *(f"`{name}` does not belong in a receipt" for name in receipt if name not in _FORMS),
        *(f"`{name}` has not the form it must have" for name, fits in _FORMS.items() if _is_wrong(receipt, name, fits)),
    ]
    if not against:
        against.extend(_against_signature(receipt, keys))
    return Verdict(receipt=receipt, against=tuple(against))


def _is_wrong(receipt: Mapping[str, Any], name: str, fits: Callable[[object], bool]) -> bool:
    return name in receipt and not fits(receipt[name])


def _against_signature(receipt: Mapping[str, Json], keys: Mapping[str, Ed25519PublicKey]) -> list[str]:
    key = keys.get(str(receipt["key_id"]))
    if key is None:
        return [f"no published key has the id {receipt['key_id']}"]
    written = str(receipt[SIGNATURE])
    signature = base64.urlsafe_b64decode(f"{written}==")
    if encoded(signature) != written:  # the last character has bits to spare; one way of writing it only
        return [f"`{SIGNATURE}` has not the form it must have"]
    try:
        key.verify(signature, canonical({name: value for name, value in receipt.items() if name != SIGNATURE}))
    except InvalidSignature:
        return ["the signature does not fit what the receipt says: it was changed, or another key signed it"]
    return []


def _read(document: bytes) -> dict[str, Any]:
    if len(document) > _BYTES_MAX:
        raise UnreadableReceiptError(f"it is larger than {_BYTES_MAX} bytes")
    try:
        content = json.loads(document.decode("utf-8"), object_pairs_hook=_without_twins)
    except (ValueError, RecursionError) as error:
        raise UnreadableReceiptError("it is not JSON in UTF-8, or says a name twice") from error
    if not isinstance(content, dict):
        raise UnreadableReceiptError("it is JSON, but no object")
    return content


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is said twice")
    return found
