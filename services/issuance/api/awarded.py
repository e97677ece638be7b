"""What a granted claim is told, written from the fact alone: once when it is granted, and again for who asks again."""

from datetime import date

import msgspec

from shared.events.issuance.vouchers import VoucherClaimed
from shared.http.commands import JSON
from shared.store.execution import Answer


class _Money(msgspec.Struct, frozen=True):
    amount: int
    currency: str = "CNY"


_NOTHING = _Money(0)


class _Claimed(msgspec.Struct):
    """The voucher as `presented` shows it but for what was clawed back, at a fifth of the cost."""

    voucher_id: str
    period_id: str
    claimant_id: str
    state: str
    year: int
    amount: _Money
    paid: _Money
    released: _Money
    place: int
    claimed_on: date
    register_by: date
    register_by_provisional: bool
    contract_id: None = None
    valid_until: None = None
    valid_until_provisional: bool = False
    ended_on: None = None


def awarded(fact: VoucherClaimed, position: int) -> Answer:
    """Write the answer to the claim whose fact stands at a position of the log: for ever the same bytes.

    They are not kept (ADR 0023). Whoever changes the form keeps this one for the claims that were told in it.
    """
    voucher = _Claimed(
        fact.voucher_id,
        fact.period_id,
        fact.claimant_id,
        "claimed",
        fact.year,
        _Money(fact.amount),
        _NOTHING,
        _NOTHING,
        fact.place,
        fact.on,
        fact.register_by,
        fact.provisional,
    )
    headers = {
        "Content-Type": JSON,
        "ETag": '"1"',
        "Location": f"/v1/vouchers/{fact.voucher_id}",
        "Event-Position": str(position),
    }
    return Answer(201, headers, msgspec.json.encode(voucher))
