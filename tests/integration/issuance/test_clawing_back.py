"""What came back of a payment, in the books, in the year, in the files for finance, and in the audit (art. 17)."""

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from python_calamine import CalamineWorkbook
from sqlalchemy.ext.asyncio import AsyncEngine

from services.issuance.audit import CHECKS
from services.issuance.books_audit import BOOKS_CHECKS
from services.issuance.reports.ledger_file import BOM
from services.issuance.tables import ledger_proofs
from services.issuance.use_cases.proving_balances import prove_balances
from shared.audit import examine
from shared.events.redemption import FundsRecovered, RepaymentReversed, VoucherRecovery
from shared.kernel.calendar import business_date
from tests.integration.issuance.office import CONTEXT, Office
from tests.integration.issuance.serving import Call
from tests.integration.issuance.stories import FACE, PAID, PROVIDER, Season, catch_up, season

FIRST, SECOND = 1_500_000, 700_000


@dataclass(frozen=True, kw_only=True)
class Told:
    """A season whose payment came back in part, a mistaken repayment and its reversal among it."""

    office: Office
    season: Season
    year_before: tuple[int, int]
    quota_before: tuple[int, int, int, int]


def came_in(lived: Season, office: Office, repayment_id: str, fen: int) -> FundsRecovered:
    """Tell that money came in."""
    on = business_date(office.clock.now())
    return FundsRecovered(
        repayment_id=repayment_id, recoveries=_part(lived, fen), amount=fen, received_on=on, recorded_by="officer-li",
        on=on, **_whose(lived),
    )  # fmt: skip


def _part(lived: Season, fen: int) -> tuple[VoucherRecovery, ...]:
    return (VoucherRecovery(voucher_id=lived.paid.voucher_id, amount=fen),)


def _whose(lived: Season) -> dict[str, Any]:
    return {
        "recovery_id": "rcv_1", "redemption_id": "rdm_1", "contract_id": _CONTRACT_OF[lived.paid.voucher_id],
        "claimant_id": lived.claimant_id, "provider_id": PROVIDER,
    }  # fmt: skip


_CONTRACT_OF: dict[str, str] = {}


@pytest.fixture(scope="module")
async def told(engine: AsyncEngine) -> AsyncIterator[Told]:
    office = Office(engine)
    lived = await season(office)
    paid = await office.look(lived.paid.voucher_id)
    assert paid.contract_id is not None
    _CONTRACT_OF[paid.voucher_id] = paid.contract_id
    before = await office.year_of(lived.claimant_id), await office.quota_of(lived.period_id)
    mistaken = came_in(lived, office, "rpm_2", PAID - FIRST)
    undone = RepaymentReversed(
        repayment_id="rpm_2", recoveries=mistaken.recoveries, amount=mistaken.amount, reasons_digest="d",
        reversed_by="officer-wang", on=mistaken.on, **_whose(lived),
    )  # fmt: skip
    for fact in (came_in(lived, office, "rpm_1", FIRST), mistaken, undone, came_in(lived, office, "rpm_3", SECOND)):
        for _ in range(2):
            await office.tell(fact)
    await catch_up(engine)
    yield Told(office=office, season=lived, year_before=before[0], quota_before=before[1])
    await office.close()


async def test_what_came_back_lies_clawed_back_and_the_rest_stays_paid(told: Told, call: Call) -> None:
    books = (await call("GET", "/v1/ledger/balances", role="officer")).json()
    held = {each["account"]: each["balance"]["amount"] for each in books["accounts"]}
    assert (held["clawed_back"], held["paid"]) == (FIRST + SECOND, PAID - FIRST - SECOND)
    assert books["total"]["amount"] == 0
    shown = (await call("GET", "/v1/ledger/exposure", role="officer")).json()["items"]
    assert sum(each["outstanding"]["amount"] for each in shown) == 3 * FACE, "nothing more is to be paid than before"
    assert told.season.period_id


async def test_a_voucher_shows_what_came_back_of_it_now_and_as_it_stood(told: Told, call: Call) -> None:
    voucher_id, owner = told.season.paid.voucher_id, {"party": told.season.claimant_id}
    single = (await call("GET", f"/v1/vouchers/{voucher_id}", **owner)).json()
    assert (single["paid"]["amount"], single["clawed_back"]["amount"]) == (PAID, FIRST + SECOND)
    items = (await call("GET", "/v1/vouchers?state=redeemed", **owner)).json()["items"]
    assert [item for item in items if item["voucher_id"] == voucher_id] == [single]
    posted = sa.text("SELECT min(position) FROM events WHERE type = 'cxq.issuance.voucher-clawed-back.v1'")
    async with told.office.engine.connect() as connection:
        first = (await connection.execute(posted)).scalar_one()
    for position, back in ((first - 1, 0), (first, FIRST)):
        then = (await call("GET", f"/v1/vouchers/{voucher_id}?as_of={position}", **owner)).json()
        assert (then["paid"]["amount"], then["clawed_back"]["amount"]) == (PAID, back)


async def test_a_mistake_is_put_right_by_a_reverse_entry(told: Told, call: Call) -> None:
    path = f"/v1/ledger/entries?account=clawed_back&claimant_id={told.season.claimant_id}"
    entries = (await call("GET", path, role="auditor")).json()["items"]
    assert [(each["credit"], each["debit"], each["amount"]["amount"]) for each in reversed(entries)] == [
        ("paid", "clawed_back", FIRST),
        ("paid", "clawed_back", PAID - FIRST),
        ("clawed_back", "paid", PAID - FIRST),
        ("paid", "clawed_back", SECOND),
    ]


async def test_neither_the_year_nor_the_period_gets_any_of_it(told: Told) -> None:
    assert await told.office.year_of(told.season.claimant_id) == told.year_before
    assert told.year_before[1] == PAID
    assert await told.office.quota_of(told.season.period_id) == told.quota_before


async def test_finance_finds_it_in_both_kinds_of_file(
    told: Told, call: Call, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    contents = {}
    for kind in ("csv", "xlsx"):
        body = {"format": kind, "claimant_id": told.season.claimant_id, "account": "clawed_back"}
        order = await call("POST", "/v1/ledger/exports", role="officer", body=body)
        assert order.status_code == 202, order.text
        contents[kind] = (await client.get(order.json()["href"])).content
    plain = list(csv.reader(io.StringIO(contents["csv"].decode().removeprefix(BOM), newline="")))[1:]
    assert [(row[3], row[4], row[5], int(row[7])) for row in plain] == [
        ("追回到账", "已追回", "已兑现", FIRST),
        ("追回到账", "已追回", "已兑现", PAID - FIRST),
        ("追回到账冲销", "已兑现", "已追回", PAID - FIRST),
        ("追回到账", "已追回", "已兑现", SECOND),
    ]
    book = tmp_path / "ledger.xlsx"
    book.write_bytes(contents["xlsx"])
    sheet = CalamineWorkbook.from_path(str(book)).get_sheet_by_index(0).to_python()[1:]
    assert [(*row[3:6], row[7]) for row in sheet] == [(*row[3:6], float(row[7])) for row in plain]


async def _proved(office: Office, engine: AsyncEngine) -> tuple[str, list[str]]:
    """Do tonight's proof to its end."""
    tonight = sa.select(ledger_proofs).order_by(ledger_proofs.c.night.desc()).limit(1)
    while True:
        await office.do(lambda tx: prove_balances(tx, ""))
        async with engine.connect() as connection:
            row = (await connection.execute(tonight)).one()
        if row.state != "running":
            return row.state, row.first_differences


async def test_the_audit_and_the_nightly_proof_agree_with_it(told: Told, engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        findings = await examine(connection, CONTEXT, [check for check in CHECKS if check.id in {"M1", "M3", "M5"}])
        findings += await examine(connection, CONTEXT, [check for check in BOOKS_CHECKS if check.id == "M6"])
    assert {finding.id for finding in findings} == {"M1", "M3", "M5", "M6"}
    assert [breach.found for finding in findings for breach in finding.breaches] == []
    assert await _proved(told.office, engine) == ("proved", [])
