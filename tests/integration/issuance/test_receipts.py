"""The signed receipt of a claim: had by whose it is, and verified by anybody with the published keys."""

import json

import httpx
import sqlalchemy as sa
from pydantic import SecretStr
from structlog.testing import capture_logs

from services.issuance.app import create_app
from services.issuance.receipts.keys import published_keys
from services.issuance.receipts.verification import verify
from shared.kernel.ids import new_id
from shared.settings import Settings
from tests.integration.issuance.office import Office
from tests.integration.issuance.present import office
from tests.integration.issuance.serving import Call, visiting

__all__ = ["office"]

FACE = 3_000_000


async def test_a_claimant_has_a_receipt_that_anybody_can_verify(
    office: Office, call: Call, client: httpx.AsyncClient
) -> None:
    claimant_id, period_id = await office.register(), await office.open_period()
    await office.claim(period_id, await office.register(), FACE)
    held = await office.claim(period_id, claimant_id, FACE)
    path = f"/v1/vouchers/{held.voucher_id}/receipt"
    answer = await call("GET", path, party=claimant_id)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json"), answer.text
    assert (await call("GET", path, party=claimant_id)).content == answer.content
    receipt = answer.json()
    assert (receipt["voucher_id"], receipt["claimant_id"], receipt["place"]) == (held.voucher_id, claimant_id, 2)
    async with office.engine.connect() as connection:
        found = sa.text("SELECT position, encode(hash, 'hex') AS hash FROM events WHERE stream = :stream")
        row = (await connection.execute(found, {"stream": f"voucher-{held.voucher_id}"})).one()
    assert (receipt["log_position"], receipt["event_id"]) == (row.position, f"issuance-{row.position}")
    assert receipt["event_hash"] == row.hash

    published = await client.get("/v1/receipt-keys")  # without any token
    assert published.status_code == 200
    keys = published_keys(published.content)
    assert verify(answer.content, keys).genuine
    assert not verify(json.dumps(receipt | {"place": 1}).encode(), keys).genuine


async def test_a_receipt_does_not_change_with_what_becomes_of_the_voucher(office: Office, call: Call) -> None:
    claimant_id = await office.register()
    held = await office.claim(await office.open_period(), claimant_id, FACE)
    path = f"/v1/vouchers/{held.voucher_id}"
    before = await call("GET", f"{path}/receipt", party=claimant_id)
    cancelled = await call("POST", f"{path}/cancellation", party=claimant_id, version=1)
    assert cancelled.status_code == 200
    assert (await call("GET", f"{path}/receipt", party=claimant_id)).content == before.content


async def test_a_receipt_is_its_claimants_and_the_offices_and_nobody_elses(office: Office, call: Call) -> None:
    claimant_id, other = await office.register(), await office.register()
    held = await office.claim(await office.open_period(), claimant_id, FACE)
    path = f"/v1/vouchers/{held.voucher_id}/receipt"
    for role in ("officer", "approver", "auditor"):
        assert (await call("GET", path, role=role)).status_code == 200
    assert (await call("GET", path, party=other)).status_code == 404
    assert (await call("GET", path)).status_code == 404
    assert (await call("GET", path, role="provider", party="prv_1")).status_code == 403
    unknown = new_id("vch", office.clock.now())
    assert (await call("GET", f"/v1/vouchers/{unknown}/receipt", party=claimant_id)).status_code == 404
    assert (await call("GET", "/v1/vouchers/period/receipt", party=claimant_id)).status_code == 404


async def test_without_a_key_the_service_works_and_says_who_must_do_what(settings: Settings) -> None:
    in_production = settings.model_copy(
        update={
            "env": "production",
            "app_password": SecretStr(settings.role_password()),
            "cursor_secret": SecretStr("x" * 32),
            "jwks_url": "https://auth.cxq.invalid/keys",
        }
    )
    with capture_logs() as logged:
        create_app(in_production)
    assert [(each["event"], each["log_level"]) for each in logged] == [("receipts.not_set_up", "error")]
    assert "CXQ_RECEIPT_KEY_FILE" in logged[0]["reason"]
    async with visiting(in_production) as client:
        refused = await client.get("/v1/receipt-keys", headers={"Accept-Language": "en"})
        assert (refused.status_code, refused.json()["code"]) == (503, "receipts-not-set-up")
        assert "CXQ_RECEIPT_KEY_FILE" in refused.json()["remedy"]
        assert (await client.get("/v1/periods")).status_code == 200
