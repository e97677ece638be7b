"""Who judges a redemption does not pay it, once people are appointed to either (art. 18)."""

from shared.events.registry.office import Duty, OfficeUserAppointed
from shared.kernel.ids import new_id
from tests.integration.redemption.office import Case, Office


async def appoint(office: Office, principal: str, *duties: Duty) -> None:
    """Appoint somebody from the office's today on."""
    on = office.clock.now().date()
    await office.tell(
        OfficeUserAppointed(
            office_user_id=new_id("ofu", office.clock.now()), principal=principal, office="voucher_office",
            duties=duties, valid_from=on, valid_until=None, proposed_by="a", approved_by="b", on=on,
        )
    )  # fmt: skip


async def test_a_step_is_for_whoever_has_its_duty(case: Case, office: Office) -> None:
    await case.apply()
    await appoint(office, "reviewer", "review")
    await appoint(office, "payer", "finance")
    accepted = {"outcome": "accepted"}
    try:
        for somebody in ("payer", "anybody"):
            refused = await case.do("formal-check", "officer", principal=somebody, json=accepted)
            assert (refused.status_code, refused.json()["code"]) == (403, "duty-missing"), refused.text
            assert refused.json()["rule"]["article"] == "18"
        done = await case.do("formal-check", "officer", principal="reviewer", json=accepted)
        assert done.status_code == 200, done.text
        ordered = await case.do("disbursement-order", "officer", principal="reviewer")
        assert (ordered.status_code, ordered.json()["code"]) == (403, "duty-missing"), ordered.text
        too_early = await case.do("disbursement-order", "officer", principal="payer")
        assert too_early.json()["code"] != "duty-missing"
    finally:
        async with office.runtime.engine.begin() as connection:
            await connection.exec_driver_sql("DELETE FROM appointed_users")
