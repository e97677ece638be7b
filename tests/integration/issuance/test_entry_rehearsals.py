"""An entry that is only tried is told what it would be told, leaves nothing behind, and holds no key (art. 12)."""

from datetime import timedelta
from typing import Any

import httpx
import sqlalchemy as sa

from shared.events.issuance.periods import EntryTerms, EntryWindow, QuotaClass
from shared.events.registry.claimants import ClaimantEligibilityChanged
from shared.kernel.calendar import business_date
from shared.kernel.ids import new_id
from tests.integration.issuance.entering import FACE, Entrants, reserve
from tests.integration.issuance.office import Office
from tests.integration.issuance.serving import Call
from tests.integration.issuance.test_channels import authorise
from tests.integration.issuance.today import clock, office

__all__ = ["clock", "office"]

MINUTES = timedelta(minutes=2)


async def send(call: Call, period_id: str, party: str | None, *, dry_run: bool, **more: Any) -> httpx.Response:
    """Enter, or try it, as a user of `party`, or as the bank in `more`."""
    given = {"amount": {"amount": more.pop("amount", FACE)}} | more.pop("body", {})
    query = "?dry_run=true" if dry_run else ""
    who = {"principal": f"user-of-{party}", "party": party} | more
    return await call("POST", f"/v1/periods/{period_id}/entries{query}", body=given, **who)


async def everything(office: Office) -> list[tuple[Any, ...]]:
    """Read what an entry would change: log, list, quotas, kept answers, due list."""
    counted = (
        "SELECT (SELECT position FROM log_head), (SELECT count(*) FROM entries), (SELECT sum(revision) FROM quotas),"
        " (SELECT sum(entries) FROM quotas), (SELECT count(*) FROM idempotency), (SELECT count(*) FROM deadlines)"
    )
    async with office.engine.connect() as connection:
        return [tuple(row) for row in await connection.execute(sa.text(counted))]


async def same_refusal(call: Call, period_id: str, party: str | None, **more: Any) -> list[str]:
    """Try an entry and make it; gives the reasons, which are the same."""
    tried = await send(call, period_id, party, dry_run=True, **more)
    made = await send(call, period_id, party, dry_run=False, **more)
    assert tried.status_code == made.status_code >= 400, tried.text
    told, real = tried.json(), made.json()
    volatile = {"request_id", "trace_id", "instance"}
    assert {k: v for k, v in told.items() if k not in volatile} == {k: v for k, v in real.items() if k not in volatile}
    return [told["code"], *sorted(error["code"] for error in told["errors"])]


async def foretold(call: Call, office: Office, period_id: str, party: str | None, **more: Any) -> dict[str, Any]:
    """Try an entry, see that nothing came of it, and make it under the same key; gives what both have said."""
    key = new_id("key", office.clock.now())
    before = await everything(office)
    tried = await send(call, period_id, party, dry_run=True, key=key, **more)
    assert tried.status_code == 200, tried.text
    assert await everything(office) == before
    told: dict[str, Any] = tried.json()
    assert told.pop("dry_run") is True
    made = await send(call, period_id, party, dry_run=False, key=key, **more)
    assert made.status_code == 201, made.text
    named = {"principal": more["principal"], "role": "channel"} if "principal" in more else {"party": party}
    query = f"?claimant_id={told['claimant_id']}" if "principal" in more else ""
    mine = (await call("GET", f"/v1/periods/{period_id}/entries/mine{query}", **named)).json()
    assert {name: mine[name] for name in told} == told
    return told


async def test_before_the_opening_in_the_draw_and_on_the_reserve_list(call: Call, office: Office) -> None:
    entrants, now = Entrants(office), office.clock.now()
    window = EntryWindow(opens_at=now, until=now + MINUTES)
    terms = EntryTerms(window=window, draw_minutes=2, reserve_list=True)
    period_id = await entrants.plan(2 * FACE, terms, opens_at=window.until)
    first, second, third, late = [await office.register() for _ in range(4)]
    told = await foretold(call, office, period_id, first)
    assert (told["way"], told["place"], told["ahead"]["entries"]) == ("window", 1, 0)
    told = await foretold(call, office, period_id, second, amount=2 * FACE)
    assert (told["way"], told["place"]) == ("window", 2)
    assert told["ahead"] == {"entries": 1, "amount": {"amount": FACE, "currency": "CNY"}}
    assert await same_refusal(call, period_id, first) == ["entry-made-already", "entry-made-already"]
    office.clock.at = window.until  # nobody has decided them yet
    assert (await same_refusal(call, period_id, third))[0] == "entries-being-decided"
    await office.wait_until(window.until)
    told = await foretold(call, office, period_id, third, amount=2 * FACE)
    assert (told["way"], told["ahead"]) == ("draw", None)
    await office.wait_until(window.until + MINUTES)
    told = await foretold(call, office, period_id, late, body={"or_less": True})
    assert (told["way"], told["or_less"], told["ahead"]["entries"]) == ("reserve", True, 0)


async def test_every_reason_is_told_as_the_entry_would_be_told(call: Call, office: Office) -> None:
    period_id, company = await office.open_period(FACE, entries=reserve()), await office.register()
    assert await same_refusal(call, period_id, company) == ["quota-not-exhausted", "quota-not-exhausted"]
    fails = ClaimantEligibilityChanged(
        claimant_id=company, outcome="fail", rules=(), occasion="profile", until=None,
        on=business_date(office.clock.now()), pack="p", pack_digest="d",
    )  # fmt: skip
    await office.tell(fails)
    codes = await same_refusal(call, period_id, company, amount=10**9)
    assert set(codes) >= {"claimant-not-eligible", "face-value-out-of-range", "allowance-exceeded"}
    assert (await same_refusal(call, new_id("prd", office.clock.now()), company))[0] == "not-found"
    plain = await office.open_period(FACE)
    assert (await same_refusal(call, plain, await office.register()))[0] == "period-takes-no-entries"


async def test_with_classes_the_way_is_that_of_who_asks(call: Call, office: Office) -> None:
    teams = QuotaClass(name="团队", who="team", amount=FACE, until=office.clock.now() + MINUTES)
    period_id = await office.open_period(FACE, classes=(teams,), entries=reserve())
    company, team = await office.register(), await office.register("team")
    told = await foretold(call, office, period_id, company)
    assert told["way"] == "reserve"
    assert (await same_refusal(call, period_id, team))[0] == "quota-not-exhausted"


async def test_a_bank_is_told_what_its_company_would_be(call: Call, office: Office) -> None:
    now = office.clock.now()
    window = EntryWindow(opens_at=now, until=now + MINUTES)
    period_id = await Entrants(office).plan(2 * FACE, EntryTerms(window=window), opens_at=window.until)
    company = await office.register()
    bank: dict[str, Any] = {"principal": "bank-1", "role": "channel", "body": {"claimant_id": company}}
    assert (await same_refusal(call, period_id, None, **bank))[0] == "channel-not-authorised"
    unnamed = {"principal": "bank-1", "role": "channel"}
    assert (await same_refusal(call, period_id, None, **unnamed))[0] == "claimant-not-named"
    await authorise(office, company, "bank-1")
    told = await foretold(call, office, period_id, None, **bank)
    assert (told["claimant_id"], told["way"]) == (company, "window")
