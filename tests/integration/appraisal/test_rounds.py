"""Rounds and service records over HTTP, on a real database."""

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from shared.audit import Count
from shared.events.definition import Recorded
from shared.events.registry.facilities import FacilityOpened, FacilityWithdrawn
from shared.events.registry.providers import ProviderCapabilitiesChanged, ProviderDelisted, ProviderListed
from shared.events.registry.standing import Measure, PartySanctioned, SanctionLifted
from shared.events.registry.usage import UsageCorrected, UsageRecorded
from shared.http.policy import Role
from shared.kernel.money import yuan
from tests.integration.registry.house import House
from tests.standing import recorded
from tests.unit.appraisal.facts import completed, paid, recovered, registered, reversed_repayment

MARCH, LAST_YEAR = date(2026, 3, 2), date(2025, 6, 1)


def listed(provider_id: str, on: date = LAST_YEAR) -> ProviderListed:
    return ProviderListed(
        provider_id=provider_id,
        kind="municipal",
        principal=f"user-{provider_id}",
        capabilities=("testing",),
        third_party_testing=False,
        on=on,
    )


def opened(provider_id: str, facility_id: str, value: int, on: date = LAST_YEAR) -> FacilityOpened:
    return FacilityOpened(
        facility_id=facility_id, provider_id=provider_id, kind="large_instrument", original_value=value, on=on
    )


def used(usage_id: str, day: date, minutes: int, external_minutes: int) -> UsageRecorded:
    return UsageRecorded(
        usage_id=usage_id, facility_id="fac_1", provider_id="prv_1", source="manual", first_day=day,
        last_day=day, minutes=minutes, external_minutes=external_minutes, on=date(2026, 10, 1),
    )  # fmt: skip


TOLD: list[Recorded[Any]] = [
    recorded(number, fact)
    for number, fact in enumerate(
        [
            listed("prv_1"),
            listed("prv_2", date(2026, 11, 1)),
            listed("prv_3"),
            listed("prv_4"),
            ProviderDelisted(provider_id="prv_3", reason="art. 17", on=date(2026, 5, 1)),
            ProviderDelisted(provider_id="prv_4", reason="art. 17", on=date(2025, 12, 31)),
            ProviderCapabilitiesChanged(
                provider_id="prv_2",
                capabilities=("testing",),
                third_party_testing=True,
                changed_by="officer-1",
                on=date(2026, 11, 2),
            ),
            opened("prv_1", "fac_1", yuan(4_000_000)),
            opened("prv_1", "fac_2", yuan(1_000_000), MARCH),
            opened("prv_1", "fac_3", yuan(7_000_000)),
            FacilityWithdrawn(facility_id="fac_3", provider_id="prv_1", on=MARCH),
            opened("prv_3", "fac_4", yuan(9_000_000)),
            registered("prv_1", "clm_1", LAST_YEAR),
            registered("prv_1", "clm_2", MARCH),
            completed("prv_1", "clm_2", yuan(80_000), MARCH),
            paid("prv_1", yuan(25_000), LAST_YEAR),
            paid("prv_1", yuan(40_000), MARCH, redemption_id="rdm_2"),
            paid("prv_1", yuan(20_000), MARCH, redemption_id="rdm_3"),
            recovered("prv_1", yuan(25_000), MARCH),  # of what was paid last year
            recovered("prv_1", yuan(7_000), MARCH, redemption_id="rdm_2"),
            recovered("prv_1", yuan(20_000), MARCH, redemption_id="rdm_3"),
            reversed_repayment("prv_1", yuan(20_000), date(2027, 1, 2), redemption_id="rdm_3"),
            used("usg_1", MARCH, 7_000, 2_000),
            used("usg_2", LAST_YEAR, 600, 600),
            used("usg_3", date(2026, 4, 1), 1_500, 1_000),
            UsageCorrected(
                usage_id="usg_3",
                facility_id="fac_1",
                provider_id="prv_1",
                first_day=date(2026, 4, 1),
                last_day=date(2026, 4, 1),
                minutes_before=1_500,
                external_minutes_before=1_000,
                minutes=2_000,
                external_minutes=2_000,
                on=date(2026, 11, 1),
            ),
        ],
        start=1,
    )
]


async def test_a_round_is_proposed_by_one_officer_and_opened_by_another(house: House) -> None:
    officer, approver = house.person(Role.OFFICER, "officer-1"), house.person(Role.APPROVER, "officer-2")
    proposed = await officer.post("/v1/appraisal-rounds", {"year": 2025})
    path = proposed.headers["location"]
    own = await officer.post(f"{path}/approval", version=proposed)
    assert (proposed.status_code, own.status_code, own.json()["code"]) == (201, 403, "four-eyes")
    assert (await approver.get(f"{path}/service-records")).status_code == 404
    assert (await approver.post(f"{path}/approval")).status_code == 428
    opened_ = await approver.post(f"{path}/approval", version=proposed)
    assert (opened_.status_code, opened_.json()["stage"]) == (200, "open")
    assert (await officer.get(path)).json() == opened_.json()
    unknown = "/v1/appraisal-rounds/rnd_00000000000000000000000000"
    assert (await officer.get(unknown)).status_code == 404
    assert (await approver.post(f"{unknown}/approval", version=proposed)).status_code == 404


async def test_two_rounds_of_one_year_at_once_are_one(house: House) -> None:
    officers = [house.person(Role.OFFICER, f"officer-{number}") for number in range(4)]
    answers = await asyncio.gather(*(officer.post("/v1/appraisal-rounds", {"year": 2024}) for officer in officers))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"round-of-year-exists"}


async def test_records_are_those_of_the_year_and_a_provider_sees_its_own(house: House) -> None:
    proposed = await house.person(Role.OFFICER, "officer-1").post("/v1/appraisal-rounds", {"year": 2026})
    path = proposed.headers["location"]
    await house.person(Role.APPROVER, "officer-2").post(f"{path}/approval", version=proposed)
    await house.project(TOLD)
    auditor = house.person(Role.AUDITOR, "auditor-1")
    records = (await auditor.get(f"{path}/service-records")).json()["items"]
    assert [record["provider_id"] for record in records] == ["prv_1", "prv_2", "prv_3"]
    assert {name: value for name, value in records[0].items() if name not in {"third_party_testing", "barred"}} == {
        "provider_id": "prv_1",
        "year": 2026,
        "contracts_registered": 1,
        "contracts_completed": 1,
        "actual_amount": {"amount": yuan(80_000), "currency": "CNY"},
        "vouchers_paid": {"amount": yuan(60_000), "currency": "CNY"},
        "vouchers_recovered": {"amount": yuan(7_000), "currency": "CNY"},
        "vouchers_settled": {"amount": yuan(53_000), "currency": "CNY"},
        "minutes_used": 9_000,
        "external_minutes": 4_000,
        "facilities_open": 2,
        "facilities_value": {"amount": yuan(5_000_000), "currency": "CNY"},
    }
    assert [record["facilities_open"] for record in records[1:]] == [0, 0]
    assert [record["vouchers_paid"]["amount"] for record in records[1:]] == [0, 0]
    assert [record["third_party_testing"] for record in records] == [False, True, False]
    own = (await house.person(Role.PROVIDER, "user-prv_2").get(f"{path}/service-records")).json()["items"]
    assert [record["provider_id"] for record in own] == ["prv_2"]
    nobody = (await house.person(Role.PROVIDER, "stranger").get(f"{path}/service-records")).json()["items"]
    assert nobody == []
    assert (await house.person(Role.CLAIMANT, "boss").get(f"{path}/service-records")).status_code == 403
    listed_rounds = (await auditor.get("/v1/appraisal-rounds")).json()["items"]
    assert [item["stage"] for item in listed_rounds if item["year"] == 2026] == ["open"]


def banned(sanction_id: str, provider_id: str, measure: Measure, until: date | None) -> PartySanctioned:
    return PartySanctioned(
        sanction_id=sanction_id, party_id=provider_id, party_kind="provider", measure=measure,
        proposed_by="officer-1", approved_by="officer-2", until=until, on=MARCH,
    )  # fmt: skip


async def test_who_is_barred_today_is_not_appraised_whatever_it_did_in_the_year(house: House) -> None:
    rounds = (await house.person(Role.AUDITOR, "auditor-1").get("/v1/appraisal-rounds")).json()["items"]
    (round_id,) = (item["round_id"] for item in rounds if item["year"] == 2026)
    path = f"/v1/appraisal-rounds/{round_id}/service-records"
    today = house.clock.instant.date()
    told = [
        banned("snc_1", "prv_1", "disqualify", today),  # its last day
        banned("snc_2", "prv_2", "disqualify", today - timedelta(days=1)),
        banned("snc_3", "prv_3", "delist", None),
        banned("snc_4", "prv_4", "suspend_disbursement", date(2027, 1, 1)),
    ]
    auditor = house.person(Role.AUDITOR, "auditor-1")

    async def barred(year: int = 2026) -> list[str]:
        (of_year,) = (item["round_id"] for item in rounds if item["year"] == year)
        records = (await auditor.get(path.replace(round_id, of_year))).json()["items"]
        return [record["provider_id"] for record in records if record["barred"]]

    number = len(TOLD)
    facts = [*TOLD, *(recorded(number + place, fact) for place, fact in enumerate(told, start=1))]
    await house.project(facts)
    assert await barred() == ["prv_1", "prv_3"]
    assert await barred(2025) == ["prv_1", "prv_3"]  # it is today's right that is taken, not that of the year
    lifted = SanctionLifted(sanction_id="snc_1", party_id="prv_1", measure="disqualify", on=today)
    await house.project([*facts, recorded(number + 10, lifted)])
    assert await barred() == ["prv_3"]
    own = (await house.person(Role.PROVIDER, "user-prv_3").get(path)).json()["items"]
    assert [record["barred"] for record in own] == [True]
    await house.project(TOLD)


async def test_records_of_a_year_before_do_not_know_what_came_later(house: House) -> None:
    rounds = (await house.person(Role.AUDITOR, "auditor-1").get("/v1/appraisal-rounds")).json()["items"]
    (round_id,) = (item["round_id"] for item in rounds if item["year"] == 2025)
    path = f"/v1/appraisal-rounds/{round_id}/service-records"
    records = (await house.person(Role.AUDITOR, "auditor-1").get(path)).json()["items"]
    assert [record["provider_id"] for record in records] == ["prv_1", "prv_3", "prv_4"]
    assert [record["contracts_registered"] for record in records] == [1, 0, 0]
    assert [record["facilities_open"] for record in records] == [2, 1, 0]


async def test_a_year_to_come_is_refused(house: House) -> None:
    refused = await house.person(Role.OFFICER, "officer-1").post("/v1/appraisal-rounds", {"year": 2027})
    assert (refused.status_code, refused.json()["code"]) == (422, "year-not-begun")


PLANTED = {
    "second round": "UPDATE events SET data = jsonb_set(data, '{year}', '2025')"
    " WHERE type = 'cxq.appraisal.round-proposed.v1'",
    "one person": "UPDATE events SET data = jsonb_set(data, '{approved_by}', '\"officer-1\"')"
    " WHERE type = 'cxq.appraisal.round-opened.v1'",
}


@pytest.mark.parametrize("breach", PLANTED)
async def test_the_audit_is_clean_and_names_a_planted_breach(house: House, breach: str) -> None:
    assert await house.breaches() == {"A1": []}
    async with house.owner() as connection:
        await connection.execute(sa.text("ALTER TABLE events DISABLE TRIGGER events_append_only"))
        await connection.execute(sa.text(PLANTED[breach].replace(":", "\\:")))
        (check,) = house.context.checks
        found = [each async for each in check.look(connection, Count())]
        await connection.rollback()
    assert found
