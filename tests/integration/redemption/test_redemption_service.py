"""A redemption over REST: its path, its refusals, its money, and who may see it."""

from datetime import date

import pytest
import sqlalchemy as sa

from shared.events.issuance.vouchers import VoucherRevoked
from shared.events.registry.standing import Measure, PartySanctioned, SanctionLifted
from shared.kernel.ids import new_id
from shared.kernel.money import yuan
from tests.integration.redemption.office import Case, Office, completed_case
from tests.standing import StandingClock


async def test_a_redemption_goes_from_application_to_payment_and_the_half_cap_bites(case: Case, office: Office) -> None:
    applied = await case.apply()
    assert applied.status_code == 200, applied.text
    assert applied.json()["payable"] == {"amount": yuan(40_000), "currency": "CNY"}
    await case.review(yuan(40_000))
    office.clock.set_to(date(2026, 3, 20))
    concluded = await case.do("conclusion", "officer", json={})
    assert concluded.json()["notice"]["until"] == "2026-03-27"
    early = await case.do("disbursement-order", "officer", principal="off-1")
    assert (early.status_code, early.json()["code"]) == (409, "redemption-not-in-this-stage")
    office.clock.set_to(date(2026, 3, 28))
    await office.strike("notice-ends", case.redemption_id)
    assert (await case.do("disbursement-order", "officer", principal="off-1")).status_code == 200
    alone = await case.do("disbursement", "approver", principal="off-1")
    assert (alone.status_code, alone.json()["code"]) == (403, "four-eyes")
    paid = await case.do("disbursement", "approver", principal="off-2")
    assert paid.json()["stage"] == "disbursed"
    assert paid.json()["vouchers"][0]["paid"]["amount"] == yuan(40_000)
    again = await case.do("disbursement", "approver", principal="off-2")
    assert again.status_code == 409


async def test_a_refusal_names_article_and_remedy_and_every_reason(case: Case, office: Office) -> None:
    office.clock.set_to(date(2026, 4, 3))
    body = await case.application()
    body["evidence"] = body["evidence"][:3]
    answer = await case.do("application", "provider", case.provider_id, json=body)
    problem = answer.json()
    assert answer.status_code == 422
    assert [error["code"] for error in problem["errors"]] == ["redemption-too-late", "evidence-missing"]
    assert problem["rule"]["article"] == "15(3)"
    assert problem["remedy"]


async def test_without_an_application_the_redemption_lapses_by_its_deadline(case: Case, office: Office) -> None:
    office.clock.set_to(date(2026, 4, 2))
    await office.strike("redemption-lapses", case.redemption_id)
    shown = await office.call("GET", f"/v1/redemptions/{case.redemption_id}", "officer")
    assert shown.json()["stage"] == "awaited"
    office.clock.set_to(date(2026, 4, 3))
    await office.strike("redemption-lapses", case.redemption_id)
    shown = await office.call("GET", f"/v1/redemptions/{case.redemption_id}", "officer")
    assert shown.json()["stage"] == "lapsed"


async def test_a_completion_delivered_twice_opens_one_redemption(case: Case, office: Office) -> None:
    before = await case.version()
    async with office.runtime.engine.connect() as connection:
        events = "SELECT count(*) FROM events WHERE stream = :stream"
        count = await connection.execute(sa.text(events), {"stream": f"redemption-{case.redemption_id}"})
        assert (count.scalar_one(), before) == (1, 1)


async def test_an_invoice_counts_once_in_the_city(case: Case, office: Office) -> None:
    assert (await case.apply()).status_code == 200
    other = await completed_case(office)
    other.invoice = case.invoice
    answer = await other.apply()
    assert (answer.status_code, answer.json()["code"]) == (409, "invoice-already-used")
    assert await other.version() == 1


@pytest.mark.parametrize(
    ("who", "party"), [("provider", "prv_01kdvdna00ek7990e5df8shghf"), ("claimant", "clm_01kdvdna00ek7990e5df8shghf")]
)
async def test_somebody_elses_redemption_does_not_exist(case: Case, office: Office, who: str, party: str) -> None:
    answer = await office.call("GET", f"/v1/redemptions/{case.redemption_id}", who, party)
    assert answer.status_code == 404
    if who == "provider":
        own = await case.application()
        stolen = await case.do("application", who, party, json=own)
        assert stolen.status_code in {404, 422}
        assert await case.version() == 1


async def test_only_the_office_its_owner_and_its_panel_read_a_document(case: Case, office: Office) -> None:
    document = await case.upload()
    path = f"/v1/documents/{document}"
    own = await office.call("GET", path, "provider", case.provider_id)
    assert own.content.startswith(b"%PDF")
    assert own.headers["content-disposition"].startswith("attachment")
    assert (await office.call("GET", path, "officer")).status_code == 200
    assert (await office.call("GET", path, "expert", case.experts[1])).status_code == 404
    assert (await office.call("GET", path, "provider", "prv_01kdvdna00ek7990e5df8shghf")).status_code == 404


async def test_an_expert_of_the_provider_is_never_drawn_and_a_stranger_may_not_judge(case: Case) -> None:
    await case.apply()
    await case.do("formal-check", "officer", json={"outcome": "accepted"})
    drawn = (await case.do("panel", "officer", json={"seed": "2026-03-20 closing"})).json()["experts"]
    assert case.experts[0] not in drawn
    body = {"score": 80, "amount": {"amount": 1, "currency": "CNY"}, "reasons": "sound"}
    assert (await case.do("opinions", "expert", case.experts[0], json=body)).status_code == 404


async def test_a_step_on_an_old_version_is_refused(case: Case) -> None:
    stale = await case.do("application", "provider", case.provider_id, json=await case.application(), version=0)
    assert stale.status_code == 412


async def test_what_the_office_says_in_words_is_shown_to_the_parties_and_kept_out_of_the_log(
    case: Case, office: Office
) -> None:
    await case.apply()
    said = "附件三缺少盖章"
    returned = await case.do("formal-check", "officer", json={"outcome": "returned", "reasons": [said]})
    assert returned.json()["reasons"] == [said]
    own = await office.call("GET", f"/v1/redemptions/{case.redemption_id}", "provider", case.provider_id)
    assert own.json()["reasons"] == [said]
    case.invoice = case.invoice[::-1]
    corrected = await case.do("correction", "provider", case.provider_id, json=await case.application())
    assert corrected.json()["reasons"] == []
    await case.review(0)
    cause = "成果与合同约定不符"
    refused = await case.do("conclusion", "officer", json={"cause": cause, "side_at_fault": "provider"})
    assert refused.json()["cause"] == cause
    own = await office.call("GET", f"/v1/redemptions/{case.redemption_id}", "provider", case.provider_id)
    assert (own.json()["stage"], own.json()["cause"]) == ("refused", cause)
    async with office.runtime.engine.connect() as connection:
        log = "SELECT count(*) FROM events WHERE data::text LIKE ANY (ARRAY[:said, :cause])"
        found = await connection.execute(
            sa.text(log.replace("::", "\\:\\:")), {"said": f"%{said}%", "cause": f"%{cause}%"}
        )
        assert found.scalar_one() == 0


async def test_an_objection_keeps_the_money_back_until_it_is_answered(case: Case, office: Office) -> None:
    await case.apply()
    await case.review(yuan(40_000))
    office.clock.set_to(date(2026, 3, 20))
    await case.do("conclusion", "officer", json={})
    raised = await case.do("objections", "claimant", "clm_other", json={"objector": "李四", "text": "重复支持"})
    assert raised.status_code == 201
    assert "李四" not in raised.text
    office.clock.set_to(date(2026, 3, 30))
    await office.strike("notice-ends", case.redemption_id)
    assert (await case.do("disbursement-order", "officer")).status_code == 409
    objection = raised.json()["objection_id"]
    stale = await case.version() - 1
    body = {"upheld": False, "answer": "不成立"}
    unseen = await case.do(f"objections/{objection}/answer", "officer", json=body, version=stale)
    assert unseen.status_code == 412
    answered = await case.do(f"objections/{objection}/answer", "officer", json={"upheld": False, "answer": "不成立"})
    assert answered.status_code == 200
    await office.strike("notice-ends", case.redemption_id)
    assert (await case.do("disbursement-order", "officer")).status_code == 200


@pytest.mark.parametrize("measure", ["suspend_disbursement", "disqualify"])
async def test_a_measure_between_the_order_and_the_payment_stops_the_payment(
    case: Case, office: Office, measure: Measure
) -> None:
    await case.apply()
    await case.review(yuan(40_000))
    office.clock.set_to(date(2026, 3, 20))
    await case.do("conclusion", "officer", json={})
    office.clock.set_to(date(2026, 3, 28))
    await office.strike("notice-ends", case.redemption_id)
    await case.do("disbursement-order", "officer", principal="off-1")
    sanction_id = new_id("snc", office.clock.now())
    await office.tell(
        PartySanctioned(
            sanction_id=sanction_id, party_id=case.provider_id, party_kind="provider", measure=measure,
            proposed_by="off-3", approved_by="off-4", until=date(2026, 12, 31), on=date(2026, 3, 28),
        )
    )  # fmt: skip
    stopped = await case.do("disbursement", "approver", principal="off-2")
    assert (stopped.status_code, stopped.json()["code"]) == (409, "disbursement-suspended")
    assert stopped.json()["rule"]["article"] == "17"
    await office.tell(
        SanctionLifted(sanction_id=sanction_id, party_id=case.provider_id, measure=measure, on=date(2026, 3, 28))
    )
    paid = await case.do("disbursement", "approver", principal="off-2")
    assert (paid.status_code, paid.json()["stage"]) == (200, "disbursed")


def revoked(voucher_id: str, claimant_id: str) -> VoucherRevoked:
    return VoucherRevoked(
        voucher_id=voucher_id, period_id="prd_1", claimant_id=claimant_id, year=2026, amount=yuan(50_000),
        stage="used", contract_id="ctr_1", sanction_id="snc_1", on=date(2026, 3, 10),
    )  # fmt: skip


async def test_a_voucher_revoked_while_its_money_is_asked_for_is_not_paid(case: Case, office: Office) -> None:
    voucher = (await case.apply()).json()["vouchers"][0]["voucher_id"]
    await office.tell(revoked(voucher, case.claimant_id))
    shown = await office.call("GET", f"/v1/redemptions/{case.redemption_id}", "officer")
    assert (shown.json()["stage"], "art. 17" in shown.json()["cause"]) == ("refused", True)


async def test_a_revocation_that_is_heard_of_first_ends_the_redemption_when_it_opens(office: Office) -> None:
    office.clock.instant = StandingClock().instant
    voucher = new_id("vch", office.clock.now())
    await office.tell(revoked(voucher, "clm_1"))
    case = await completed_case(office, voucher_id=voucher)
    shown = await office.call("GET", f"/v1/redemptions/{case.redemption_id}", "officer")
    assert shown.json()["stage"] == "refused"
