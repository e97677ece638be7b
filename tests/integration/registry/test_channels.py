"""Channels over HTTP: a bank acts for a company only where the company lets it, on the days it said, until revoked."""

from datetime import UTC, datetime
from itertools import count
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from shared.events.registry.channels import ChannelAuthorised
from shared.http.policy import Role
from tests.integration.registry.bodies import company
from tests.integration.registry.house import House, Person

_KEYS = count(1)
CERTIFICATES = {
    "certificates": [
        {"kind": "technology_sme", "number": "2026110108A8000001", "valid_from": "2026-03-01",
         "valid_until": "2026-12-31"}
    ]
}  # fmt: skip


@pytest.fixture(autouse=True)
async def monday(house: House) -> None:
    house.clock.instant = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


async def admitted(house: House, principal: str) -> str:
    officer = house.person(Role.OFFICER, "officer-1")
    made = await officer.post("/v1/channels", {"principal": principal, "name": "北京泽衡银行"})
    assert made.status_code == 201, made.text
    return str(made.json()["channel_id"])


async def enterprise(house: House, principal: str) -> tuple[Person, str]:
    boss = house.person(Role.CLAIMANT, principal)
    made = await boss.post("/v1/claimants", company())
    assert made.status_code == 201, made.text
    return boss, made.json()["claimant_id"]


async def document(house: House, principal: str) -> str:
    token = house.issuer.issue(Role.CLAIMANT, principal)
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"authorisation-{next(_KEYS)}"}
    content = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
    sent = await house.client.post("/v1/documents", files={"file": ("signed.pdf", content)}, headers=headers)
    assert sent.status_code == 201, sent.text
    return str(sent.json()["document_id"])


async def authorised(house: House, boss: Person, claimant_id: str, channel_id: str, **changes: Any) -> httpx.Response:
    body = {"channel_id": channel_id, "scopes": ["certificates"], "valid_from": "2026-11-23",
            "valid_until": "2026-11-24", "document_id": await document(house, boss.principal)}  # fmt: skip
    return await boss.post(f"/v1/claimants/{claimant_id}/channel-authorisations", body | changes)


async def changed(house: House, bank: Person, claimant_id: str) -> httpx.Response:
    """Have the bank replace the company's certificates."""
    version = await house.person(Role.OFFICER, "officer-1").get(f"/v1/claimants/{claimant_id}")
    return await bank.post(f"/v1/claimants/{claimant_id}/certificates", CERTIFICATES, version=version)


async def test_a_bank_acts_in_the_matters_and_on_the_days_it_was_authorised_for(house: House) -> None:
    channel_id, bank = await admitted(house, "bank-1"), house.person(Role.CHANNEL, "bank-1")
    boss, claimant_id = await enterprise(house, "bank-customer-1")
    assert (await changed(house, bank, claimant_id)).status_code == 404
    assert (await bank.get(f"/v1/claimants/{claimant_id}")).status_code == 404
    given = await authorised(house, boss, claimant_id, channel_id)
    assert given.status_code == 201, given.text
    assert isinstance((await house.facts())[-1], ChannelAuthorised)
    done = await changed(house, bank, claimant_id)
    assert done.status_code == 200, done.text
    async with house.owner() as connection:
        actor = sa.text("SELECT metadata->>'actor' FROM events ORDER BY position DESC LIMIT 1")
        assert (await connection.execute(actor)).scalar_one() == "bank-1"
    assert (await bank.get(f"/v1/claimants/{claimant_id}")).status_code == 200
    asked = {"claimant_id": claimant_id, "on": "2026-11-24"}
    assert (await bank.get("/v1/channel-checks", **asked, scope="certificates")).json()["may_act"] is True
    assert (await bank.get("/v1/channel-checks", **asked, scope="profile")).json()["may_act"] is False
    house.clock.instant = datetime(2026, 11, 24, 15, 59, tzinfo=UTC)  # the last minute of its last day in Beijing
    assert (await changed(house, bank, claimant_id)).status_code == 200
    house.clock.instant = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
    assert (await changed(house, bank, claimant_id)).status_code == 404


async def test_an_authorisation_is_revoked_at_once_and_by_its_own_claimant_only(house: House) -> None:
    channel_id, bank = await admitted(house, "bank-2"), house.person(Role.CHANNEL, "bank-2")
    boss, claimant_id = await enterprise(house, "bank-customer-2")
    stranger, _ = await enterprise(house, "bank-customer-3")
    given = await authorised(house, boss, claimant_id, channel_id)
    path = f"/v1/claimants/{claimant_id}/channel-authorisations"
    revocation = f"{path}/{given.json()['authorisation_id']}/revocation"
    assert (await stranger.post(revocation)).status_code == 404
    assert (await stranger.get(path)).status_code == 404
    assert (await changed(house, bank, claimant_id)).status_code == 200
    assert (await boss.post(revocation)).json()["revoked_on"] == "2026-11-23"
    assert (await changed(house, bank, claimant_id)).status_code == 404
    twice = await boss.post(revocation)
    assert (twice.status_code, twice.json()["code"]) == (409, "authorisation-not-in-this-stage")
    listed = (await house.person(Role.AUDITOR, "auditor-1").get(path)).json()["items"]
    assert [one["revoked_by"] for one in listed] == ["bank-customer-2"]


async def test_a_closed_channel_acts_for_nobody_and_is_authorised_by_nobody(house: House) -> None:
    channel_id, bank = await admitted(house, "bank-4"), house.person(Role.CHANNEL, "bank-4")
    boss, claimant_id = await enterprise(house, "bank-customer-4")
    assert (await authorised(house, boss, claimant_id, channel_id)).status_code == 201
    officer = house.person(Role.OFFICER, "officer-1")
    shown = await officer.get(f"/v1/channels/{channel_id}")
    closed = await officer.post(f"/v1/channels/{channel_id}/closure", version=shown)
    assert (closed.status_code, closed.json()["closed_on"]) == (200, "2026-11-23"), closed.text
    assert (await changed(house, bank, claimant_id)).status_code == 404
    again = await authorised(house, boss, claimant_id, channel_id)
    assert (again.status_code, again.json()["code"]) == (409, "channel-not-open")
    names = (await house.client.get("/v1/channels")).json()["items"]
    assert channel_id not in {one["channel_id"] for one in names}


async def test_an_authorisation_needs_the_claimants_own_signed_document(house: House) -> None:
    channel_id = await admitted(house, "bank-5")
    boss, claimant_id = await enterprise(house, "bank-customer-5")
    foreign = await document(house, "somebody-else")
    refused = await authorised(house, boss, claimant_id, channel_id, document_id=foreign)
    assert (refused.status_code, refused.json()["code"]) == (422, "document-unknown")
    twin = await house.person(Role.OFFICER, "officer-1").post("/v1/channels", {"principal": "bank-5", "name": "另一行"})
    assert (twin.status_code, twin.json()["code"]) == (409, "principal-has-channel")


async def test_what_a_channel_did_without_authority_is_named_by_the_audit(house: House) -> None:
    assert (await house.breaches())["R41"] == []
    async with house.owner() as connection:
        kept = sa.text("UPDATE channel_authorisations SET revoked_on = '2026-11-22' WHERE revoked_on IS NULL")
        undone = sa.text("UPDATE channel_authorisations SET revoked_on = NULL WHERE revoked_on = '2026-11-22'")
        await connection.execute(kept)
    found = (await house.breaches())["R41"]
    async with house.owner() as connection:
        await connection.execute(undone)
    assert found
    assert all(each.endswith("without being authorised") for each in found)
