"""Receipts and keys that the tests of receipts start from."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.issuance.receipts.keys import SigningKey
from services.issuance.receipts.receipt import Receipt, receipt_of, signed
from shared.events.definition import Recorded
from shared.events.issuance.vouchers import VoucherClaimed

VOUCHER, PERIOD, CLAIMANT = (f"{kind}_01jq8v5x0000000000000000ff" for kind in ("vch", "prd", "clm"))
OURS = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
ANOTHER = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
PUBLISHED = {OURS.key_id: OURS.private.public_key()}


def claimed(**changed: Any) -> Recorded[VoucherClaimed]:
    """Give a claim as the log has it."""
    facts: dict[str, Any] = {
        "voucher_id": VOUCHER,
        "period_id": PERIOD,
        "claimant_id": CLAIMANT,
        "year": 2026,
        "amount": 3_000_000,
        "allowance": 20_000_000,
        "place": 18,
        "on": date(2026, 3, 1),
        "register_by": date(2026, 3, 16),
        "provisional": False,
        "pack": "beijing-2023",
        "pack_digest": "0f" * 32,
    }
    return Recorded(
        context="issuance",
        position=1042,
        stream=f"voucher-{VOUCHER}",
        version=1,
        type="cxq.issuance.voucher-claimed.v1",
        data=VoucherClaimed(**facts | changed),
        key=CLAIMANT,
        metadata={},
        recorded_at=datetime(2026, 3, 1, 1, 0, 0, 123_999, tzinfo=UTC),
        hash="0f" * 32,
    )


RECEIPT: Receipt = receipt_of(claimed())


def document(by: SigningKey = OURS) -> dict[str, Any]:
    """Give the receipt as the service gives it."""
    return dict(signed(RECEIPT, by))


def written(content: Mapping[str, Any]) -> bytes:
    """Write a document as a file holds it."""
    return json.dumps(content, ensure_ascii=False, indent=2).encode()


def pem(*keys: Ed25519PrivateKey, former: tuple[Ed25519PrivateKey, ...] = ()) -> bytes:
    """Write private keys and the public halves of former ones, as a file of keys holds them."""
    privates = [
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        for key in keys
    ]
    publics = [
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        for key in former
    ]
    return b"".join([*privates, *publics])
