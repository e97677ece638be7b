"""The read models, written to their tables from a real log, agree with the rows that decide."""

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncEngine

from services.issuance.projections.annual_totals import ANNUAL_TOTALS
from services.issuance.projections.period_board import PERIOD_BOARD
from services.issuance.projections.voucher_balances import TABLE, VOUCHER_BALANCES, vouchers_of
from services.issuance.tables import allowances, quotas
from shared.kernel.ids import new_id
from shared.projections.projection import Rows
from shared.projections.rows import load_rows, save_rows
from shared.store.transaction import read_log
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


async def test_a_claimants_own_list_is_found_by_its_name_however_many_vouchers_others_have(engine: AsyncEngine) -> None:
    columns = ", ".join(column.name for column in TABLE.columns)
    values = {
        "voucher_id": "'vch_' || lpad(CAST(n AS text), 6, '0')",
        "claimant_id": "'clm_' || n % 2000",
        "period_id": "'prd_1'",
        "state": "'claimed'",
        "claimed_on": "DATE '2026-03-02'",
        "claimed_at": "now()",
        "register_by": "DATE '2026-03-31'",
        "register_by_provisional": "false",
        "valid_until_provisional": "false",
        "contract_id": "NULL",
        "valid_until": "NULL",
        "ended_on": "NULL",
    }
    selected = ", ".join(values.get(column.name, "n") for column in TABLE.columns)
    selected = selected.replace("'prd_1', n,", "'prd_1', 2026,")
    page = vouchers_of("clm_7").where(TABLE.c.voucher_id < "vch_005000").order_by(TABLE.c.voucher_id.desc()).limit(2)
    async with engine.begin() as connection:
        await connection.execute(
            sa.text(f"INSERT INTO voucher_balances ({columns}) SELECT {selected} FROM generate_series(1, 6000) n")
        )
        found = [row.voucher_id for row in await connection.execute(page)]
        literal = page.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})  # type: ignore[no-untyped-call]
        plan = "\n".join((await connection.execute(sa.text(f"EXPLAIN {literal}"))).scalars())
    assert found == ["vch_004007", "vch_002007"]
    assert "voucher_balances_claimant_id_idx" in plan, plan
