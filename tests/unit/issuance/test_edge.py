"""Every refusal of issuance is explained to people, and every operation has its row in the policy."""

import re
from pathlib import Path

import services.issuance
from services.issuance.api.awarded import awarded
from services.issuance.api.vouchers import presented
from services.issuance.app import CONTEXT, create_app
from services.issuance.domain.voucher import voucher
from shared.http.application import catalogue_of
from shared.settings import Settings
from tests.unit.issuance.facts import CLAIMED

FOLDER = Path(services.issuance.__file__).parent
ONLY_BETWEEN_CONTEXTS = {
    "claw-back-unknown",
    "clawed-back-above-paid",
    "no-voucher-named",
    "paid-above-face-value",
    "voucher-amount-differs",
    "voucher-named-twice",
    "voucher-not-claimed",
    "voucher-not-payable",
    "voucher-revoked",
    "voucher-unknown",
}
"""Reasons that travel in events or stop a reaction; no caller of issuance ever gets them."""


def test_the_service_can_be_put_together() -> None:
    assert create_app(Settings(env="dev")).title == CONTEXT.title


def test_every_refusal_a_caller_can_meet_is_explained_in_both_languages() -> None:
    sources = "\n".join(file.read_text() for file in FOLDER.rglob("*.py"))
    used = set(re.findall(r'(?:Reason\(\s*code=|refuse\(\s*)"([a-z-]+)"', sources)) | {"four-eyes"}
    catalogue = catalogue_of(CONTEXT)
    assert len(used) > 15
    assert used - ONLY_BETWEEN_CONTEXTS - catalogue.keys() == set()
    for code in used - ONLY_BETWEEN_CONTEXTS:
        assert {"zh", "en"} <= catalogue[code].title.keys() & catalogue[code].remedy.keys(), code


def test_a_granted_claim_is_told_what_reading_its_voucher_tells() -> None:
    seen = presented(voucher.fold([CLAIMED]), 1, status=201)
    told = seen.answer(7)._replace(body=seen.body.model_dump_json(exclude={"clawed_back"}).encode())
    assert awarded(CLAIMED, 7) == told
    assert b'"clawed_back":{"amount":0,' in seen.answer(7).body  # nothing can have come back yet
