"""Money of a voucher that ends goes back to its period, or does not, as the measure says (art. 12, reading 5)."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from services.issuance.deadlines import IN_LINE
from services.issuance.domain.voucher_stages import Voucher
from services.issuance.use_cases.cancelling import cancel_voucher
from shared.kernel.ids import new_id
from shared.measures.reader import Measures
from tests.integration.issuance.elsewhere import TODAY, contract_lapsed, disbursed, not_applied, refused, sanctioned
from tests.integration.issuance.office import Office
from tests.integration.issuance.planning import FACE, MOMENT, TEN, TOMORROW, approved, refusal_of, row_of, settled
from tests.integration.issuance.rules import returning_to_quota

type End = Callable[[Office, Voucher], Awaitable[None]]


async def _committed(office: Office, held: Voucher) -> str:
    contract_id = new_id("ctr", office.clock.now())
    await office.submit(contract_id, [held])
    return contract_id


async def _cancelled(office: Office, held: Voucher) -> None:
    await office.do(lambda tx: cancel_voucher(tx, voucher_id=held.voucher_id, claimant_id=held.claimant_id))


async def _not_registered(office: Office, _held: Voucher) -> None:
    await office.wait_until(office.clock.now() + timedelta(days=16))


async def _not_used(office: Office, held: Voucher) -> None:
    await office.tell(contract_lapsed(await _committed(office, held), held))


async def _not_applied(office: Office, held: Voucher) -> None:
    await office.tell(not_applied(await _committed(office, held), held))


async def _refused(office: Office, held: Voucher) -> None:
    await office.tell(refused(await _committed(office, held), held))


async def _paid_in_part(office: Office, held: Voucher) -> None:
    await office.tell(disbursed(await _committed(office, held), held, held.amount - 1_000_000))


async def _paid_in_full(office: Office, held: Voucher) -> None:
    await office.tell(disbursed(await _committed(office, held), held, held.amount))


async def _revoked(office: Office, held: Voucher) -> None:
    await office.tell(sanctioned(held.claimant_id))


ENDS: dict[str, tuple[End, int]] = {
    "cancelled": (_cancelled, FACE),
    "not registered": (_not_registered, FACE),
    "not used": (_not_used, FACE),
    "not applied for": (_not_applied, FACE),
    "refused": (_refused, FACE),
    "paid in part": (_paid_in_part, 1_000_000),
    "paid in full": (_paid_in_full, 0),
    "revoked": (_revoked, 0),
}
"""Each end of a voucher, and what of its money nobody will be paid; a sanction's stays where it is (reading 4)."""


@pytest.mark.parametrize(("end", "unused"), ENDS.values(), ids=ENDS)
@pytest.mark.parametrize(
    "measures", [Measures.load(), returning_to_quota()], ids=["stays away", "returns to the quota"]
)
async def test_the_money_of_every_end_returns_to_the_quota_or_not_as_the_measure_says(
    office: Office, end: End, unused: int, measures: Measures
) -> None:
    office.measures = measures
    returned = unused if measures.on(TODAY).voucher.return_to_quota else 0
    held = await office.claim(await office.open_period(2 * FACE), await office.register(), FACE)
    await end(office, held)
    told = [said for name, said in await office.history(f"period-{held.period_id}") if name == "quota-returned"]
    assert [(said["voucher_id"], said["amount"]) for said in told] == ([(held.voucher_id, returned)] * bool(returned))
    assert await office.quota_of(held.period_id) == (FACE + returned, FACE, returned, 1)


async def test_money_that_returns_after_the_close_opens_nothing(office: Office) -> None:
    office.measures = returning_to_quota()
    claimant_id, period_id = await office.register(), await approved(office, FACE)
    office.clock.at = TEN
    held = await office.claim(period_id, claimant_id, FACE)
    await office.wait_until(TOMORROW + IN_LINE)
    await _cancelled(office, held)
    assert (await office.names(f"period-{period_id}"))[-2:] == ["period-closed", "quota-returned"]
    row = await row_of(office, period_id)
    assert (row.remaining, row.returned, row.closed) == (FACE, FACE, True)
    await settled(office, period_id, claimant_id, ["period-closed"])
    office.clock.at = TOMORROW - MOMENT  # a claim that read the clock before the end, and comes after the closing
    assert await refusal_of(office.claim(period_id, claimant_id, 1)) == ["period-closed"]
