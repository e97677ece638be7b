"""A bank sees and undoes what it asked for itself, for companies that let it today, and nothing else (art. 15(1))."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from services.issuance.projections.voucher_balances import VOUCHER_BALANCES
from services.issuance.use_cases.cancelling import cancel_voucher
from shared.events.issuance.periods import EntryTerms, EntryWindow
from shared.events.registry.channels import ChannelAuthorisationRevoked, ChannelAuthorised
from shared.kernel.ids import new_id
from shared.projections.projection import Rows
from shared.projections.rows import save_rows
from shared.settings import Settings
from shared.store.transaction import read_log
from tests.integration.issuance.entering import Entrants, reserve
from tests.integration.issuance.office import CONTEXT, Office, StandingClock
from tests.integration.issuance.rules import returning_to_quota
from tests.integration.issuance.serving import Call, caller, today, visiting
from tests.integration.issuance.test_channels import authorise
from tests.integration.issuance.today import clock, office

__all__ = ["clock", "office"]

FACE = 1_000_000
A_MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
async def ask(settings: Settings, clock: StandingClock) -> AsyncIterator[Call]:
    async with visiting(settings, clock) as client:
        yield caller(client, settings)


async def by_bank(ask: Call, bank: str, method: str, path: str, **more: Any) -> httpx.Response:
    return await ask(method, path, role="channel", principal=bank, **more)


async def claimed(ask: Call, bank: str, period_id: str, company: str, amount: int = FACE) -> str:
    """Have a bank claim; gives the voucher."""
    body = {"period_id": period_id, "claimant_id": company, "amount": {"amount": amount}}
    made = await by_bank(ask, bank, "POST", "/v1/claims", body=body)
    assert made.status_code == 201, made.text
    return str(made.json()["voucher_id"])


async def claimed_by_company(ask: Call, period_id: str, company: str) -> str:
    """Have a company claim for itself; gives the voucher."""
    body = {"period_id": period_id, "amount": {"amount": FACE}}
    made = await ask("POST", "/v1/claims", party=company, body=body)
    assert made.status_code == 201, made.text
    return str(made.json()["voucher_id"])


async def enter(ask: Call, bank: str, period_id: str, company: str | None, **more: Any) -> httpx.Response:
    named = {} if company is None else {"claimant_id": company}
    body = {"amount": {"amount": FACE}} | named | more
    return await by_bank(ask, bank, "POST", f"/v1/periods/{period_id}/entries", body=body)


async def revoke(office: Office, given: ChannelAuthorised) -> None:
    await office.tell(
        ChannelAuthorisationRevoked(
            authorisation_id=given.authorisation_id, channel_id=given.channel_id, claimant_id=given.claimant_id,
            revoked_by="boss", on=today(),
        )
    )  # fmt: skip


async def follow(owner: AsyncEngine) -> int:
    """Let the list of vouchers follow the log; gives its last position."""
    async with owner.begin() as connection:
        log = await read_log(connection, CONTEXT, after=0, limit=10_000)
        rows: Rows = {}
        VOUCHER_BALANCES.fold(rows, log)
        await save_rows(connection, VOUCHER_BALANCES.table, rows)
    return log[-1].position


async def listed(ask: Call, bank: str, query: str = "") -> list[str]:
    found = await by_bank(ask, bank, "GET", f"/v1/vouchers{query}")
    assert found.status_code == 200, found.text
    return [item["voucher_id"] for item in found.json()["items"]]


async def window_of(office: Office, opens_at: datetime) -> str:
    """Plan a period that takes entries from now until its opening."""
    terms = EntryTerms(window=EntryWindow(opens_at=office.clock.now(), until=opens_at))
    return await Entrants(office).plan(10 * FACE, terms, opens_at=opens_at)


async def channels_in(office: Office, stream: str) -> list[str | None]:
    """Say for each event of a stream which channel acted."""
    statement = sa.text("SELECT metadata->>'channel' FROM events WHERE stream = :stream ORDER BY version")
    async with office.engine.connect() as connection:
        return list((await connection.execute(statement, {"stream": stream})).scalars())


async def test_a_bank_reads_the_voucher_it_claimed_and_its_receipt_and_nobody_elses(ask: Call, office: Office) -> None:
    period_id, company = await office.open_period(), await office.register()
    await authorise(office, company, "bank-1")
    await authorise(office, company, "bank-2")
    own = f"/v1/vouchers/{await claimed(ask, 'bank-1', period_id, company)}"
    companys = f"/v1/vouchers/{await claimed_by_company(ask, period_id, company)}"
    for path in (own, f"{own}?as_of=1000000000", f"{own}/receipt"):
        found = await by_bank(ask, "bank-1", "GET", path)
        expected = 422 if "as_of" in path else 200  # the log has not come so far
        assert found.status_code == expected, found.text
    for bank, voucher in (("bank-1", companys), ("bank-2", own), ("bank-2", companys), ("nobody", own)):
        for path in (voucher, f"{voucher}/receipt"):
            assert (await by_bank(ask, bank, "GET", path)).status_code == 404
    for path in (own, f"{own}/receipt", companys):
        assert (await ask("GET", path, party=company)).status_code == 200
    for path in (f"/v1/claimants/{company}/annual-totals", f"/v1/ledger/entries?claimant_id={company}"):
        assert (await by_bank(ask, "bank-1", "GET", path)).json()["code"] == "not-allowed"


async def test_a_bank_gives_back_what_it_claimed_and_is_named_in_the_log(ask: Call, office: Office) -> None:
    period_id, company = await office.open_period(), await office.register()
    await authorise(office, company, "bank-3")
    await authorise(office, company, "bank-4")
    own = await claimed(ask, "bank-3", period_id, company)
    companys = await claimed_by_company(ask, period_id, company)
    for bank, voucher in (("bank-4", own), ("bank-3", companys)):
        foreign = await by_bank(ask, bank, "POST", f"/v1/vouchers/{voucher}/cancellation", version=1)
        assert (foreign.status_code, foreign.json()["code"]) == (404, "not-found")
    given = await by_bank(ask, "bank-3", "POST", f"/v1/vouchers/{own}/cancellation", version=1)
    assert (given.status_code, given.json()["state"]) == (200, "cancelled"), given.text
    assert await channels_in(office, f"voucher-{own}") == ["chn_bank-3", "chn_bank-3"]
    assert await office.year_of(company, today().year) == (FACE, 0)


async def test_who_may_not_act_any_more_is_refused_as_a_claim_would_be(
    ask: Call, office: Office, owner: AsyncEngine
) -> None:
    period_id, company = await office.open_period(entries=reserve()), await office.register()
    given = await authorise(office, company, "bank-5")
    await authorise(office, await office.register(), "bank-5")  # whom it still acts for is another matter
    voucher = f"/v1/vouchers/{await claimed(ask, 'bank-5', period_id, company)}"
    await follow(owner)
    assert len(await listed(ask, "bank-5")) == 1
    await revoke(office, given)
    mine = f"/v1/periods/{period_id}/entries/mine?claimant_id={company}"
    ticket = f"/v1/periods/{period_id}/waiting-room/ticket?claimant_id={company}"
    for path in (voucher, f"{voucher}/receipt", mine, ticket):
        refused = await by_bank(ask, "bank-5", "GET", path)
        assert (refused.status_code, refused.json()["code"]) == (403, "channel-not-authorised"), refused.text
        assert (refused.json()["rule"]["article"], bool(refused.json()["remedy"])) == ("15(1)", True)
    refused = await by_bank(ask, "bank-5", "POST", f"{voucher}/cancellation", version=1)
    assert (refused.status_code, refused.json()["code"]) == (403, "channel-not-authorised")
    assert await listed(ask, "bank-5") == []


@pytest.mark.parametrize(
    ("days", "sees"),
    [
        ((0, 0), True),
        ((-1, 0), True),
        ((0, 1), True),
        ((-1, -1), False),
        ((1, 1), False),
    ],
)
async def test_a_bank_sees_its_vouchers_on_the_days_it_was_let_both_included(
    ask: Call,
    office: Office,
    owner: AsyncEngine,
    days: tuple[int, int],
    sees: bool,  # noqa: FBT001 (a table)
) -> None:
    bank = f"bank-{new_id('x', office.clock.now())}"
    period_id, company = await office.open_period(), await office.register()
    first = await authorise(office, company, bank)
    voucher_id = await claimed(ask, bank, period_id, company)
    await follow(owner)
    await revoke(office, first)
    await authorise(office, company, bank, days=days)
    await authorise(office, company, bank, "profile", "contracts")
    assert await listed(ask, bank) == ([voucher_id] if sees else [])
    assert (await by_bank(ask, bank, "GET", f"/v1/vouchers/{voucher_id}")).status_code == (200 if sees else 403)


async def test_a_banks_list_has_what_it_asked_for_in_every_state_and_as_it_stood(
    ask: Call, office: Office, owner: AsyncEngine
) -> None:
    period_id, company, other = await office.open_period(), await office.register(), await office.register()
    for whom in (company, other):
        await authorise(office, whom, "bank-6")
    await authorise(office, company, "bank-7")
    first = await claimed(ask, "bank-6", period_id, company)
    then = await follow(owner)
    office.clock.at += A_MINUTE  # ids are in the order of instants
    second = await claimed(ask, "bank-6", period_id, other)
    await claimed(ask, "bank-7", period_id, company)
    await claimed_by_company(ask, period_id, company)
    await by_bank(ask, "bank-6", "POST", f"/v1/vouchers/{first}/cancellation", version=1)
    await follow(owner)
    assert await listed(ask, "bank-6") == [second, first]
    assert await listed(ask, "bank-6", "?state=cancelled") == [first]
    assert await listed(ask, "bank-6", "?state=claimed") == [second]
    assert await listed(ask, "nobody") == []
    page = (await by_bank(ask, "bank-6", "GET", "/v1/vouchers?limit=1")).json()
    assert await listed(ask, "bank-6", f"?limit=1&cursor={page['next_cursor']}") == [first]
    single = (await by_bank(ask, "bank-6", "GET", f"/v1/vouchers/{first}?as_of={then}")).json()
    assert single["state"] == "claimed"
    assert (await by_bank(ask, "bank-7", "GET", f"/v1/vouchers/{first}?as_of={then}")).status_code == 404


async def test_a_bank_enters_and_sees_the_voucher_its_entry_brings(
    ask: Call, office: Office, owner: AsyncEngine
) -> None:
    period_id = await office.open_period(FACE, entries=reserve())
    company, winner, other = [await office.register() for _ in range(3)]
    given = [await authorise(office, company, bank) for bank in ("bank-8", "bank-9")]
    held = await claimed_by_company(ask, period_id, winner)
    made = await enter(ask, "bank-8", period_id, company)
    assert (made.status_code, made.json()["claimant_id"], made.json()["way"]) == (201, company, "reserve"), made.text
    assert await channels_in(office, f"entry-{made.json()['entry_id']}") == ["chn_bank-8"]
    mine = f"/v1/periods/{period_id}/entries/mine"
    own = await by_bank(ask, "bank-8", "GET", f"{mine}?claimant_id={company}")
    assert (own.status_code, own.json()["entry_id"]) == (200, made.json()["entry_id"]), own.text
    assert (await ask("GET", mine, party=company)).json() == own.json()
    assert (await by_bank(ask, "bank-9", "GET", f"{mine}?claimant_id={company}")).status_code == 404
    assert (await by_bank(ask, "bank-8", "GET", f"{mine}?claimant_id={other}")).status_code == 403
    assert (await by_bank(ask, "bank-8", "GET", mine)).json()["code"] == "claimant-not-named"
    assert (await ask("GET", f"{mine}?claimant_id={company}", party=other)).status_code == 404
    returning = Office(office.engine, clock=office.clock, measures=returning_to_quota())
    await returning.do(lambda tx: cancel_voucher(tx, voucher_id=held, claimant_id=winner))
    await returning.wait_until(office.clock.now())
    await follow(owner)
    served = (await by_bank(ask, "bank-8", "GET", f"{mine}?claimant_id={company}")).json()
    assert served["stage"] == "served"
    voucher = f"/v1/vouchers/{served['voucher_id']}"
    assert await listed(ask, "bank-8") == [served["voucher_id"]]
    for path in (voucher, f"{voucher}/receipt"):
        assert (await by_bank(ask, "bank-8", "GET", path)).status_code == 200
        assert (await by_bank(ask, "bank-9", "GET", path)).status_code == 404
    assert await listed(ask, "bank-9") == []
    await revoke(office, given[0])
    assert (await by_bank(ask, "bank-8", "GET", voucher)).status_code == 403


async def test_what_a_bank_has_entered_stands_when_it_may_not_act_any_more(ask: Call, office: Office) -> None:
    opens_at = office.clock.now() + A_MINUTE
    period_id = await window_of(office, opens_at)
    company = await office.register()
    given = await authorise(office, company, "bank-10")
    made = await enter(ask, "bank-10", period_id, company)
    assert (made.status_code, made.json()["way"]) == (201, "window"), made.text
    await revoke(office, given)
    refused = await by_bank(ask, "bank-10", "POST", f"/v1/entries/{made.json()['entry_id']}/withdrawal")
    assert (refused.status_code, refused.json()["code"]) == (403, "channel-not-authorised")
    await office.wait_until(opens_at)
    served = (await ask("GET", f"/v1/periods/{period_id}/entries/mine", party=company)).json()
    assert (served["stage"], served["granted"]["amount"]) == ("served", FACE)


async def test_a_bank_withdraws_what_it_entered_and_a_company_whatever_is_its(ask: Call, office: Office) -> None:
    period_id = await window_of(office, office.clock.now() + A_MINUTE)
    company, other = await office.register(), await office.register()
    for whom in (company, other):
        await authorise(office, whom, "bank-11")
    await authorise(office, company, "bank-12")
    own = (await enter(ask, "bank-11", period_id, company)).json()["entry_id"]
    again = await enter(ask, "bank-12", period_id, company)
    assert (again.status_code, again.json()["code"]) == (409, "entry-made-already")
    path = f"/v1/periods/{period_id}/entries"
    others = (await ask("POST", path, party=other, body={"amount": {"amount": FACE}})).json()["entry_id"]
    for bank, entry_id in (("bank-12", own), ("bank-11", others), ("nobody", own)):
        foreign = await by_bank(ask, bank, "POST", f"/v1/entries/{entry_id}/withdrawal")
        assert (foreign.status_code, foreign.json()["code"]) == (404, "not-found")
    assert (await by_bank(ask, "bank-11", "GET", f"{path}/mine?claimant_id={other}")).status_code == 404
    gone = await by_bank(ask, "bank-11", "POST", f"/v1/entries/{own}/withdrawal")
    assert (gone.status_code, gone.json()["stage"]) == (200, "withdrawn"), gone.text
    assert await channels_in(office, f"entry-{own}") == ["chn_bank-11", "chn_bank-11"]
    anew = (await enter(ask, "bank-12", period_id, company)).json()["entry_id"]
    for bank, its in (("bank-11", own), ("bank-12", anew)):
        mine = await by_bank(ask, bank, "GET", f"{path}/mine?claimant_id={company}")
        assert mine.json()["entry_id"] == its
    taken = await ask("POST", f"/v1/entries/{anew}/withdrawal", party=company)
    assert (taken.status_code, taken.json()["stage"]) == (200, "withdrawn")


async def test_a_bank_without_authority_enters_for_nobody_and_is_told_nothing_else(ask: Call, office: Office) -> None:
    period_id, company = await office.open_period(entries=reserve()), await office.register()
    await authorise(office, company, "bank-13", "profile", "certificates", "contracts")
    nobody = new_id("clm", office.clock.now())
    for bank, whom in (("bank-13", company), ("bank-14", company), ("bank-14", nobody)):
        refused = await enter(ask, bank, period_id, whom, amount={"amount": 10**9})
        assert (refused.status_code, refused.json()["code"]) == (403, "channel-not-authorised"), refused.text
        assert [error["code"] for error in refused.json()["errors"]] in ([], ["channel-not-authorised"])
    unnamed = await enter(ask, "bank-13", period_id, None)
    assert (unnamed.status_code, unnamed.json()["code"]) == (422, "claimant-not-named")
    assert (await enter(ask, "bank-13", period_id, "clm_x")).status_code == 404
    await authorise(office, company, "bank-13")
    told = await enter(ask, "bank-13", period_id, company)  # as the company would be told
    assert (told.status_code, told.json()["code"]) == (409, "quota-not-exhausted")
    foreign = {"amount": {"amount": FACE}, "claimant_id": company}
    path = f"/v1/periods/{period_id}/entries"
    assert (await ask("POST", path, party=await office.register(), body=foreign)).status_code == 404
