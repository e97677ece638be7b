"""The nightly proof: every balance is counted again from the log, and what differs is named."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from services.issuance.books import books_at, books_now, reopened
from services.issuance.deadlines import PROVE_BALANCES, await_proof
from services.issuance.tables import ledger_proofs
from services.issuance.use_cases import proving_balances
from services.issuance.use_cases.running_periods import release_classes
from shared.events.issuance.periods import QuotaClass
from shared.kernel.calendar import business_date
from shared.settings import Settings
from shared.store.tables import deadlines, log_head
from tests.integration.issuance.office import Office
from tests.integration.issuance.serving import caller, visiting
from tests.integration.issuance.stories import FACE, Season, catch_up, told_season

TWO_IN_BEIJING = datetime(2026, 3, 19, 18, tzinfo=UTC)
"""Of the twentieth; the season ends on the nineteenth."""
_INVENTED_PAIR = (
    "INSERT INTO ledger_entries SELECT position, i.line, year, business_date, fen, i.debit, i.credit, period_id,"
    " claimant_id, voucher_id, contract_id FROM ledger_entries e, (VALUES (8, 'paid', 'lapsed'), (9, 'lapsed', 'paid'))"
    " i (line, debit, credit) WHERE e.debit = 'paid'"
)
_INVENTED_VOUCHER = (
    'INSERT INTO voucher_balances SELECT (jsonb_populate_record(v, \'{"voucher_id": "vch_invented"}\')).*'
    " FROM voucher_balances v WHERE state = 'claimed' LIMIT 1"
)
_OF_CLASSES = "UPDATE period_board SET {changed} WHERE classes IS NOT NULL"
type Meanwhile = Callable[[int], Awaitable[object]]


@pytest.fixture(scope="module")
async def lived(engine: AsyncEngine) -> Season:
    """Live through a season, and have classes draw on their parts, one of which is over."""
    told = await told_season(engine)
    office = Office(engine)
    office.clock.at = TWO_IN_BEIJING - timedelta(days=1)
    until = office.clock.at + timedelta(hours=1)
    teams = QuotaClass(name="团队", who="team", amount=1_000, until=until)
    haidian = QuotaClass(name="海淀", who="district:110108", amount=1_000)
    period_id = await office.open_period(3_000, classes=(teams, haidian))
    await office.claim(period_id, await office.register("team"), 300)
    await office.claim(period_id, await office.register(district="110108"), 400)
    office.clock.at = until
    await office.do(lambda tx: release_classes(tx, period_id))
    await office.close()
    await catch_up(engine)
    return told


@pytest.fixture
async def night(engine: AsyncEngine, owner: AsyncEngine, lived: Season) -> AsyncIterator[Office]:
    """An office in the evening; whatever a test falsifies in read models is mended afterwards."""
    office = Office(engine)
    office.clock.at = TWO_IN_BEIJING - timedelta(hours=4)
    await office.do(lambda tx: await_proof(tx, business_date(tx.now)))
    yield office
    await office.close()
    await catch_up(engine)
    async with owner.begin() as connection:
        await connection.execute(sa.delete(ledger_proofs))
    assert lived.period_id


async def _nothing(_page: int) -> None:
    return None


async def proved(office: Office, meanwhile: Meanwhile = _nothing) -> dict[str, Any]:
    """Let the night come and the proof run to its end; `meanwhile` happens after each page."""
    at = TWO_IN_BEIJING
    for page in range(1000):
        await office.wait_until(at)
        async with office.engine.connect() as connection:
            row = (await connection.execute(sa.select(ledger_proofs))).mappings().one()
        if row["state"] != "running":
            return dict(row)
        await meanwhile(page)
        at += timedelta(milliseconds=100)
    raise AssertionError("the proof never ends")


async def _waits_until(office: Office) -> datetime:
    async with office.engine.connect() as connection:
        due: datetime = (
            await connection.execute(sa.select(deadlines.c.due_at).where(deadlines.c.kind == PROVE_BALANCES))
        ).scalar_one()
    return due


async def test_a_night_after_a_quiet_day_proves_every_balance_and_the_next_night_is_set(
    night: Office, engine: AsyncEngine, settings: Settings
) -> None:
    assert await _waits_until(night) == TWO_IN_BEIJING
    proof = await proved(night)
    async with engine.connect() as connection:
        head = (await connection.execute(sa.select(log_head.c.position))).scalar_one()
        held = await books_now(connection)
    assert (proof["state"], proof["differences"], proof["moving"]) == ("proved", 0, 0), proof["first_differences"]
    assert (proof["position"], proof["events"]) == (head, head)
    assert proof["compared"] > 40
    assert reopened(proof["sums"]) == held
    assert await _waits_until(night) == TWO_IN_BEIJING + timedelta(days=1)
    async with visiting(settings) as client:
        call = caller(client, settings)
        (shown,) = (await call("GET", "/v1/ledger/proofs", role="auditor")).json()["items"]
    assert (shown["state"], shown["night"], shown["digest"]) == ("proved", "2026-03-20", proof["digest"])


async def test_a_proof_page_by_page_comes_to_the_same_as_one_at_once(
    night: Office, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = await proved(night)
    async with engine.begin() as connection:
        await connection.execute(sa.delete(ledger_proofs))
    await night.do(lambda tx: await_proof(tx, business_date(TWO_IN_BEIJING - timedelta(hours=4))))
    for name, few in (("EVENTS_AT_ONCE", 6), ("POSITIONS_AT_ONCE", 2), ("YEARS_AT_ONCE", 1), ("VOUCHERS_AT_ONCE", 3)):
        monkeypatch.setattr(proving_balances, name, few)
    pages: list[int] = []

    async def count(page: int) -> None:
        pages.append(page)

    paged = await proved(night, count)
    assert len(pages) > 10
    timeless = ("started_at", "finished_at")
    assert {name: value for name, value in paged.items() if name not in timeless} == {
        name: value for name, value in at_once.items() if name not in timeless
    }


@pytest.mark.parametrize(
    ("falsify", "mend", "named"),
    [
        ("UPDATE voucher_balances SET released = released + 1 WHERE state = 'redeemed'", "", "voucher_balances"),
        ("UPDATE voucher_balances SET clawed_back = 1 WHERE state = 'redeemed'", "", "voucher_balances"),
        ("DELETE FROM voucher_balances WHERE state = 'used'", "", "voucher_balances"),
        ("UPDATE ledger_entries SET fen = fen - 1 WHERE debit = 'paid'", "", "ledger_entries"),
        ("UPDATE ledger_entries SET fen = fen - 1 WHERE debit = 'paid'", "", "the journal: paid"),
        ("UPDATE ledger_entries SET credit = 'lapsed' WHERE credit = 'budget'", "", "the journal: budget"),
        ("DELETE FROM ledger_entries WHERE debit = 'quota'", "", "the journal: quota"),
        (
            (
                "INSERT INTO ledger_entries SELECT position, 9, year, business_date, fen, debit, credit, period_id,"
                " claimant_id, voucher_id, contract_id FROM ledger_entries WHERE debit = 'paid'"
            ),
            "",
            "the journal: paid",
        ),
        ("UPDATE exposure SET fen = fen + 1 WHERE account = 'payable'", "", "the exposure: payable"),
        ("UPDATE exposure SET account = 'withheld' WHERE account = 'revoked'", "", "the exposure: revoked"),
        (_INVENTED_PAIR, "", "the journal: "),
        (_INVENTED_VOUCHER, "", "voucher_balances vch_invented"),
        (
            "UPDATE exposure SET contract_id = 'ctr_x' WHERE account = 'committed'",
            "",
            "the exposure: committed for ctr",
        ),
        ("UPDATE period_board SET remaining = remaining + 1, issued = issued - 1", "", "the board of"),
        (_OF_CLASSES.format(changed="class_issued = jsonb_set(class_issued, '{团队}', '299')"), "", "the board of"),
        (_OF_CLASSES.format(changed="class_issued = NULL"), "", "the board of"),
        (_OF_CLASSES.format(changed="class_released = jsonb_set(class_released, '{团队}', '1')"), "", "the board of"),
        (_OF_CLASSES.format(changed="class_released = NULL"), "", "the board of"),
        (_OF_CLASSES.format(changed="class_released = class_released || '{\"海淀\": 1}'"), "", "the board of"),
        (_OF_CLASSES.format(changed="classes = NULL"), "", "the board of"),
        (_OF_CLASSES.format(changed="classes = jsonb_set(classes, '{1,amount}', '1001')"), "", "the board of"),
        ("DELETE FROM period_board WHERE classes IS NOT NULL", "", "the board of"),
        ("UPDATE annual_totals SET spent = spent + 1 WHERE spent > 0", "", "annual_totals"),
        (
            "UPDATE allowances SET spent = spent - 1 WHERE spent > 0",
            "UPDATE allowances SET spent = spent + 1 WHERE spent > 0",
            "allowances",
        ),
        (
            "UPDATE quotas SET remaining = remaining + 1, issued = issued - 1",
            "UPDATE quotas SET remaining = remaining - 1, issued = issued + 1",
            "quota of",
        ),
    ],
)
async def test_a_balance_that_is_not_what_the_log_says_is_named(
    night: Office, owner: AsyncEngine, falsify: str, mend: str, named: str
) -> None:
    async with owner.begin() as connection:
        assert (await connection.execute(sa.text(falsify))).rowcount
    try:
        proof = await proved(night)
    finally:
        if mend:
            async with owner.begin() as connection:
                await connection.execute(sa.text(mend))
    assert proof["state"] == "differs"
    assert proof["differences"] >= 1
    assert any(said.startswith(named) for said in proof["first_differences"]), proof["first_differences"]


async def test_who_claims_while_the_proof_runs_is_left_to_the_next_night(
    night: Office, lived: Season, monkeypatch: pytest.MonkeyPatch, engine: AsyncEngine
) -> None:
    monkeypatch.setattr(proving_balances, "EVENTS_AT_ONCE", 6)
    claimant_id = await night.register()

    async def claim(page: int) -> None:
        if page == 0:
            await night.claim(lived.period_id, claimant_id, 1_000)
            await night.submit("ctr_of_the_night", [lived.claimed], provider_id="prv_3")

    proof = await proved(night, claim)
    assert (proof["state"], proof["differences"]) == ("proved", 0), proof["first_differences"]
    assert proof["moving"] > 0
    await catch_up(engine)
    await night.do(lambda tx: await_proof(tx, business_date(TWO_IN_BEIJING - timedelta(hours=4))))
    calm = await proved(night)
    assert (calm["state"], calm["moving"], calm["events"]) == ("proved", 0, proof["events"] + 2)


async def test_later_balances_start_from_the_proved_closing(night: Office, engine: AsyncEngine, lived: Season) -> None:
    proof = await proved(night)
    await night.claim(lived.period_id, await night.register(), FACE)
    head = await catch_up(engine)
    async with engine.connect() as connection:
        whole = await books_at(connection, head)
        assert whole == await books_now(connection)
        await connection.execute(sa.text("DELETE FROM ledger_entries WHERE position <= :at"), {"at": proof["position"]})
        assert await books_at(connection, head) == whole
        await connection.execute(sa.delete(ledger_proofs))
        assert await books_at(connection, head) != whole
        await connection.rollback()


async def test_a_read_model_that_is_behind_is_not_accused(night: Office, engine: AsyncEngine, lived: Season) -> None:
    await night.claim(lived.period_id, await night.register(), FACE)
    proof = await proved(night)
    assert (proof["state"], proof["differences"]) == ("proved", 0), proof["first_differences"]
    assert proof["moving"] > 0
    assert lived.period_id
    assert engine is night.engine
