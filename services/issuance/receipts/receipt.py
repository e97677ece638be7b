"""The receipt of a granted claim: what it says, how it is written down to be signed, and how it is signed.

Canonical form, which is what the signature is over: the receipt without its member `signature`, as JSON in UTF-8, the
members of each object sorted by name, no white space, every character as itself but quotation marks, backslashes and
control characters (RFC 8785, of which only texts, whole numbers and objects occur). Whoever has the published key needs
nothing else.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Protocol

from shared.events.definition import Recorded
from shared.events.issuance.vouchers import VoucherClaimed

FORMAT = "cxq.voucher-receipt.v1"
"""Begins no other signed document, so that a signature cannot be taken from one kind to another."""
ALGORITHM = "Ed25519"
SIGNATURE = "signature"

type Json = str | int | Mapping[str, "Json"]
"""What a receipt is made of; no fractions, no lists, neither true nor null."""


class Signer(Protocol):
    """A private key and its published name."""

    @property
    def key_id(self) -> str:
        """The name under which the public half is published."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Sign with Ed25519: 64 bytes, always the same for the same message."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """Money in a receipt: whole fen."""

    amount: int
    currency: Literal["CNY"] = "CNY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What was granted, to whom, at which place and when, and where the log says so (art. 12, 15(1), 15(2)).

    `claimed_at` is RFC 3339 in UTC with milliseconds; `event_hash` links the claim into the log (hexadecimal SHA-256);
    `register_by` is a day in Beijing, provisional while the working days of its year are not published.
    """

    voucher_id: str
    period_id: str
    claimant_id: str
    amount: Amount
    place: int
    claimed_at: str
    event_id: str
    log_position: int
    event_hash: str
    pack: str
    pack_digest: str
    register_by: str
    register_by_status: Literal["final", "provisional"]

    def content(self, key_id: str) -> dict[str, Json]:
        """Say everything that is signed, by the names of the document."""
        said: dict[str, Json] = {
            "type": FORMAT,
            **{name: getattr(self, name) for name in self.__slots__},
            "amount": {"amount": self.amount.amount, "currency": self.amount.currency},
            "algorithm": ALGORITHM,
            "key_id": key_id,
        }
        return said


def receipt_of(claimed: Recorded[VoucherClaimed]) -> Receipt:
    """Make the receipt of a claim as it stands in the log."""
    granted = claimed.data
    return Receipt(
        voucher_id=granted.voucher_id,
        period_id=granted.period_id,
        claimant_id=granted.claimant_id,
        amount=Amount(amount=granted.amount),
        place=granted.place,
        claimed_at=in_milliseconds(claimed.recorded_at),
        event_id=claimed.id,
        log_position=claimed.position,
        event_hash=claimed.hash,
        pack=granted.pack,
        pack_digest=granted.pack_digest,
        register_by=granted.register_by.isoformat(),
        register_by_status="provisional" if granted.provisional else "final",
    )


def signed(receipt: Receipt, signer: Signer) -> dict[str, Json]:
    """Sign a receipt: the whole document, the same at every request under the same key."""
    content = receipt.content(signer.key_id)
    return {**content, SIGNATURE: encoded(signer.sign(canonical(content)))}


def canonical(content: Mapping[str, Json]) -> bytes:
    """Write what is signed in the one way described above."""
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def encoded(octets: bytes) -> str:
    """Write bytes as base64url without padding (RFC 7515)."""
    return urlsafe_b64encode(octets).decode().rstrip("=")


def in_milliseconds(instant: datetime) -> str:
    """Write an instant as `2026-03-02T01:00:00.123Z`; what is finer is cut off."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
