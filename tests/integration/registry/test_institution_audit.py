"""The audit of agencies and laboratories: clean after honest work, and every planted breach is named (faq 4, 5, 7)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registry.institution_audit import INSTITUTION_CHECKS
from shared.audit import Count
from shared.database import create_owner_engine
from shared.http.policy import Role
from tests.integration.registry.bodies import company
from tests.integration.registry.house import House
from tests.integration.registry.institutions import (
    NEW_MATERIALS,
    accreditation,
    laboratory,
    membership_form,
    officer_of,
    referral_agency,
    service_agency,
    verdicts,
)

CHECKS = {check.id: check for check in INSTITUTION_CHECKS}


@dataclass(frozen=True, slots=True)
class Forger:
    """Somebody with the database in hand; what is forged is undone when the test is over."""

    connection: AsyncConnection

    async def change(self, statement: str, **values: Any) -> None:
        """Change what nobody may change."""
        changed = await self.connection.execute(sa.text(statement), values)
        assert changed.rowcount > 0

    async def found(self, check: str) -> list[str]:
        """Say what a check of the audit finds now."""
        return [breach.found async for breach in CHECKS[check].look(self.connection, Count())]


@pytest.fixture
async def forger(house: House) -> AsyncIterator[Forger]:
    """Open a transaction with the log's guard asleep, see that nothing is wrong yet, and roll it back at the end."""
    engine = create_owner_engine(house.settings.owner_url(house.context.name))
    try:
        async with engine.connect() as connection:
            await connection.execute(sa.text("ALTER TABLE events DISABLE TRIGGER USER"))
            forger = Forger(connection)
            assert {check: await forger.found(check) for check in CHECKS} == {check: [] for check in CHECKS}
            yield forger
            await connection.rollback()
    finally:
        await engine.dispose()


@pytest.fixture(scope="module")
async def joined(house: House) -> dict[str, str]:
    """Bring an agency of each kind and two laboratories in, and a claimant that is served."""
    person, agency = await referral_agency(house, "audit-referral")
    owner = house.person(Role.CLAIMANT, "audit-claimant")
    claimant_id = (await owner.post("/v1/claimants", company())).json()["claimant_id"]
    path = f"/v1/referral-agencies/{agency.json()['party_id']}/referrals"
    await person.post(path, {"claimant_id": claimant_id})
    assert (await owner.post(f"{path}/{claimant_id}/consent")).status_code == 200
    reporter, service, _ = await service_agency(house, "audit-service")
    reported = await laboratory(house, reporter)
    appointed = await officer_of(house).post(
        f"/v1/field-centres/{NEW_MATERIALS}/appointment", {"principal": "audit-centre"}
    )
    assert appointed.status_code == 200
    outsider, centre = house.person(Role.CLAIMANT, "audit-outsider"), house.person(Role.SERVICE_AGENCY, "audit-centre")
    applied = await outsider.post(f"/v1/field-centres/{NEW_MATERIALS}/laboratories", await membership_form(outsider))
    member_id = applied.json()["party_id"]
    taken = await centre.post(
        f"/v1/laboratories/{member_id}/centre-answer", {"accepted": True, "remark": "同意"}, version=applied
    )
    let_in = await officer_of(house).post(f"/v1/affiliations/{member_id}/review", verdicts("laboratory"), version=taken)
    assert let_in.status_code == 200
    return {
        "referral": agency.json()["party_id"],
        "service": service.json()["party_id"],
        "laboratory": reported.json()["party_id"],
        "member": member_id,
    }


async def test_a_submission_changed_behind_the_log_is_found(joined: dict[str, str], forger: Forger) -> None:
    await forger.change( "UPDATE affiliations SET submission = submission || '{\"name\": \"x\"}' WHERE party_id = :id",
        id=joined["referral"],
    )  # fmt: skip
    assert len(await forger.found("R20")) == 1
    await forger.change("DELETE FROM affiliations WHERE party_id = :id", id=joined["service"])
    assert len(await forger.found("R20")) == 2


async def test_a_code_that_is_not_valid_is_found(joined: dict[str, str], forger: Forger) -> None:
    await forger.change( "UPDATE affiliations SET credit_code = lower(credit_code) || 'x' WHERE party_id = :id",
        id=joined["service"],
    )  # fmt: skip
    assert await forger.found("R21") == ["its credit code is not valid, or not written as it is kept"]


async def test_who_let_itself_in_or_never_applied_is_found(joined: dict[str, str], forger: Forger) -> None:
    await forger.change(
        "UPDATE events SET data = jsonb_set(data, '{granted_by}', data->'principal')"
        " WHERE stream = :stream AND type LIKE '%granted%'",
        stream=f"referral-agency-{joined['referral']}",
    )
    assert await forger.found("R22") == [f"{joined['referral']} was let in by itself"]
    await forger.change( "DELETE FROM events WHERE stream = :stream AND type LIKE '%requested%'",
        stream=f"service-agency-{joined['service']}",
    )  # fmt: skip
    assert f"{joined['service']} has joined without an application" in await forger.found("R22")


async def test_a_member_that_its_centre_never_took_in_is_found(joined: dict[str, str], forger: Forger) -> None:
    await forger.change( "DELETE FROM events WHERE stream = :stream AND type LIKE '%taken-in%'",
        stream=f"laboratory-{joined['member']}",
    )  # fmt: skip
    assert await forger.found("R22") == [f"{joined['member']} has joined without its field centre's answer"]


async def test_a_laboratory_in_the_catalogue_beyond_its_recognition_is_found(
    joined: dict[str, str], forger: Forger
) -> None:
    stream = f"laboratory-{joined['laboratory']}"
    change = (
        "UPDATE events SET data = jsonb_set(data, '{valid_until}', CAST(:until AS jsonb))"
        " WHERE stream = :stream AND type LIKE '%laboratory-entered%'"
    )
    for until in ('"2027-01-01"', "null"):
        await forger.change(change, until=until, stream=stream)
        assert await forger.found("R23") == [f"{stream} is in the catalogue beyond what it is recognised for"]
    await forger.change(change, until='"2026-12-31"', stream=stream)
    assert await forger.found("R23") == []


async def test_a_laboratory_in_the_catalogue_without_review_or_after_its_end_is_found(
    joined: dict[str, str], forger: Forger
) -> None:
    stream = f"laboratory-{joined['laboratory']}"
    await forger.change("DELETE FROM events WHERE stream = :stream AND type LIKE '%granted%'", stream=stream)
    assert f"{stream} is in the catalogue without a review" in await forger.found("R23")


async def test_a_laboratory_that_stays_after_its_end_is_found(left: str, forger: Forger) -> None:
    await forger.change("DELETE FROM events WHERE stream = :stream AND type LIKE '%laboratory-left%'", stream=left)
    assert await forger.found("R23") == ["it is still in the catalogue, though its affiliation is over"]


@pytest.fixture(scope="module")
async def left(house: House) -> str:
    """Have a laboratory, recognised until today, join and leave again; its stream."""
    reporter, _, _ = await service_agency(house, "audit-service-2")
    ends = await accreditation(reporter, valid_until=house.clock.instant.date().isoformat())
    reported = await laboratory(house, reporter, accreditations=[ends])
    path = f"/v1/affiliations/{reported.json()['party_id']}/removal"
    assert (await officer_of(house).post(path, {"reason": "x"}, version=reported)).status_code == 200
    return f"laboratory-{reported.json()['party_id']}"


async def test_a_laboratory_that_left_long_after_its_recognition_ended_is_found(left: str, forger: Forger) -> None:
    late = "UPDATE events SET data = jsonb_set(data, '{on}', '\"2027-01-09\"') WHERE stream = :s AND type LIKE '%left%'"
    await forger.change(late, s=left)
    (breach,) = await forger.found("R23")
    assert "left on 2027-01-09" in breach


async def test_consent_to_what_nobody_offered_is_found(joined: dict[str, str], forger: Forger) -> None:
    stream = f"referral-agency-{joined['referral']}"
    await forger.change("DELETE FROM events WHERE stream = :stream AND type LIKE '%referral-offered%'", stream=stream)
    (breach,) = await forger.found("R24")
    assert joined["referral"] in breach
