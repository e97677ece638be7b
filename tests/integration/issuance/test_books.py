"""The books over HTTP: what was posted, what every account holds now and held then, and who sees it."""

from collections import Counter
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from services.issuance.domain.postings import COUNTED
from services.issuance.tables import allowances, quotas
from tests.integration.issuance.serving import Call
from tests.integration.issuance.stories import (
    FACE,
    FIRST_DAY,
    PAID,
    PROVIDER,
    SECOND_DAY,
    Season,
    told_season,
)

OFFICE = ("officer", "approver", "auditor")
QUOTA = 12 * FACE


@pytest.fixture(scope="module")
async def lived(engine: AsyncEngine) -> Season:
    return await told_season(engine)


async def _all(call: Call, path: str, **who: Any) -> list[dict[str, Any]]:
    """Read every page of a list, two items at a time."""
    items: list[dict[str, Any]] = []
    cursor = ""
    while True:
        joint = "&" if "?" in path else "?"
        page = await call("GET", f"{path}{joint}limit=2{cursor}", **who)
        assert page.status_code == 200, page.text
        items += page.json()["items"]
        if not page.json()["has_more"]:
            return items
        cursor = f"&cursor={page.json()['next_cursor']}"


def _held(books: dict[str, Any]) -> dict[str, int]:
    return {each["account"]: each["balance"]["amount"] for each in books["accounts"] if each["balance"]["amount"]}


async def test_every_account_holds_what_the_season_brought_and_all_together_nothing(call: Call, lived: Season) -> None:
    for role in OFFICE:
        books = (await call("GET", "/v1/ledger/balances", role=role)).json()
        assert books["total"] == {"amount": 0, "currency": "CNY"}
    assert _held(books) == {
        "budget": -QUOTA,
        "quota": QUOTA - 8 * FACE,
        "reserved": FACE,
        "committed": FACE,
        "payable": FACE,
        "paid": PAID,
        "released": FACE + FACE - PAID,
        "lapsed": FACE,
        "revoked": 2 * FACE,
    }
    of_the_period = {each["account"] for each in books["items"] if each["year"] is None}
    assert of_the_period == {"budget", "quota"}
    assert {each["period_id"] for each in books["items"]} == {lived.period_id}


async def test_what_the_accounts_hold_is_what_the_rows_that_decide_say(
    call: Call, lived: Season, engine: AsyncEngine
) -> None:
    held = _held((await call("GET", "/v1/ledger/balances", role="auditor")).json())
    async with engine.connect() as connection:
        (remaining,) = (await connection.execute(quotas.select().with_only_columns(quotas.c.remaining))).scalars()
        years = (await connection.execute(allowances.select())).all()
    assert held["quota"] == remaining
    assert sum(held.get(account, 0) for account in COUNTED) == sum(year.reserved for year in years)
    assert held["paid"] == sum(year.spent for year in years)
    assert lived.period_id


async def test_the_entries_add_up_to_the_balances_and_are_read_page_by_page(call: Call, lived: Season) -> None:
    entries = await _all(call, "/v1/ledger/entries", role="officer")
    places = [(entry["position"], entry["line"]) for entry in entries]
    assert places == sorted(set(places), reverse=True)
    sums: Counter[str] = Counter()
    for entry in entries:
        sums[entry["debit"]] += entry["amount"]["amount"]
        sums[entry["credit"]] -= entry["amount"]["amount"]
    held = _held((await call("GET", "/v1/ledger/balances", role="officer")).json())
    assert {account: fen for account, fen in sums.items() if fen} == held
    first = entries[-1]
    assert (first["credit"], first["debit"], first["year"], first["claimant_id"]) == ("budget", "quota", None, None)
    of_the_paid = [entry for entry in entries if entry["voucher_id"] == lived.paid.voucher_id]
    assert [(entry["credit"], entry["debit"], entry["amount"]["amount"]) for entry in reversed(of_the_paid)] == [
        ("quota", "reserved", FACE),
        ("reserved", "committed", FACE),
        ("committed", "payable", FACE),
        ("payable", "paid", PAID),
        ("payable", "released", FACE - PAID),
    ]


async def test_entries_are_filtered_by_period_year_account_claimant_and_days(call: Call, lived: Season) -> None:
    async def count(query: str) -> int:
        return len(await _all(call, f"/v1/ledger/entries?{query}", role="officer"))

    assert await count("account=paid") == 1
    assert await count("account=revoked") == 2
    assert await count(f"claimant_id={lived.banned_id}&account=committed") == 2
    assert await count("period_id=prd_unknown") == 0
    assert await count("year=2025") == 0
    assert await count("year=2026") == await count(f"period_id={lived.period_id}") - 1
    assert await count(f"until={FIRST_DAY}") == 7
    assert await count(f"since={FIRST_DAY}&until={FIRST_DAY}&account=reserved") == 6
    assert await count(f"since={SECOND_DAY}&until={SECOND_DAY}&account=paid") == 1
    for query in ("account=cash", "since=2026-02-30", "since=1772380800", "year=1"):
        assert (await call("GET", f"/v1/ledger/entries?{query}", role="officer")).status_code == 422


async def test_a_claimant_reads_its_own_entries_and_no_other_ledger(call: Call, lived: Season) -> None:
    own = await _all(call, "/v1/ledger/entries", party=lived.banned_id)
    assert {entry["claimant_id"] for entry in own} == {lived.banned_id}
    assert len(own) == 5
    assert await _all(call, f"/v1/ledger/entries?claimant_id={lived.banned_id}", party=lived.banned_id) == own
    alien = await call("GET", f"/v1/ledger/entries?claimant_id={lived.claimant_id}", party=lived.banned_id)
    assert (alien.status_code, alien.json()["code"]) == (404, "not-found")
    assert await _all(call, "/v1/ledger/entries", party=None) == []
    for path in ("balances", "exposure", "proofs"):
        assert (await call("GET", f"/v1/ledger/{path}", party=lived.banned_id)).status_code == 403
        assert (await call("GET", f"/v1/ledger/{path}", role="provider", party=PROVIDER)).status_code == 403


async def test_what_may_still_have_to_be_paid_is_told_by_provider(call: Call, lived: Season) -> None:
    shown = await _all(call, "/v1/ledger/exposure", role="approver")
    brief = {
        (each["provider_id"], each["reserved"]["amount"], each["committed"]["amount"], each["payable"]["amount"])
        for each in shown
    }
    assert brief == {(None, FACE, 0, 0), (PROVIDER, 0, 0, FACE), ("prv_2", 0, FACE, 0)}
    assert all(each["outstanding"]["amount"] == FACE for each in shown)
    assert {(each["period_id"], each["year"]) for each in shown} == {(lived.period_id, 2026)}
    assert len(await _all(call, f"/v1/ledger/exposure?provider_id={PROVIDER}", role="officer")) == 1
    assert await _all(call, "/v1/ledger/exposure?year=2025", role="officer") == []


async def test_the_books_are_read_as_they_stood_at_a_position_and_at_the_end_of_a_day(
    call: Call, lived: Season
) -> None:
    first_evening = (await call("GET", f"/v1/ledger/balances?as_of={FIRST_DAY}", role="officer")).json()
    assert _held(first_evening) == {"budget": -QUOTA, "quota": QUOTA - 6 * FACE, "reserved": 6 * FACE}
    again = (await call("GET", f"/v1/ledger/balances?as_of={first_evening['as_of']}", role="officer")).json()
    assert again == first_evening
    one_less = (await call("GET", f"/v1/ledger/balances?as_of={first_evening['as_of'] - 1}", role="officer")).json()
    assert _held(one_less)["reserved"] == 5 * FACE
    assert one_less["total"]["amount"] == 0
    second_evening = (await call("GET", f"/v1/ledger/balances?as_of={SECOND_DAY}", role="officer")).json()
    assert _held(second_evening) == {
        "budget": -QUOTA,
        "quota": QUOTA - 6 * FACE,
        "reserved": FACE,
        "committed": FACE,
        "payable": FACE,
        "paid": PAID,
        "released": FACE - PAID,
        "revoked": 2 * FACE,
    }
    now = (await call("GET", "/v1/ledger/balances", role="officer")).json()
    assert (await call("GET", f"/v1/ledger/balances?as_of={now['as_of']}", role="officer")).json() == now
    assert lived.period_id


@pytest.mark.parametrize("before", ["2026-03-01", "0001-01-01"])
async def test_before_the_first_record_there_was_nothing_whether_a_day_or_position_0_is_asked_for(
    call: Call, lived: Season, before: str
) -> None:
    empty = (await call("GET", "/v1/ledger/balances?as_of=0", role="officer")).json()
    assert (empty["items"], empty["total"]["amount"], empty["as_of"]) == ([], 0, 0)
    own = {"party": lived.claimant_id}
    totals = f"/v1/claimants/{lived.claimant_id}/annual-totals"
    for path, who in (("/v1/ledger/balances", {"role": "officer"}), ("/v1/vouchers", own), (totals, own)):
        at_0, then = [await call("GET", f"{path}?as_of={as_of}", **who) for as_of in ("0", before)]
        assert (at_0.status_code, then.json()) == (200, at_0.json()), path
        assert (then.json()["items"], then.json()["as_of"]) == ([], 0)
    voucher = f"/v1/vouchers/{lived.paid.voucher_id}"
    assert [(await call("GET", f"{voucher}?as_of={as_of}", **own)).status_code for as_of in ("0", before)] == [404] * 2


@pytest.mark.usefixtures("lived")
@pytest.mark.parametrize(
    ("as_of", "code"),
    [
        ("999999999999999999", "as-of-in-the-future"),
        ("9999-12-31", "as-of-in-the-future"),
        ("2026-02-30", "invalid"),
        ("0000-01-01", "invalid"),
        ("yesterday", "invalid"),
        ("-1", "invalid"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/ledger/balances", "/v1/vouchers"])
async def test_a_time_that_has_not_come_or_is_in_no_calendar_is_refused(
    call: Call, path: str, as_of: str, code: str
) -> None:
    refused = await call("GET", f"{path}?as_of={as_of}", role="officer")
    assert (refused.status_code, refused.json()["code"]) == (422, code), refused.text


async def test_the_next_position_is_the_future_and_the_last_is_not(call: Call, lived: Season) -> None:
    head = (await call("GET", "/v1/ledger/balances", role="officer")).json()["as_of"]
    assert (await call("GET", f"/v1/ledger/balances?as_of={head}", role="officer")).status_code == 200
    refused = (await call("GET", f"/v1/ledger/balances?as_of={head + 1}", role="officer")).json()
    assert refused["code"] == "as-of-in-the-future"
    assert str(head) in refused["detail"]
    assert lived.period_id


async def test_vouchers_and_years_are_read_as_they_stood(call: Call, lived: Season) -> None:
    async def states(query: str, **who: Any) -> list[str]:
        return sorted(each["state"] for each in await _all(call, f"/v1/vouchers{query}", **who))

    own = {"party": lived.claimant_id}
    assert await states("", **own) == ["cancelled", "claimed", "committed", "expired", "redeemed", "used"]
    assert await states(f"?as_of={FIRST_DAY}", **own) == ["claimed"] * 4
    assert await states(f"?as_of={SECOND_DAY}", **own) == ["claimed", "committed", "redeemed", "used"]
    assert await states(f"?as_of={SECOND_DAY}&state=used", **own) == ["used"]
    assert len(await states(f"?as_of={FIRST_DAY}", role="auditor")) == 6
    now = (await call("GET", "/v1/vouchers", **own)).json()
    then = (await call("GET", f"/v1/vouchers?as_of={now['as_of']}", **own)).json()
    assert then["items"] == now["items"]

    path = f"/v1/vouchers/{lived.paid.voucher_id}"
    present = (await call("GET", path, **own)).json()
    past = await call("GET", f"{path}?as_of={FIRST_DAY}", **own)
    assert (past.json()["state"], past.json()["paid"]["amount"], "etag" in past.headers) == ("claimed", 0, False)
    assert (await call("GET", f"{path}?as_of={now['as_of']}", **own)).json() == present
    assert (await call("GET", f"{path}?as_of=1", **own)).status_code == 404
    assert (await call("GET", f"{path}?as_of={FIRST_DAY}", party=lived.banned_id)).status_code == 404

    totals = f"/v1/claimants/{lived.claimant_id}/annual-totals"
    (year,) = (await call("GET", totals, **own)).json()["items"]
    (last,) = (await call("GET", f"{totals}?as_of={now['as_of']}", **own)).json()["items"]
    assert last == year
    (evening,) = (await call("GET", f"{totals}?as_of={FIRST_DAY}", **own)).json()["items"]
    assert (evening["claims"], evening["reserved"]["amount"], evening["spent"]["amount"]) == (4, 4 * FACE, 0)
    assert (await call("GET", f"{totals}?as_of=1", **own)).json()["items"] == []
    assert (await call("GET", f"{totals}?as_of={FIRST_DAY}", party=lived.banned_id)).status_code == 404


async def test_the_list_that_is_read_often_pages_and_waits_as_every_other(call: Call, lived: Season) -> None:
    own = {"party": lived.claimant_id}
    first = await call("GET", "/v1/vouchers?limit=2", **own)
    assert first.headers["content-type"] == "application/json"
    assert first.headers["link"].endswith('; rel="next"')
    second = await call("GET", first.headers["link"].partition("<")[2].partition(">")[0], **own)
    ids = [each["voucher_id"] for page in (first, second) for each in page.json()["items"]]
    assert ids == sorted(set(ids), reverse=True)
    assert len(ids) == 4
    last = await call("GET", "/v1/vouchers", **own)
    assert ("link" in last.headers, last.json()["has_more"], last.json()["next_cursor"]) == (False, False, None)
    reached = last.json()["as_of"]
    waited = await call("GET", f"/v1/vouchers?min_position={reached}", **own)
    assert waited.content == last.content
    behind = await call("GET", f"/v1/vouchers?min_position={reached + 1}", **own)
    assert (behind.status_code, behind.json()["code"]) == (503, "behind")
    stolen = await call("GET", f"/v1/vouchers?limit=2&cursor={first.json()['next_cursor']}", party=lived.banned_id)
    assert stolen.status_code == 200
    assert {each["claimant_id"] for each in stolen.json()["items"]} <= {lived.banned_id}
