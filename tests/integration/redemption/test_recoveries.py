"""Money that was paid is asked back over REST: who may, on what ground, how much, and what the log keeps (art. 17)."""

import asyncio
from dataclasses import replace
from datetime import date
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from services.redemption.projections import PROJECTIONS
from services.redemption.recovery_audit import RECOVERY_CHECKS
from shared.audit import examine
from shared.events.redemption import FundsRecovered, RecoveryOrdered, RepaymentReversed
from shared.events.registry.standing import PartySanctioned, SanctionLifted
from shared.kernel.ids import new_id
from shared.kernel.money import yuan
from shared.projections.projection import Rows
from shared.store.transaction import Cause, read_log, transaction
from tests.integration.redemption.office import Case, Office
from tests.unit.redemption.test_recovery import ORDERED, PROPOSED, RECEIVED, REVERSED

WORDS = "经核查，发票所列测试未实际开展"


def fen(yuan_: int) -> dict[str, Any]:
    return {"amount": yuan(yuan_), "currency": "CNY"}


@pytest.fixture
async def paid(case: Case, office: Office) -> Case:
    """A redemption of 40,000 元, paid on 28 March 2026."""
    assert (await case.apply()).status_code == 200
    await case.review(yuan(40_000))
    office.clock.set_to(date(2026, 3, 20))
    await case.do("conclusion", "officer", json={})
    office.clock.set_to(date(2026, 3, 28))
    await office.strike("notice-ends", case.redemption_id)
    await case.do("disbursement-order", "officer", principal="off-1")
    assert (await case.do("disbursement", "approver", principal="off-2")).status_code == 200
    office.clock.set_to(date(2026, 5, 4))
    return case


async def seen(case: Case, who: str = "officer", party: str | None = None) -> httpx.Response:
    return await case.office.call("GET", f"/v1/redemptions/{case.redemption_id}/recoveries", who, party)


async def step(case: Case, path: str, who: str, **more: Any) -> httpx.Response:
    """Take a step on the newest version of what is asked back."""
    version = int((await seen(case)).headers["etag"].strip('"'))
    return await case.do(f"recoveries{path}", who, **({"version": version} | more))


async def proposed(case: Case, amount: int = 30_000, **changes: Any) -> httpx.Response:
    ground = {"decision": "京科监〔2026〕12号", "article": "16", "reasons": WORDS}
    body = {"amount": fen(amount), "due_on": "2026-06-30"} | ground | changes
    return await step(case, "", "officer", principal="off-1", json=body)


async def ordered(case: Case, amount: int = 30_000) -> str:
    """Have money asked back by two officers; give the id."""
    recovery_id = (await proposed(case, amount)).json()["recovery_id"]
    assert (await step(case, f"/{recovery_id}/approval", "approver", principal="off-2")).status_code == 200
    return str(recovery_id)


async def received(case: Case, recovery_id: str, amount: int) -> httpx.Response:
    body = {"amount": fen(amount), "received_on": "2026-05-04"}
    return await step(case, f"/{recovery_id}/repayments", "officer", principal="off-4", json=body)


async def test_money_is_asked_back_by_two_officers_and_comes_in_parts(paid: Case) -> None:
    answer = await proposed(paid)
    assert (answer.status_code, answer.json()["stage"], answer.json()["reasons"]) == (201, "proposed", WORDS)
    path = f"/{answer.json()['recovery_id']}"
    alone = await step(paid, f"{path}/approval", "approver", principal="off-1")
    assert (alone.status_code, alone.json()["code"]) == (403, "four-eyes")
    assert (await step(paid, f"{path}/approval", "approver", principal="off-2")).json()["stage"] == "ordered"
    first = await received(paid, path[1:], 10_000)
    assert (first.status_code, first.json()["outstanding"]) == (201, fen(20_000))
    too_much = await received(paid, path[1:], 20_001)
    assert (too_much.status_code, too_much.json()["code"]) == (422, "repayment-over-outstanding")
    assert (await received(paid, path[1:], 20_000)).json()["stage"] == "recovered"
    whole = (await seen(paid)).json()
    assert (whole["paid"], whole["recovered"], whole["net"]) == (fen(40_000), fen(30_000), fen(10_000))


async def test_what_was_never_paid_cannot_be_asked_back(case: Case) -> None:
    answer = await proposed(case)
    assert (answer.status_code, answer.json()["code"]) == (409, "redemption-not-in-this-stage")


async def test_a_refusal_names_every_reason_and_a_remedy(paid: Case) -> None:
    answer = await proposed(paid, 40_001, decision=None, due_on="2026-05-04")
    problem = answer.json()
    codes = [error["code"] for error in problem["errors"]]
    assert (answer.status_code, codes) == (
        422,
        ["recovery-needs-one-ground", "recovery-over-paid", "recovery-due-too-early"],
    )
    assert (problem["rule"]["article"], bool(problem["remedy"])) == ("17", True)
    assert (await proposed(paid, 0)).status_code == 422


async def test_a_measure_is_a_ground_as_long_as_it_is_in_force_against_a_party(paid: Case, office: Office) -> None:
    sanction_id = new_id("snc", office.clock.now())
    measure = PartySanctioned(
        sanction_id=sanction_id, party_id=paid.provider_id, party_kind="provider", measure="disqualify",
        proposed_by="off-3", approved_by="off-4", until=date(2029, 5, 4), on=date(2026, 5, 4),
    )  # fmt: skip
    unknown = await proposed(paid, decision=None, sanction_id=sanction_id)
    assert (unknown.status_code, unknown.json()["code"]) == (422, "recovery-sanction-unknown")
    await office.tell(replace(measure, party_id="prv_another"))
    others = await proposed(paid, decision=None, sanction_id=sanction_id)
    assert others.json()["code"] == "recovery-sanction-unknown"
    await office.tell(replace(measure, sanction_id=f"{sanction_id}x"))
    assert (await proposed(paid, decision=None, sanction_id=f"{sanction_id}x")).status_code == 201
    await office.tell(
        SanctionLifted(
            sanction_id=f"{sanction_id}x", party_id=paid.provider_id, measure="disqualify", on=date(2026, 5, 4)
        )
    )
    lifted = await proposed(paid, 10_000, decision=None, sanction_id=f"{sanction_id}x")
    assert lifted.json()["code"] == "recovery-sanction-unknown"


async def test_a_provider_sees_what_was_ordered_of_itself_and_nobody_elses(paid: Case) -> None:
    answer = await proposed(paid)
    assert (await seen(paid, "provider", paid.provider_id)).json()["recoveries"] == []
    await step(paid, f"/{answer.json()['recovery_id']}/approval", "approver", principal="off-2")
    own = (await seen(paid, "provider", paid.provider_id)).json()["recoveries"]
    assert [(each["stage"], each["reasons"]) for each in own] == [("ordered", WORDS)]
    assert (await seen(paid, "provider", "prv_01kdvdna00ek7990e5df8shghf")).status_code == 404
    assert (await seen(paid, "claimant", paid.claimant_id)).status_code == 403


async def test_a_repayment_recorded_by_mistake_is_reversed_by_somebody_else(paid: Case) -> None:
    recovery_id = await ordered(paid)
    repayment_id = (await received(paid, recovery_id, 30_000)).json()["repayments"][0]["repayment_id"]
    path, body = f"/{recovery_id}/repayments/{repayment_id}/reversal", {"reasons": "登记有误"}
    alone = await step(paid, path, "approver", principal="off-4", json=body)
    assert (alone.status_code, alone.json()["code"]) == (403, "four-eyes")
    put_right = await step(paid, path, "approver", principal="off-2", json=body)
    assert (put_right.json()["stage"], put_right.json()["recovered"]) == ("ordered", fen(0))
    again = await step(paid, path, "approver", principal="off-2", json=body)
    assert (again.status_code, again.json()["code"]) == (409, "repayment-not-counted")
    unknown = await step(paid, path.replace(repayment_id, "rpm_nobody"), "approver", principal="off-2", json=body)
    assert unknown.status_code == 404


async def test_what_is_taken_back_asks_for_nothing_more_and_what_came_in_stays(paid: Case) -> None:
    recovery_id = await ordered(paid)
    await received(paid, recovery_id, 10_000)
    body = {"reasons": "经复核，原认定有误"}
    for officer in ("off-1", "off-2"):
        alone = await step(paid, f"/{recovery_id}/withdrawal", "approver", principal=officer, json=body)
        assert (alone.status_code, alone.json()["code"]) == (403, "four-eyes")
    gone = (await step(paid, f"/{recovery_id}/withdrawal", "approver", principal="off-3", json=body)).json()
    assert (gone["stage"], gone["recovered"], gone["outstanding"]) == ("withdrawn", fen(10_000), fen(0))
    assert (await received(paid, recovery_id, 1)).json()["code"] == "recovery-not-in-this-stage"


async def test_two_proposals_at_once_never_ask_for_more_than_was_paid(paid: Case) -> None:
    both = await asyncio.gather(*(proposed(paid, 30_000) for _ in range(2)))
    assert sorted(answer.status_code for answer in both) in ([201, 412], [201, 422])
    assert (await proposed(paid, 10_001)).json()["code"] == "recovery-over-paid"
    assert (await proposed(paid, 10_000)).status_code == 201


async def _deadlines(office: Office, recovery_id: str) -> list[date]:
    async with office.runtime.engine.connect() as connection:
        due = sa.text("SELECT (due_at AT TIME ZONE 'Asia/Shanghai')::date FROM deadlines WHERE subject LIKE :subject")
        return list((await connection.execute(due, {"subject": f"%/{recovery_id}"})).scalars())


async def test_what_has_not_come_back_in_time_is_overdue_the_day_after(paid: Case, office: Office) -> None:
    recovery_id = await ordered(paid)
    assert await _deadlines(office, recovery_id) == [date(2026, 7, 1)]
    subject = f"{paid.redemption_id}/{recovery_id}"
    for day, is_overdue in ((date(2026, 6, 30), False), (date(2026, 7, 1), True)):
        office.clock.set_to(day)
        await office.strike("recovery-overdue", subject)
        assert [each["overdue"] for each in (await seen(paid)).json()["recoveries"]] == [is_overdue]


async def test_nobody_waits_for_what_has_come_back_until_its_repayment_is_reversed(paid: Case, office: Office) -> None:
    recovery_id = await ordered(paid)
    repayment_id = (await received(paid, recovery_id, 30_000)).json()["repayments"][0]["repayment_id"]
    assert await _deadlines(office, recovery_id) == []
    path = f"/{recovery_id}/repayments/{repayment_id}/reversal"
    await step(paid, path, "approver", principal="off-2", json={"reasons": "登记有误"})
    assert await _deadlines(office, recovery_id) == [date(2026, 7, 1)]


async def test_the_words_stay_out_of_the_log_and_the_lists_are_the_fold_of_it(paid: Case, office: Office) -> None:
    recovery_id = await ordered(paid)
    await received(paid, recovery_id, 10_000)
    async with office.runtime.engine.connect() as connection:
        said = sa.text("SELECT count(*) FROM events WHERE data::text LIKE :said")
        assert (await connection.execute(said, {"said": f"%{WORDS}%"})).scalar_one() == 0
        log = await read_log(connection, "redemption", after=0, limit=10_000)
    folded: dict[str, Rows] = {projection.name: {} for projection in PROJECTIONS}
    for projection in PROJECTIONS:
        projection.fold(folded[projection.name], log)
    asked, redeemed = folded["recovery_list"][(recovery_id,)], folded["redemption_list"][(paid.redemption_id,)]
    assert asked is not None
    assert redeemed is not None
    assert (asked["amount"], asked["recovered"], asked["ordered_on"]) == (yuan(30_000), yuan(10_000), date(2026, 5, 4))
    assert (redeemed["paid"], redeemed["recovered"]) == (yuan(40_000), yuan(10_000))


async def breached(office: Office, *planted: object) -> list[str]:
    """Write a history that no rule has let through, look at it, and take it back."""

    class TakenBackError(Exception):
        pass

    stream, found = f"recoveries-{new_id('rdm', office.clock.now())}", list[str]()
    cause = Cause(actor="test", correlation_id="c")
    try:
        async with transaction(office.runtime.engine, "redemption", office.clock, cause) as tx:
            tx.append(stream, 0, planted)
            await tx.flush()
            for finding in await examine(tx.connection, "redemption", RECOVERY_CHECKS):
                found += [f"{finding.id} {b.found}" for b in finding.breaches if stream in b.where]
            raise TakenBackError  # noqa: TRY301 (the way to roll back)
    except TakenBackError:
        return found


@pytest.mark.parametrize(
    ("planted", "says"),
    [
        ((PROPOSED, replace(ORDERED, approved_by="off_1")), "M6 rcv_1 was not ordered as another officer proposed it"),
        ((PROPOSED, replace(ORDERED, amount=1)), "M6 rcv_1 was not ordered as another officer proposed it"),
        ((ORDERED,), "M6 rcv_1 was not ordered as another officer proposed it"),
        ((PROPOSED, ORDERED, replace(RECEIVED, amount=1)), "M6 rpm_1: the vouchers' parts do not come to 1 fen"),
        ((PROPOSED, ORDERED, RECEIVED), "M6 5000000 fen came back of vch_1, on which 0 were paid"),
        ((PROPOSED, RECEIVED), "M6 5200000 fen came in for rcv_1, ordered were 0"),
        ((PROPOSED, ORDERED, REVERSED), "M6 rpm_1 is reversed, and not as it was recorded, once"),
        ((PROPOSED, ORDERED, RECEIVED, replace(REVERSED, reversed_by="off_4")), "M6 off_4 has reversed an entry"),
        ((PROPOSED, ORDERED), "P6 nobody waits for rdm_1/rcv_1"),
    ],
)
async def test_a_planted_breach_of_what_is_asked_back_is_found(
    office: Office, planted: tuple[RecoveryOrdered | FundsRecovered | RepaymentReversed, ...], says: str
) -> None:
    assert any(found.startswith(says) for found in await breached(office, *planted)), await breached(office, *planted)


async def test_the_audit_finds_nothing_in_what_the_service_itself_has_done(paid: Case, office: Office) -> None:
    recovery_id = await ordered(paid)
    await received(paid, recovery_id, 10_000)
    async with office.runtime.engine.connect() as connection:
        findings = await examine(connection, "redemption", RECOVERY_CHECKS)
    assert [breach for finding in findings for breach in finding.breaches] == []
