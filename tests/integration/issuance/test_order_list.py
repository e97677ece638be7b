"""The order list: public after the close, complete, in order of arrival, and without anybody's name."""

import csv
import io
from datetime import timedelta

import httpx
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from services.issuance.projections.voucher_balances import VOUCHER_BALANCES
from services.issuance.pseudonyms import pseudonym
from services.issuance.use_cases.cancelling import cancel_voucher
from shared.kernel.ids import new_id
from shared.projections.projection import Rows
from shared.projections.rows import save_rows
from shared.store.transaction import read_log
from tests.integration.issuance.office import CONTEXT, NINE_IN_MARCH, Office
from tests.integration.issuance.serving import Call

FACE = 3_000_000
CLOSED = timedelta(days=31)


async def _publish(office: Office) -> None:
    """Bring the read model level with the log, as relay and consumer would."""
    async with office.engine.begin() as connection:
        log = await read_log(connection, CONTEXT, after=0, limit=100_000)
        rows: Rows = {}
        VOUCHER_BALANCES.fold(rows, log)
        await save_rows(connection, VOUCHER_BALANCES.table, rows)
        await connection.execute(
            sa.text(
                "INSERT INTO relay_positions (partition, position, next_offset) VALUES (-1, :at, 0)"
                " ON CONFLICT (partition) DO UPDATE SET position = :at"
            ),
            {"at": log[-1].position},
        )


async def test_before_the_close_nobody_reads_the_order_and_the_refusal_says_when(
    office: Office, client: httpx.AsyncClient
) -> None:
    period_id = await office.open_period()
    await office.claim(period_id, await office.register(), FACE)
    await office.wait_until(NINE_IN_MARCH + timedelta(minutes=1))
    for path in ("order-list", "order-list.csv"):
        refused = await client.get(f"/v1/periods/{period_id}/{path}", headers={"Accept-Language": "en"})
        assert (refused.status_code, refused.json()["code"]) == (409, "order-list-not-published-yet"), refused.text
        assert refused.json()["rule"]["article"] == "15(1)"
        assert "2026-04-01 09:00:00 (Beijing time)" in refused.json()["detail"]
    unknown = await client.get(f"/v1/periods/{new_id('prd', NINE_IN_MARCH)}/order-list")
    assert unknown.status_code == 404


async def test_after_the_close_everybody_reads_places_instants_amounts_and_outcomes(
    office: Office, client: httpx.AsyncClient, call: Call
) -> None:
    period_id = await office.open_period()
    first, second = await office.register(), await office.register()
    vouchers = []
    for minute, (who, amount) in enumerate([(first, FACE), (second, 2_000_000), (first, 1_000_000), (second, FACE)]):
        office.clock.at = NINE_IN_MARCH + timedelta(minutes=minute, microseconds=123_999)
        vouchers.append(await office.claim(period_id, who, amount))
    given_back, kept = vouchers[1], vouchers[2]
    await office.do(lambda tx: cancel_voucher(tx, voucher_id=given_back.voucher_id, claimant_id=second))
    await office.submit(new_id("ctr", office.clock.now()), [kept])
    await office.wait_until(NINE_IN_MARCH + CLOSED)
    await _publish(office)

    path = f"/v1/periods/{period_id}/order-list"
    page = await client.get(path, params={"limit": 3})  # without any token
    assert page.status_code == 200, page.text
    rest = await client.get(path, params={"limit": 3, "cursor": page.json()["next_cursor"]})
    items = [*page.json()["items"], *rest.json()["items"]]
    assert [(item["place"], item["amount"]["amount"], item["outcome"]) for item in items] == [
        (1, FACE, "expired"),
        (2, 2_000_000, "cancelled"),
        (3, 1_000_000, "issued"),
        (4, FACE, "expired"),
    ]
    assert [item["claimed_at"] for item in items] == [f"2026-03-02T01:0{n}:00.123Z" for n in range(4)]
    assert (rest.json()["has_more"], rest.json()["next_cursor"]) == (False, None)

    receipt = (await call("GET", f"/v1/vouchers/{kept.voucher_id}/receipt", party=first)).json()
    own = items[receipt["place"] - 1]
    assert (own["claimed_at"], own["amount"]) == (receipt["claimed_at"], receipt["amount"])

    names = [item["pseudonym"] for item in items]
    assert (names[0], names[1]) == (names[2], names[3])
    assert len(set(names)) == 2
    file = await client.get(f"{path}.csv")
    assert (file.status_code, file.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert file.headers["content-disposition"] == f'attachment; filename="order-list-{period_id}.csv"'
    assert file.content.startswith("\ufeff次序 · place,".encode())
    header, *lines = csv.reader(io.StringIO(file.content.decode("utf-8-sig")))
    assert all(" · " in heading for heading in header)
    assert [line[2:4] for line in lines] == [
        ["30000.00", "已过期作废"],
        ["20000.00", "已退回"],
        ["10000.00", "已领取"],
        ["30000.00", "已过期作废"],
    ]
    assert [[line[0], line[1], line[4], line[5], line[6]] for line in lines] == [
        [str(i["place"]), i["claimed_at"], i["pseudonym"], str(i["amount"]["amount"]), i["outcome"]] for i in items
    ]
    for shown in (page.text, rest.text, file.text):
        assert not any(secret in shown for secret in (first, second, *(v.voucher_id for v in vouchers)))


async def test_a_long_list_is_read_to_its_end_page_by_page_and_in_one_file(
    office: Office, client: httpx.AsyncClient, owner: AsyncEngine
) -> None:
    period_id = await office.open_period()
    await office.claim(period_id, await office.register(), FACE)
    await office.wait_until(NINE_IN_MARCH + CLOSED)
    await _publish(office)
    names = ", ".join(column.name for column in VOUCHER_BALANCES.table.columns)
    more = names.replace("voucher_id", "voucher_id || n", 1).replace("place", "n")
    async with owner.begin() as connection:
        await connection.execute(
            sa.text(
                f"INSERT INTO voucher_balances ({names}) SELECT {more}"
                " FROM voucher_balances, generate_series(2, 2500) n WHERE period_id = :period"
            ),
            {"period": period_id},
        )
    file = await client.get(f"/v1/periods/{period_id}/order-list.csv")
    places = [int(line[0]) for line in list(csv.reader(io.StringIO(file.content.decode("utf-8-sig"))))[1:]]
    assert places == list(range(1, 2501))
    paged: list[int] = []
    cursor: str | None = None
    while True:
        asked = {"limit": "200"} | ({"cursor": cursor} if cursor else {})
        page = (await client.get(f"/v1/periods/{period_id}/order-list", params=asked)).json()
        paged.extend(item["place"] for item in page["items"])
        if (cursor := page["next_cursor"]) is None:
            break
    assert paged == places


async def test_a_list_that_is_not_complete_yet_is_not_shown(office: Office, client: httpx.AsyncClient) -> None:
    period_id = await office.open_period()
    await office.claim(period_id, await office.register(), FACE)
    await _publish(office)  # the read model is level with the claim, not with the close
    await office.wait_until(NINE_IN_MARCH + CLOSED)
    behind = await client.get(f"/v1/periods/{period_id}/order-list")
    assert (behind.status_code, behind.json()["code"]) == (503, "behind"), behind.text
    assert behind.headers["retry-after"]


async def test_a_claimant_has_another_name_in_every_period_and_none_of_them_is_in_an_event(
    office: Office, client: httpx.AsyncClient
) -> None:
    claimant_id = await office.register()
    names = []
    for _ in range(2):
        period_id = await office.open_period()
        await office.claim(period_id, claimant_id, FACE)
        await office.wait_until(office.clock.now() + CLOSED)
        await _publish(office)
        (item,) = (await client.get(f"/v1/periods/{period_id}/order-list")).json()["items"]
        names.append(item["pseudonym"])
        async with office.engine.connect() as connection:
            key = (
                await connection.execute(
                    sa.text("SELECT key FROM pseudonym_keys WHERE period_id = :id"), {"id": period_id}
                )
            ).scalar_one()
            told = sa.text("SELECT count(*) FROM events WHERE strpos(data::text, :a) + strpos(data::text, :b) > 0")
            known = {"a": bytes(key).hex(), "b": item["pseudonym"]}
            assert (await connection.execute(told, known)).scalar_one() == 0
        assert pseudonym(bytes(key), claimant_id) == item["pseudonym"]
        assert pseudonym(bytes(32), claimant_id) != item["pseudonym"]
    assert names[0] != names[1]
