"""Who is drawn for a panel: nobody who is away, has cases enough, or works for a party in any of several posts."""

from datetime import date, timedelta
from typing import Any

from services.redemption.audit import CHECKS
from shared.audit import Count
from shared.events.registry.experts import Absence, ExpertAbsencesChanged, ExpertEnrolled, ExpertProfileChanged
from shared.events.registry.standing import PartySanctioned, SanctionLifted
from shared.kernel.ids import new_id
from shared.kernel.money import yuan
from tests.integration.redemption.office import Case, Office, completed_case

TODAY = date(2026, 3, 2)
A_DAY = timedelta(days=1)


async def enrolled(office: Office, number: int = 3) -> list[str]:
    """Enrol experts who work for nobody."""
    experts = [new_id("exp", office.clock.now()) for _ in range(number)]
    for expert in experts:
        await office.tell(ExpertEnrolled(expert_id=expert, principal=expert, employer_id=None, on=TODAY))
    return experts


async def candidates_of(case: Case) -> set[str]:
    """Draw a panel and give those who could have been drawn."""
    assert (await case.apply()).status_code == 200
    assert (await case.do("formal-check", "officer", json={"outcome": "accepted"})).status_code == 200
    drawn = await case.do("panel", "officer", json={"seed": "2026-03-20 closing"})
    assert drawn.status_code == 200, drawn.text
    return set(await fact(case, "candidates"))


async def fact(case: Case, field: str) -> Any:
    """Read a field of the latest panel in the log."""
    async with case.office.runtime.engine.connect() as connection:
        found = await connection.exec_driver_sql(
            "SELECT data->$2 FROM events WHERE stream = $1 AND type LIKE '%panel-drawn%' ORDER BY version DESC LIMIT 1",
            (f"redemption-{case.redemption_id}", field),
        )
        return found.scalar_one()


async def test_every_employer_of_an_expert_is_recused(case: Case, office: Office) -> None:
    await enrolled(office)
    _, other_post, freed, _ = case.experts
    both = (new_id("prv", office.clock.now()), case.claimant_id)
    await office.tell(ExpertProfileChanged(expert_id=other_post, employers=both, fields=(), load_max=None, on=TODAY))
    await office.tell(ExpertProfileChanged(expert_id=case.experts[0], employers=(), fields=(), load_max=None, on=TODAY))
    found = await candidates_of(case)
    assert other_post not in found
    assert {case.experts[0], freed} <= found  # who has left the provider may judge it


async def test_who_is_away_is_not_drawn_up_to_and_including_the_last_day(office: Office, case: Case) -> None:
    await enrolled(office)
    away, back, soon = case.experts[1:]
    for expert, first, last in (
        (away, TODAY - A_DAY, TODAY),
        (back, TODAY - 2 * A_DAY, TODAY - A_DAY),
        (soon, TODAY + A_DAY, TODAY + A_DAY),
    ):
        absence = (Absence(first_day=first, last_day=last),)
        await office.tell(ExpertAbsencesChanged(expert_id=expert, absences=absence, on=TODAY))
    found = await candidates_of(case)
    assert away not in found
    assert {back, soon} <= found


async def test_who_has_cases_enough_is_drawn_again_only_when_one_is_summed_up(office: Office, case: Case) -> None:
    others = await enrolled(office)
    async with office.runtime.engine.begin() as connection:
        await connection.exec_driver_sql('UPDATE experts SET absences = \'[["2026-01-01", "2026-12-31"]]\'')
        await connection.exec_driver_sql("DELETE FROM seats")
    for expert in others:
        await office.tell(ExpertAbsencesChanged(expert_id=expert, absences=(), on=TODAY))
        await office.tell(ExpertProfileChanged(expert_id=expert, employers=(), fields=(), load_max=1, on=TODAY))
    assert await candidates_of(case) == set(others)
    second = await completed_case(office)
    third = await enrolled(office)
    assert not await candidates_of(second) & set(others)
    for expert in await fact(case, "experts"):
        body = {"score": 80, "amount": {"amount": yuan(40_000), "currency": "CNY"}, "reasons": "sound"}
        assert (await case.do("opinions", "expert", expert, json=body)).status_code == 200
    done = await case.do("conclusion", "officer", json={})
    assert done.status_code == 200, done.text
    last = await completed_case(office)
    assert {*others, *third} <= await candidates_of(last)


def disqualified(office: Office, expert_id: str, until: date) -> PartySanctioned:
    """Say that a measure was imposed on an expert."""
    return PartySanctioned(
        sanction_id=new_id("snc", office.clock.now()), party_id=expert_id, party_kind="expert", measure="disqualify",
        proposed_by="off-3", approved_by="off-4", until=until, on=TODAY,
    )  # fmt: skip


async def asked(case: Case, query: str) -> list[Any]:
    """Look something up in the case's tables."""
    async with case.office.runtime.engine.connect() as connection:
        found = await connection.exec_driver_sql(query, (case.redemption_id,))
        return list(found.scalars())


async def may_read(case: Case, expert_id: str) -> int:
    """Have an expert ask for a paper of the case, and give the status of the answer."""
    document_id, *_ = await asked(case, "SELECT document_id FROM evidence WHERE redemption_id = $1")
    return (await case.office.call("GET", f"/v1/documents/{document_id}", "expert", expert_id)).status_code


async def test_who_is_disqualified_is_not_drawn_until_the_ban_is_over(office: Office, case: Case) -> None:
    out, back, lifted = await enrolled(office)
    await office.tell(disqualified(office, out, TODAY))
    await office.tell(disqualified(office, back, TODAY - A_DAY))
    ended = disqualified(office, lifted, TODAY)
    await office.tell(ended)
    await office.tell(SanctionLifted(sanction_id=ended.sanction_id, party_id=lifted, measure="disqualify", on=TODAY))
    found = await candidates_of(case)
    assert out not in found
    assert {back, lifted} <= found


async def test_a_ban_between_the_draw_and_the_opinion_stops_it_and_another_judges(office: Office, case: Case) -> None:
    await enrolled(office)
    await candidates_of(case)
    sold, *honest = await fact(case, "experts")
    body = {"score": 80, "amount": {"amount": yuan(40_000), "currency": "CNY"}, "reasons": "sound"}
    unneeded = await case.do("panel/replacement", "officer", json={"seed": "2026-03-21 closing"})
    assert (unneeded.status_code, unneeded.json()["code"]) == (409, "no-expert-to-replace")
    assert await may_read(case, sold) == 200
    await office.tell(disqualified(office, sold, TODAY))
    assert await may_read(case, sold) == 404
    stopped = await case.do("opinions", "expert", sold, json=body)
    assert (stopped.status_code, stopped.json()["code"]) == (409, "expert-barred")
    assert stopped.json()["rule"]["article"] == "17"
    again = {"seed": "2026-03-21 closing"}
    assert (await case.do("panel/replacement", "officer", json=again, version=1)).status_code == 412
    replaced = await case.do("panel/replacement", "officer", json=again)
    assert replaced.status_code == 200, replaced.text
    panel = replaced.json()["experts"]
    assert (sold in panel, set(honest) < set(panel), len(panel)) == (False, True, 3)
    assert set(await asked(case, "SELECT expert_id FROM seats WHERE redemption_id = $1")) == set(panel)
    for expert in panel:
        assert (await case.do("opinions", "expert", expert, json=body)).status_code == 200
    assert (await case.do("conclusion", "officer", json={})).status_code == 200


async def test_a_seat_without_a_review_is_named_by_the_audit(office: Office, case: Case) -> None:
    (check,) = (check for check in CHECKS if check.id == "R43")
    async with office.runtime.engine.connect() as connection:
        assert [breach.found async for breach in check.look(connection, Count())] == []
        stray = f"INSERT INTO seats VALUES ('{case.redemption_id}', 'exp_nobody')"
        await connection.exec_driver_sql(stray)
        found = [breach.found async for breach in check.look(connection, Count())]
        await connection.rollback()
    assert found == ["exp_nobody has a seat, but nothing to judge"]
