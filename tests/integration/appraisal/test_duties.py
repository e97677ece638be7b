"""A round is proposed and approved by whoever is appointed to it, once somebody is (art. 18)."""

from shared.events.registry.office import OfficeUserAppointed
from shared.http.policy import Role
from shared.runtime import Runtime
from shared.store.transaction import Cause, transaction
from tests.integration.registry.house import House
from tests.standing import recorded


async def test_a_round_is_proposed_by_whoever_has_the_duty(house: House) -> None:
    runtime: Runtime = house.app.state.runtime
    today = house.clock.now().date()
    fact = OfficeUserAppointed(
        office_user_id="ofu_1", principal="appraiser", office="commission", duties=("appraisal",), valid_from=today,
        valid_until=None, proposed_by="a", approved_by="b", on=today,
    )  # fmt: skip
    cause = Cause(actor="test", correlation_id="c")
    async with transaction(runtime.engine, "appraisal", house.clock, cause, runtime.measures) as tx:
        await house.context.reactions[OfficeUserAppointed](tx, recorded(1, fact, house.clock.now()))
    refused = await house.person(Role.OFFICER, "anybody").post("/v1/appraisal-rounds", {"year": 2023})
    assert (refused.status_code, refused.json()["code"]) == (403, "duty-missing"), refused.text
    made = await house.person(Role.OFFICER, "appraiser").post("/v1/appraisal-rounds", {"year": 2023})
    assert made.status_code == 201, made.text
    async with house.owner() as connection:
        await connection.exec_driver_sql("DELETE FROM appointed_users")
