"""Each of redemption's invariants, broken on purpose, is named with its place."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest

from services.redemption.audit import CHECKS
from shared.audit import examine
from shared.events.redemption import FundsDisbursed, VoucherPayment
from shared.kernel.ids import new_id
from shared.store.transaction import Cause, transaction
from tests.integration.redemption.office import Office
from tests.unit.redemption.facts import (
    ACCEPTED,
    APPLIED,
    APPROVED,
    DRAWN,
    NOTICE_OVER,
    OPENED,
    OPINIONS,
    ORDERED,
    PAYMENTS,
    PUBLISHED,
)

PAID = FundsDisbursed(
    redemption_id=APPLIED.redemption_id,
    contract_id=APPLIED.contract_id,
    claimant_id=APPLIED.claimant_id,
    provider_id=APPLIED.provider_id,
    payments=PAYMENTS,
    total=APPROVED.approved,
    ordered_by="off_1",
    approved_by="off_2",
    on=date(2026, 4, 17),
)
LAWFUL: tuple[object, ...] = (
    OPENED, APPLIED, ACCEPTED, DRAWN, *OPINIONS, APPROVED, PUBLISHED, NOTICE_OVER, ORDERED, PAID
)  # fmt: skip


async def breached(office: Office, planted: Sequence[object], *more: Sequence[object]) -> dict[str, list[str]]:
    """Write histories that no rule has let through, look at them, and take them back."""
    streams = [f"redemption-{new_id('rdm', office.clock.now())}" for _ in (planted, *more)]
    cause = Cause(actor="test", correlation_id="c")

    class TakenBackError(Exception):
        pass

    found: dict[str, list[str]] = {}
    try:
        async with transaction(office.runtime.engine, "redemption", office.clock, cause) as tx:
            for stream, history in zip(streams, (planted, *more), strict=True):
                tx.append(stream, 0, history)
            await tx.flush()
            for finding in await examine(tx.connection, "redemption", CHECKS):
                own = [b.found for b in finding.breaches if any(stream in b.where for stream in streams)]
                found |= {finding.id: own} if own else {}
            raise TakenBackError  # noqa: TRY301 (the way to roll back)
    except TakenBackError:
        return found


def spent(*paid: tuple[str, int, int]) -> FundsDisbursed:
    payments = tuple(VoucherPayment(voucher_id=v, amount=amount, paid=money) for v, amount, money in paid)
    return replace(PAID, payments=payments, total=sum(money for _, _, money in paid))


async def test_a_lawful_history_has_no_breach_but_its_invoices_which_stand_in_a_table(office: Office) -> None:
    assert set(await breached(office, LAWFUL)) <= {"M5"}


@pytest.mark.parametrize(
    ("check", "history"),
    [
        ("M4", (*LAWFUL[:-1], spent(("vch_1", 5_000_000, 4_000_001)))),
        ("M6", (*LAWFUL[:-1], spent(("vch_1", 3_000_000, 3_000_001)))),
        ("M6", (*LAWFUL[:-1], replace(PAID, total=1))),
        ("M7", tuple(fact for fact in LAWFUL if fact is not NOTICE_OVER)),
        ("M7", tuple(fact for fact in LAWFUL if fact is not APPROVED)),
        ("M7", tuple(replace(NOTICE_OVER, on=PUBLISHED.until) if fact is NOTICE_OVER else fact for fact in LAWFUL)),
        ("M9", (OPENED, APPLIED, ACCEPTED, DRAWN, *OPINIONS, APPROVED, replace(PUBLISHED, until=date(2026, 4, 13)))),
    ],
)
async def test_a_planted_breach_is_found(office: Office, check: str, history: tuple[object, ...]) -> None:
    assert check in await breached(office, history)


async def test_a_voucher_paid_twice_is_found(office: Office) -> None:
    findings = await breached(office, LAWFUL, LAWFUL)
    assert any("was paid at" in found for found in findings["M5"])
