"""The calendar of a claimant: its own last days and nobody else's, each under a name that stays."""

from datetime import timedelta

import httpx

from services.issuance.use_cases.cancelling import cancel_voucher
from shared.kernel.ids import new_id
from tests.integration.issuance.office import Office
from tests.integration.issuance.present import office
from tests.integration.issuance.serving import Call

__all__ = ["office"]

FACE = 3_000_000


def _lines(answer: httpx.Response) -> list[str]:
    return answer.text.replace("\r\n ", "").split("\r\n")


def _of(answer: httpx.Response, name: str) -> list[str]:
    return [line.partition(":")[2] for line in _lines(answer) if line.partition(":")[0] == name]


async def test_a_claimant_sees_the_next_last_day_of_each_of_its_vouchers(office: Office, call: Call) -> None:
    claimant_id, other = await office.register(), await office.register()
    period_id = await office.open_period()
    claimed, registered, cancelled = [await office.claim(period_id, claimant_id, FACE) for _ in range(3)]
    foreign = await office.claim(period_id, other, FACE)
    await office.submit(new_id("ctr", office.clock.now()), [registered])
    await office.do(lambda tx: cancel_voucher(tx, voucher_id=cancelled.voucher_id, claimant_id=claimant_id))
    valid_until = (await office.look(registered.voucher_id)).valid_until
    assert valid_until is not None

    answer = await call("GET", "/v1/calendar.ics", party=claimant_id)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/calendar; charset=utf-8"), answer.text
    assert "no-store" in answer.headers["cache-control"]
    assert _of(answer, "UID") == [
        f"{claimed.voucher_id}-registration@issuance.cxq",
        f"{registered.voucher_id}-validity@issuance.cxq",
    ]
    assert _of(answer, "DTSTART;VALUE=DATE") == [f"{claimed.register_by:%Y%m%d}", f"{valid_until:%Y%m%d}"]
    assert _of(answer, "TRIGGER") == ["-P4DT15H", "-P2DT15H", "-P0DT15H"] * 2
    assert _of(answer, "SEQUENCE") == ["1", "2"]
    assert all("30\\,000.00 元" in said for said in _of(answer, "SUMMARY"))
    assert foreign.voucher_id not in answer.text
    again = await call("GET", "/v1/calendar.ics", party=claimant_id)
    assert _of(again, "UID") == _of(answer, "UID")
    assert f"{foreign.voucher_id}-registration@issuance.cxq" in (
        await call("GET", "/v1/calendar.ics", party=other)
    ).text.replace("\r\n ", "")


async def test_a_provisional_day_says_so(office: Office, call: Call) -> None:
    claimant_id = await office.register()
    office.clock.at = max(office.clock.at.replace(month=12, day=20), office.clock.at + timedelta(days=1))
    held = await office.claim(await office.open_period(), claimant_id, FACE)
    assert held.register_by_provisional
    answer = await call("GET", "/v1/calendar.ics", party=claimant_id)
    assert _of(answer, "STATUS") == ["TENTATIVE"]
    assert "暂定 · provisional" in _of(answer, "SUMMARY")[0]
    assert "not published yet" in _of(answer, "DESCRIPTION")[0]


async def test_who_holds_nothing_has_an_empty_calendar_and_other_roles_have_none(call: Call) -> None:
    empty = await call("GET", "/v1/calendar.ics", party="clm_nobody")
    assert (empty.status_code, _of(empty, "UID")) == (200, [])
    assert (await call("GET", "/v1/calendar.ics")).status_code == 200
    assert (await call("GET", "/v1/calendar.ics", role="officer")).status_code == 403
