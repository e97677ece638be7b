"""What a granted claim is told is not kept: it is written again, so its form stays as it was, to the byte."""

from datetime import date

from services.issuance.api.awarded import awarded
from shared.events.codec import decode

_STORED = (
    '{"on": "2026-03-01", "pack": "beijing-2023", "year": 2026, "parts": [], "place": 7, "amount": 5000000,'
    ' "allowance": 10000000, "period_id": "prd_01jq8v5x0000000000000000aa", "voucher_id":'
    ' "vch_01jq8v5x0000000000000000bb", "claimant_id": "clm_\\"01\\" 公司", "pack_digest": "d", "provisional": true,'
    ' "register_by": "2026-03-20"}'
)
"""An event as the log has kept it since the first claim."""


def test_the_form_that_claims_were_told_in_stays_to_the_byte() -> None:
    fact = decode("cxq.issuance.voucher-claimed.v1", _STORED)
    assert fact.on == date(2026, 3, 1)
    told = awarded(fact, 42)
    assert told.status == 201
    assert dict(told.headers) == {
        "Content-Type": "application/json",
        "ETag": '"1"',
        "Location": "/v1/vouchers/vch_01jq8v5x0000000000000000bb",
        "Event-Position": "42",
    }
    assert told.body.decode() == (
        '{"voucher_id":"vch_01jq8v5x0000000000000000bb","period_id":"prd_01jq8v5x0000000000000000aa",'
        '"claimant_id":"clm_\\"01\\" 公司","state":"claimed","year":2026,'
        '"amount":{"amount":5000000,"currency":"CNY"},"paid":{"amount":0,"currency":"CNY"},'
        '"released":{"amount":0,"currency":"CNY"},"place":7,"claimed_on":"2026-03-01","register_by":"2026-03-20",'
        '"register_by_provisional":true,"contract_id":null,"valid_until":null,"valid_until_provisional":false,'
        '"ended_on":null}'
    )
