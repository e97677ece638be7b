"""A bank claims for the companies that have authorised it; the company's allowance counts (art. 12, 15(1))."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.clock import SystemClock
from shared.events.registry.channels import (
    ChannelAuthorisationRevoked,
    ChannelAuthorised,
    ChannelClosed,
    ChannelScope,
)
from shared.kernel.ids import new_id
from shared.settings import Settings
from tests.integration.issuance.office import Office
from tests.integration.issuance.serving import Call, caller, today, visiting
from tests.integration.issuance.stories import authorised


@pytest.fixture(scope="module")
async def ask(settings: Settings) -> AsyncIterator[Call]:
    async with visiting(settings) as client:
        yield caller(client, settings)


@pytest.fixture
async def office(engine: AsyncEngine) -> AsyncIterator[Office]:
    """An office at the present instant, because the service keeps its own clock."""
    found = Office(engine)
    found.clock.at = SystemClock().now()
    yield found
    await found.close()


async def authorise(
    office: Office,
    claimant_id: str,
    bank: str,
    *scopes: ChannelScope,
    days: tuple[int, int] = (-1, 1),
) -> ChannelAuthorised:
    fact = authorised(claimant_id, bank, office, *scopes, days=days)
    await office.tell(fact)
    return fact


async def claim(
    ask: Call, bank: str, period_id: str, claimant_id: str | None, amount: int = 5_000_000, **more: Any
) -> httpx.Response:
    body = {"period_id": period_id, "amount": {"amount": amount}}
    named = {} if claimant_id is None else {"claimant_id": claimant_id}
    path = more.pop("path", "/v1/claims")
    return await ask("POST", path, role="channel", principal=bank, body=body | named, **more)


async def test_a_bank_claims_for_a_company_whose_allowance_it_uses(ask: Call, office: Office) -> None:
    period_id, company = await office.open_period(), await office.register()
    await authorise(office, company, "bank-1")
    made = await claim(ask, "bank-1", period_id, company, key="bank-claim-1")
    assert (made.status_code, made.json()["claimant_id"]) == (201, company), made.text
    again = await claim(ask, "bank-1", period_id, company, key="bank-claim-1")
    assert (again.content, again.headers["idempotency-replayed"]) == (made.content, "true")
    known = await ask("GET", "/v1/claims/by-key/bank-claim-1", role="channel", principal="bank-1")
    assert (known.json()["outcome"], known.json()["voucher"]) == ("issued", made.json())
    own = await ask("GET", "/v1/claims/by-key/bank-claim-1", party=company)
    assert own.json()["outcome"] == "not_seen"  # a key is its caller's
    voucher = f"voucher-{made.json()['voucher_id']}"
    async with office.engine.connect() as connection:
        metadata = sa.text("SELECT metadata FROM events WHERE stream = :stream")
        found = (await connection.execute(metadata, {"stream": voucher})).scalar_one()
    assert (found["actor"], found["channel"]) == ("bank-1", "chn_bank-1")
    for _ in range(3):
        assert (await claim(ask, "bank-1", period_id, company)).status_code == 201
    spent = await claim(ask, "bank-1", period_id, company, amount=1)
    assert (spent.status_code, spent.json()["code"]) == (422, "allowance-exceeded")
    mine = await ask("POST", "/v1/claims", party=company, body={"period_id": period_id, "amount": {"amount": 1}})
    assert mine.json()["code"] == "allowance-exceeded"


async def test_a_bank_is_refused_for_everybody_else_and_told_nothing_of_them(ask: Call, office: Office) -> None:
    period_id, company, other = await office.open_period(), await office.register(), await office.register()
    await authorise(office, company, "bank-2")
    await authorise(office, other, "bank-2", "profile", "certificates", "contracts")
    await authorise(office, other, "bank-3")
    nobody = new_id("clm", office.clock.now())
    for whom in (other, nobody):
        refused = await claim(ask, "bank-2", period_id, whom, amount=10**9)
        assert (refused.status_code, refused.json()["code"]) == (403, "channel-not-authorised"), refused.text
        assert [error["code"] for error in refused.json()["errors"]] in ([], ["channel-not-authorised"])
    for path in ("/v1/claims", "/v1/claims?dry_run=false"):  # by the short lane, and around it
        unnamed = await claim(ask, "bank-2", period_id, None, path=path)
        assert (unnamed.status_code, unnamed.json()["code"]) == (422, "claimant-not-named")
    assert (await claim(ask, "bank-2", period_id, "clm_x")).status_code == 404
    for day in (-1, 1):
        await authorise(office, other, "bank-4", days=(day, day))
    assert (await claim(ask, "bank-4", period_id, other)).status_code == 403


async def test_a_dry_run_of_a_bank_is_judged_as_its_claim_would_be(ask: Call, office: Office) -> None:
    period_id, company = await office.open_period(), await office.register()
    path = "/v1/claims?dry_run=true"
    refused = await claim(ask, "bank-5", period_id, company, path=path)
    assert refused.json()["code"] == "channel-not-authorised"
    await authorise(office, company, "bank-5")
    foretold = await claim(ask, "bank-5", period_id, company, path=path)
    assert (foretold.status_code, foretold.json()["dry_run"]) == (200, True), foretold.text


async def test_who_takes_an_authorisation_back_is_obeyed_by_a_writer_that_knew_it(ask: Call, office: Office) -> None:
    period_id, company, other = await office.open_period(), await office.register(), await office.register()
    given = await authorise(office, company, "bank-6")
    await authorise(office, other, "bank-6")
    for whom in (company, other):
        assert (await claim(ask, "bank-6", period_id, whom, amount=1)).status_code == 201
    await office.tell(
        ChannelAuthorisationRevoked(
            authorisation_id=given.authorisation_id, channel_id=given.channel_id, claimant_id=company,
            revoked_by="boss", on=today(),
        )
    )  # fmt: skip
    assert (await claim(ask, "bank-6", period_id, company, amount=1)).status_code == 403
    assert (await claim(ask, "bank-6", period_id, other, amount=1)).status_code == 201
    await office.tell(ChannelClosed(channel_id="chn_bank-6", closed_by="officer-1", on=today()))
    assert (await claim(ask, "bank-6", period_id, other, amount=1)).status_code == 403
    await authorise(office, other, "bank-6")  # was given before the closure and comes after it
    assert (await claim(ask, "bank-6", period_id, other, amount=1)).status_code == 403


async def test_a_user_names_its_own_company_or_none(ask: Call, office: Office) -> None:
    period_id, company, other = await office.open_period(), await office.register(), await office.register()
    body = {"period_id": period_id, "amount": {"amount": 1}, "claimant_id": company}
    assert (await ask("POST", "/v1/claims", party=company, body=body)).status_code == 201
    foreign = await ask("POST", "/v1/claims", party=company, body=body | {"claimant_id": other})
    assert foreign.status_code == 404
