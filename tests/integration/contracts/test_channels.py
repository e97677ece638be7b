"""A bank proposes projects for the companies that let it, on the days they said, and for nobody else (art. 15(1))."""

from datetime import date, timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from shared.events.registry.channels import (
    ChannelAuthorisationRevoked,
    ChannelAuthorised,
    ChannelClosed,
    ChannelScope,
)
from shared.http.policy import Role
from tests.integration.contracts.office import MARCH_2, MARCH_5, Office, Pair
from tests.integration.contracts.test_api import Desk, Doors, doors, proposal

__all__ = ["doors"]

A_DAY = timedelta(days=1)


def bank(doors: Doors, name: str) -> Desk:
    return Desk(doors.client, doors.issuer.issue(Role.CHANNEL, name))


async def authorise(
    office: Office,
    pair: Pair,
    name: str,
    *scopes: ChannelScope,
    channel_id: str = "",
    days: tuple[date, date] = (MARCH_2, MARCH_5),
) -> ChannelAuthorised:
    fact = ChannelAuthorised(
        authorisation_id=office.id("ath"), channel_id=channel_id or f"chn_{name}", principal=name,
        claimant_id=pair.claimant_id, scopes=scopes or ("contracts",), valid_from=days[0], valid_until=days[1],
        document_digest="d", authorised_by="boss", on=days[0],
    )  # fmt: skip
    await office.hear(fact)
    return fact


async def ask(desk: Desk, pair: Pair, **changes: Any) -> httpx.Response:
    return await desk.post("/projects", proposal(pair, **({"claimant_id": pair.claimant_id} | changes)))


async def test_a_bank_proposes_for_whoever_has_authorised_it_and_is_named_in_the_log(doors: Doors) -> None:
    office, pair, other = doors.office, await doors.office.meet(), await doors.office.meet()
    desk = bank(doors, "bank-1")
    await authorise(office, pair, "bank-1")
    made = await ask(desk, pair)
    assert (made.status_code, made.json()["claimant_id"]) == (201, pair.claimant_id), made.text
    path = f"/projects/{made.json()['project_id']}"
    async with office.engine.connect() as connection:
        metadata = sa.text("SELECT metadata FROM events WHERE stream = :stream")
        found = (await connection.execute(metadata, {"stream": f"project-{made.json()['project_id']}"})).scalar_one()
    assert (found["actor"], found["channel"]) == ("bank-1", "chn_bank-1")
    for seer in (desk, doors.claimant(pair)):
        assert (await seer.get(path)).status_code == 200
    assert (await bank(doors, "bank-9").get(path)).status_code == 404
    for stranger, whom in ((desk, other), (bank(doors, "bank-9"), pair)):
        refused = await ask(stranger, whom)
        assert (refused.status_code, refused.json()["code"]) == (403, "channel-not-authorised"), refused.text
        assert refused.json()["remedy"]
    nobody = await ask(desk, pair, claimant_id=office.id("clm"))
    assert nobody.json()["code"] == "channel-not-authorised"
    assert (await ask(desk, pair, claimant_id="clm_1' OR 1=1")).status_code == 404
    unnamed = await ask(desk, pair, claimant_id=None)
    assert (unnamed.status_code, unnamed.json()["code"]) == (422, "claimant-not-named")


async def test_a_claimants_user_names_its_own_company_or_none(doors: Doors) -> None:
    pair, other = await doors.office.meet(), await doors.office.meet()
    assert (await ask(doors.claimant(pair), pair)).status_code == 201
    assert (await ask(doors.claimant(pair), pair, claimant_id=other.claimant_id)).status_code == 404


async def test_a_banks_list_shows_the_companies_it_acts_for_today_and_no_others(doors: Doors) -> None:
    office, pair, other = doors.office, await doors.office.meet(), await doors.office.meet()
    mine, theirs = await office.propose(pair), await office.propose(other)
    await authorise(office, pair, "bank-2")
    await authorise(office, other, "bank-2", "claims", "profile")
    await office.project_lists()

    async def listed() -> set[str]:
        found = await bank(doors, "bank-2").get("/projects")
        return {item["project_id"] for item in found.json()["items"]}

    assert await listed() == {mine}
    assert (await bank(doors, "bank-2").get(f"/projects/{theirs}")).status_code == 404
    office.clock.set_to(MARCH_5 + A_DAY)
    assert await listed() == set()


@pytest.mark.parametrize(
    ("day", "status"), [(MARCH_2 - A_DAY, 403), (MARCH_2, 201), (MARCH_5, 201), (MARCH_5 + A_DAY, 403)]
)
async def test_an_authorisation_counts_on_its_days_both_included(doors: Doors, day: date, status: int) -> None:
    office, pair = doors.office, await doors.office.meet()
    await authorise(office, pair, f"bank-{day}")
    office.clock.set_to(day)
    assert (await ask(bank(doors, f"bank-{day}"), pair)).status_code == status


async def test_another_matter_a_revocation_and_a_closed_channel_let_nobody_act(doors: Doors) -> None:
    office, pair = doors.office, await doors.office.meet()
    await authorise(office, pair, "bank-4", "profile", "certificates", "claims")
    assert (await ask(bank(doors, "bank-4"), pair)).status_code == 403
    given = await authorise(office, pair, "bank-5")
    assert (await ask(bank(doors, "bank-5"), pair)).status_code == 201
    await office.hear(
        ChannelAuthorisationRevoked(
            authorisation_id=given.authorisation_id, channel_id=given.channel_id, claimant_id=pair.claimant_id,
            revoked_by="boss", on=MARCH_2,
        )
    )  # fmt: skip
    assert (await ask(bank(doors, "bank-5"), pair)).status_code == 403
    await authorise(office, pair, "bank-6")
    await office.hear(ChannelClosed(channel_id="chn_bank-6", closed_by="officer-1", on=MARCH_2))
    assert (await ask(bank(doors, "bank-6"), pair)).status_code == 403
    await authorise(office, pair, "bank-6")  # was given before the closure and comes after it
    assert (await ask(bank(doors, "bank-6"), pair)).status_code == 403
    await authorise(office, pair, "bank-6", channel_id="chn_anew")
    assert (await ask(bank(doors, "bank-6"), pair)).status_code == 201
