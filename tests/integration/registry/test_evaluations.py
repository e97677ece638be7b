"""Evaluations of service agencies over HTTP, on a real database: figures of the records, two people, public (faq 5)."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from shared.audit import Count
from shared.events.registry.evaluations import AgencyEvaluated, AgencyEvaluationProposed
from shared.http.policy import Role
from tests.integration.registry.house import House, Person
from tests.integration.registry.institutions import insisted, laboratory, laboratory_form, service_agency

SPRING = datetime(2027, 3, 1, 1, 0, tzinfo=UTC)
WORDS = "按委托开展工作，上报实验室材料齐全"
BODY = {"year": 2026, "assessment": WORDS}
DUTY = "service_operation"


def officer(house: House) -> Person:
    return house.person(Role.OFFICER, "officer-1")


async def a_year_of_work(house: House, principal: str) -> str:
    """Have an agency work in 2026: two laboratories put forward, one let in, one duty taken; now it is spring."""
    house.clock.instant = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    agency, joined, provider = await service_agency(house, principal)
    agency_id = str(joined.json()["party_id"])
    await laboratory(house, agency)
    reported = await agency.post("/v1/laboratories", await laboratory_form(agency, name="尚未审核的实验室"))
    assert reported.status_code == 201, reported.text
    delegated = await house.person(Role.PROVIDER, f"provider-of-{principal}").post(
        "/v1/delegations",
        {"agency_id": agency_id, "duties": [DUTY], "valid_from": "2026-12-01", "valid_until": "2027-12-31"},
    )
    assert delegated.status_code == 201, delegated.text
    accepted = await agency.post(f"{delegated.headers['location']}/acceptance", version=delegated)
    assert accepted.status_code == 200, accepted.text
    assert provider["provider_id"]
    house.clock.instant = SPRING
    return agency_id


FIGURES = {
    "laboratories_reported": 2,
    "laboratories_entered": 1,
    "laboratories_catalogued": 1,
    "delegations": 1,
    "providers": 1,
}


async def of_year(house: House, year: int) -> dict[str, str]:
    await house.project()
    page = await officer(house).get("/v1/agency-evaluations", year=year, limit=200)
    assert page.status_code == 200, page.text
    return {item["agency_id"]: item["stage"] for item in page.json()["items"]}


async def test_a_year_is_evaluated_on_the_records_by_two_people_and_then_anyone_reads_it(house: House) -> None:
    agency_id = await a_year_of_work(house, "evaluated-1")
    path = f"/v1/service-agencies/{agency_id}/evaluations"
    assert (await of_year(house, 2026))[agency_id] == "unevaluated"
    assert agency_id not in await of_year(house, 2025)
    proposed = await officer(house).post(path, BODY)
    assert (proposed.status_code, proposed.json()["figures"]) == (201, FIGURES), proposed.text
    assert (await of_year(house, 2026))[agency_id] == "proposed"
    assert (await house.client.get(path)).json()["items"] == []
    one = proposed.headers["location"]
    same = await house.person(Role.APPROVER, "officer-1").post(f"{one}/approval", version=proposed)
    assert (same.status_code, same.json()["code"]) == (403, "four-eyes")
    unread = await house.person(Role.APPROVER, "officer-2").post(f"{one}/approval")
    assert unread.status_code == 428
    approved = await house.person(Role.APPROVER, "officer-2").post(f"{one}/approval", version=proposed)
    assert (approved.status_code, approved.json()["stage"]) == (200, "evaluated"), approved.text
    assert (await house.person(Role.AUDITOR, "auditor-1").get(one)).json() == approved.json()
    fact = (await house.facts())[-1]
    assert isinstance(fact, AgencyEvaluated)
    assert WORDS not in str(fact)
    assert (await of_year(house, 2026))[agency_id] == "evaluated"
    (item,) = (await house.client.get(path)).json()["items"]
    assert (item["year"], item["figures"], item["assessment"]) == (2026, FIGURES, WORDS)
    assert "officer" not in str(item)


async def test_a_year_that_runs_and_one_before_the_agency_joined_are_not_evaluated(house: House) -> None:
    agency_id = await a_year_of_work(house, "evaluated-2")
    path = f"/v1/service-agencies/{agency_id}/evaluations"
    running = await officer(house).post(path, BODY | {"year": 2027})
    assert (running.status_code, running.json()["code"]) == (422, "evaluation-year-not-over")
    before = await officer(house).post(path, BODY | {"year": 2025})
    assert (before.status_code, before.json()["code"]) == (409, "agency-not-listed-in-year")
    for nobody in ("sag_01jq8v5x0000000000000000zz", "prv_01jq8v5x0000000000000000zz"):
        unknown = await officer(house).post(f"/v1/service-agencies/{nobody}/evaluations", BODY)
        assert unknown.status_code == 404
    assert (await officer(house).get(f"{path}/2026")).status_code == 404


async def test_a_wrong_proposal_is_withdrawn_and_made_anew_and_the_last_words_count(house: House) -> None:
    agency_id = await a_year_of_work(house, "evaluated-3")
    path = f"/v1/service-agencies/{agency_id}/evaluations"
    wrong = await officer(house).post(path, BODY | {"assessment": "写错了对象"})
    withdrawn = await officer(house).post(f"{path}/2026/withdrawal", version=wrong)
    assert (withdrawn.status_code, withdrawn.json()["stage"]) == (200, "withdrawn")
    approver = house.person(Role.APPROVER, "officer-2")
    late = await approver.post(f"{path}/2026/approval", version=withdrawn)
    assert (late.status_code, late.json()["code"]) == (409, "evaluation-not-in-this-stage")
    again = await officer(house).post(path, BODY)
    assert again.status_code == 201, again.text
    stale = await approver.post(f"{path}/2026/approval", version=wrong)
    assert stale.status_code == 412
    assert (await approver.post(f"{path}/2026/approval", version=again)).json()["assessment"] == WORDS


async def test_two_officers_at_once_make_one_evaluation(house: House) -> None:
    agency_id = await a_year_of_work(house, "evaluated-4")
    path = f"/v1/service-agencies/{agency_id}/evaluations"
    officers = [house.person(Role.OFFICER, f"officer-{number}") for number in (1, 7)]
    answers = await asyncio.gather(*(insisted(each, path, BODY) for each in officers))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    facts = [fact for fact in await house.facts() if isinstance(fact, AgencyEvaluationProposed)]
    assert sum(fact.agency_id == agency_id for fact in facts) == 1


async def test_the_audit_counts_the_same_figures(house: House) -> None:
    assert {found for each in (await house.breaches()).values() for found in each} == set()


_EVALUATED = "type = 'cxq.registry.agency-evaluated.v1'"
PLANTED = {
    **{
        name: f"UPDATE events SET data = jsonb_set(data, '{{figures,{name}}}', '9') WHERE {_EVALUATED}"
        for name in FIGURES
    },
    "one person": f"UPDATE events SET data = jsonb_set(data, '{{approved_by}}', '\"officer-1\"') WHERE {_EVALUATED}",
    "other words": "UPDATE evaluation_words SET assessment = '优秀'",
}


@pytest.mark.parametrize("breach", PLANTED)
async def test_an_evaluation_that_does_not_rest_on_the_records_is_named_by_the_audit(house: House, breach: str) -> None:
    async with house.owner() as connection:
        await connection.execute(sa.text("ALTER TABLE events DISABLE TRIGGER events_append_only"))
        changed = await connection.execute(sa.text(PLANTED[breach].replace(":", "\\:")))
        assert changed.rowcount > 0
        found: dict[str, list[Any]] = {
            each.id: [b async for b in each.look(connection, Count())] for each in house.context.checks
        }
        await connection.rollback()
    assert [name for name, breaches in found.items() if breaches] == ["R25"]
