"""The audit of contracts: clean after honest work, and every planted breach is named."""

import pytest

from services.contracts.app import CONTEXT
from shared.events.contracts import NewProductPurchase
from shared.events.registry.products import NewProductListed
from shared.kernel.money import yuan
from tests.integration.contracts.office import APRIL_30, JUNE_10, MARCH_2, ONE_DAY, Office

CHANGE = "UPDATE events SET data = jsonb_set(data, '{%s}', '%s') WHERE stream = :stream AND type LIKE :kind"


@pytest.fixture(autouse=True)
async def _honest_work(office: Office) -> None:
    """Start every test with a log of contracts in every state, in which nothing is wrong yet."""
    office.clock.set_to(MARCH_2)
    await office.sql("TRUNCATE events, deadlines, voucher_uses, commitments, project_texts")
    await office.registered()
    office.clock.set_to(JUNE_10 + ONE_DAY)
    assert await office.sweep() == 1
    office.clock.set_to(MARCH_2)
    pair, completed, _ = await office.registered()
    office.clock.set_to(APRIL_30)
    await office.complete(pair, completed)
    office.clock.set_to(MARCH_2)
    pair = await office.meet()
    await office.submit(pair, await office.agree(pair), office.voucher())
    rejected = await office.submit(pair, await office.agree(pair), office.voucher())
    await office.refuse(rejected, "voucher-unknown")
    await office.registered()
    for check in CONTEXT.checks:
        assert await office.breaches(check.id) == []
    office.clock.set_to(MARCH_2)


async def test_vouchers_above_half_the_contract_are_found(office: Office) -> None:
    _, contract_id, _ = await office.registered(amount=yuan(100_000))
    stream = f"contract-{contract_id}"
    assert await office.breaches("M4") == []
    await office.sql(CHANGE % ("amount", yuan(100_000) - 1), stream=stream, kind="%submitted%")
    assert await office.breaches("M4") == [stream]


async def test_an_actual_amount_that_is_not_the_lower_one_is_found(office: Office) -> None:
    pair, contract_id, _ = await office.registered()
    office.clock.set_to(APRIL_30)
    await office.complete(pair, contract_id)
    stream = f"contract-{contract_id}"
    await office.sql(CHANGE % ("actual_amount", yuan(90_000)), stream=stream, kind="%completed%")
    assert await office.breaches("M4") == [stream]


async def test_new_products_above_their_share_are_found(office: Office) -> None:
    pair, product_id = await office.meet(), office.id("npr")
    listed = NewProductListed(
        product_id=product_id, certificate_number="XCP1", valid_from=MARCH_2, valid_until=APRIL_30,
        description_digest="d", on=MARCH_2,
    )  # fmt: skip
    await office.hear(listed)
    bought = NewProductPurchase(product_id=product_id, amount=yuan(36_000))
    use = office.voucher()
    contract_id = await office.submit(pair, await office.agree(pair), use, new_products=(bought,))
    assert await office.breaches("M11") == []
    stream = f"contract-{contract_id}"
    await office.sql(CHANGE % ("amount", yuan(120_000) - 1), stream=stream, kind="%submitted%")
    assert await office.breaches("M11") == [stream]


async def test_a_voucher_in_two_live_contracts_is_found(office: Office) -> None:
    pair, _, use = await office.registered()
    await office.sql("DELETE FROM voucher_uses WHERE voucher_id = :v", v=use.voucher_id)
    office.clock.set_to(MARCH_2)
    second = await office.submit(pair, await office.agree(pair), use)
    assert f"contract-{second}" in await office.breaches("M5")


async def test_a_voucher_the_table_forgot_or_kept_too_long_is_found(office: Office) -> None:
    _, _, use = await office.registered()
    await office.sql("DELETE FROM voucher_uses WHERE voucher_id = :v", v=use.voucher_id)
    await office.sql("INSERT INTO voucher_uses VALUES ('vch_ghost', 'ctr_ghost')")
    assert set(await office.breaches("M5")) == {f"voucher_uses {use.voucher_id}", "voucher_uses vch_ghost"}


async def test_a_validity_issuance_never_gave_is_found(office: Office) -> None:
    _, contract_id, _ = await office.registered()
    stream = f"contract-{contract_id}"
    await office.sql(CHANGE % ("valid_until", '"2026-06-11"'), stream=stream, kind="%registered%")
    assert await office.breaches("M9") == [stream]


async def test_a_contract_that_ends_after_its_validity_is_found(office: Office) -> None:
    _, contract_id, _ = await office.registered()
    stream = f"contract-{contract_id}"
    await office.sql(CHANGE % ("ends_on", '"2026-06-11"'), stream=stream, kind="%submitted%")
    assert await office.breaches("M9") == [stream]


@pytest.mark.parametrize(
    ("field", "day"),
    [
        ("redeem_by", "2026-05-30"),  # the Saturday it should have been moved from
        ("redeem_by", "2026-06-02"),  # a day more than it should have been moved
        ("ended_on", "2026-05-01"),  # after the contract's last day
        ("on", "2026-06-11"),  # after the validity
    ],
)
async def test_a_completion_with_a_wrong_day_is_found(office: Office, field: str, day: str) -> None:
    pair, contract_id, _ = await office.registered()
    office.clock.set_to(APRIL_30)
    await office.complete(pair, contract_id)
    stream = f"contract-{contract_id}"
    assert await office.breaches("M9") == []
    await office.sql(CHANGE % (field, f'"{day}"'), stream=stream, kind="%completed%")
    assert set(await office.breaches("M9")) == {stream}


async def test_a_lapse_before_its_time_is_found(office: Office) -> None:
    _, contract_id, _ = await office.registered()
    office.clock.set_to(JUNE_10 + ONE_DAY)
    await office.sweep()
    stream = f"contract-{contract_id}"
    assert await office.breaches("M9") == []
    await office.sql(CHANGE % ("on", '"2026-06-10"'), stream=stream, kind="%lapsed%")
    assert await office.breaches("M9") == [stream]


@pytest.mark.parametrize(
    "loss", ["DELETE FROM deadlines", "UPDATE deadlines SET due_at = due_at + interval '1 microsecond'"]
)
async def test_a_contract_whose_deadline_was_lost_or_moved_is_found(office: Office, loss: str) -> None:
    pair = await office.meet()
    waiting = await office.submit(pair, await office.agree(pair), office.voucher())
    _, running, _ = await office.registered()
    assert await office.breaches("P6") == []
    await office.sql(f"{loss} WHERE subject IN (:a, :b)", a=waiting, b=running)
    assert set(await office.breaches("P6")) == {f"contract-{waiting}", f"contract-{running}"}


async def test_a_contract_decided_twice_is_found(office: Office) -> None:
    _, contract_id, _ = await office.registered()
    stream = f"contract-{contract_id}"
    await office.sql(
        "INSERT INTO events SELECT 1000000, stream, 1000, 'cxq.contracts.contract-rejected.v1',"
        " data || '{\"reasons\": []}', metadata, key, recorded_at, hash FROM events"
        " WHERE stream = :stream AND type LIKE '%registered%'",
        stream=stream,
    )
    assert await office.breaches("P6") == [stream]
