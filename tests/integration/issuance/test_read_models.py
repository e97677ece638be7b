"""The read models, written to their tables from a real log, agree with the rows that decide."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.issuance.projections.annual_totals import ANNUAL_TOTALS
from services.issuance.projections.ledger import TABLE as JOURNAL
from services.issuance.projections.ledger import ledger_lines
from services.issuance.projections.period_board import PERIOD_BOARD
from services.issuance.projections.voucher_balances import TABLE as VOUCHERS
from services.issuance.projections.voucher_balances import VOUCHER_BALANCES, vouchers_of
from services.issuance.tables import allowances, quotas
from shared.kernel.ids import new_id
from shared.projections.projection import Rows
from shared.projections.rows import load_rows, save_rows
from shared.projections.runner import apply_batches
from shared.store.transaction import Cause, on, read_log
from tests.integration.issuance.office import CONTEXT, Office


async def test_read_models_agree_with_the_rows_that_decide(office: Office, engine: AsyncEngine) -> None:
    claimant_id, period_id = await office.register(), await office.open_period(12_000_000)
    kept, _expired = [await office.claim(period_id, claimant_id, 5_000_000) for _ in range(2)]
    await office.claim(period_id, claimant_id, 2_000_000)
    await office.submit(new_id("ctr", office.clock.now()), [kept])
    await office.wait_until(office.clock.now() + timedelta(days=31))
    async with engine.begin() as connection:
        log = await read_log(connection, CONTEXT, after=0, limit=1000)
        for projection in (VOUCHER_BALANCES, ANNUAL_TOTALS, PERIOD_BOARD):
            rows: Rows = {}
            projection.fold(rows, log)
            await save_rows(connection, projection.table, rows)
            assert await load_rows(connection, projection.table, rows) == rows
        totals, board = ANNUAL_TOTALS.table, PERIOD_BOARD.table
        years = await connection.execute(
            sa.select(totals.c.reserved, totals.c.spent, allowances.c.reserved, allowances.c.spent).join(
                allowances,
                sa.and_(allowances.c.claimant_id == totals.c.claimant_id, allowances.c.year == totals.c.year),
            )
        )
        periods = await connection.execute(
            sa.select(
                board.c.remaining, board.c.issued, board.c.claims, quotas.c.remaining, quotas.c.issued, quotas.c.claims
            ).join(quotas, quotas.c.period_id == board.c.period_id)
        )
        assert years.all() == [(5_000_000, 0, 5_000_000, 0)]
        assert periods.all() == [(0, 12_000_000, 3, 0, 12_000_000, 3)]


async def test_what_facts_only_add_to_is_written_without_being_read_and_comes_to_the_same(
    office: Office, engine: AsyncEngine
) -> None:
    several, one = await office.register(), await office.register()
    period_id = await office.open_period(20_000_000)
    for claimant_id in (several, one, several):
        await office.claim(period_id, claimant_id, 2_000_000)
    await office.wait_until(office.clock.now() + timedelta(days=31))
    said: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        said.append(statement)

    async with engine.begin() as connection:
        everything = await read_log(connection, CONTEXT, after=0, limit=1000)
        log = [event for event in everything if event.key in {several, one} and ANNUAL_TOTALS.touches(event)]
        expected: Rows = {}
        ANNUAL_TOTALS.fold(expected, log)
        assert sorted(row["claims"] for row in expected.values() if row) == [1, 2]
        assert any(row["released"] for row in expected.values() if row)
        sa.event.listen(engine.sync_engine, "before_cursor_execute", listen)
        for event in log:  # each in a batch of its own
            cause = Cause(actor="test", correlation_id="test")
            await apply_batches(on(connection, CONTEXT, office.clock, cause), [(ANNUAL_TOTALS, [event])])
        sa.event.remove(engine.sync_engine, "before_cursor_execute", listen)
        assert said
        assert all(statement.startswith("INSERT") for statement in said)
        assert await load_rows(connection, ANNUAL_TOTALS.table, expected) == expected


async def test_what_is_a_claimants_is_found_by_its_name_however_much_is_others(owner: AsyncEngine) -> None:
    many = 40_000  # what nobody has counted yet: the planner knows nothing of the table
    vouchers = {
        "voucher_id": "'vch_' || lpad(CAST(n AS text), 6, '0')",
        "year": "2026",
        "state": "'claimed'",
        "claimed_at": "now()",
        "register_by_provisional": "false",
        "valid_until_provisional": "false",
    }
    journal = {"line": "1", "year": "2026", "debit": "'reserved'", "credit": "'quota'"}
    async with owner.begin() as connection:
        for table, values in ((VOUCHERS, vouchers), (JOURNAL, journal)):
            await connection.execute(sa.text(f"ALTER TABLE {table.name} SET (autovacuum_enabled = off)"))
            columns = ", ".join(column.name for column in table.columns)
            given = ", ".join(values.get(column.name, _filled(column)) for column in table.columns)
            rows = f"SELECT {given} FROM generate_series(1, {many}) n"
            await connection.execute(sa.text(f"INSERT INTO {table.name} ({columns}) {rows}"))
        place = VOUCHERS.c.voucher_id
        page = vouchers_of("clm_7").where(place < "vch_039000").order_by(place.desc()).limit(2)
        assert [row.voucher_id for row in await connection.execute(page)] == ["vch_038007", "vch_036007"]
        assert "voucher_balances_claimant_id_idx" in await _plan(connection, page)
        place = JOURNAL.c.position
        page = (
            ledger_lines(claimant_id="clm_7")
            .where(place < 39_000)
            .order_by(place.desc(), JOURNAL.c.line.desc())
            .limit(2)
        )
        assert [row.position for row in await connection.execute(page)] == [38_007, 36_007]
        assert "ledger_entries_claimant_id_idx" in await _plan(connection, page)


def _filled(column: sa.Column[Any]) -> str:
    """Write a value for any column; the claimants take turns."""
    if column.name == "claimant_id":
        return "'clm_' || n % 2000"
    if isinstance(column.type, sa.Date):
        return "DATE '2026-03-02'"
    return "'prd_1'" if isinstance(column.type, sa.Text) else "n"


async def _plan(connection: AsyncConnection, select: sa.Select[Any]) -> str:
    literal = select.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})  # type: ignore[no-untyped-call]
    return "\n".join((await connection.execute(sa.text(f"EXPLAIN {literal}"))).scalars())
