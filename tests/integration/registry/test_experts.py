"""Experts over HTTP: changed with their history kept, away when they say so, and nobody else's business."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from shared.events.registry.experts import Absence, ExpertAbsencesChanged, ExpertProfileChanged
from shared.http.policy import Role
from tests.integration.registry.bodies import institution
from tests.integration.registry.house import House

AWAY = {"absences": [{"first_day": "2026-12-01", "last_day": "2026-12-05"}]}


@pytest.fixture(autouse=True)
async def monday(house: House) -> None:
    house.clock.instant = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


async def laboratory(house: House, principal: str) -> str:
    made = await house.person(Role.OFFICER, "officer-1").post("/v1/providers", institution(principal=principal))
    return str(made.json()["provider_id"])


async def enrolled(house: House, principal: str, **more: Any) -> httpx.Response:
    made = await house.person(Role.OFFICER, "officer-1").post("/v1/experts", {"principal": principal, **more})
    assert made.status_code == 201, made.text
    return made


async def test_what_an_expert_is_changes_and_what_the_expert_was_stays_known(house: House) -> None:
    one, two = await laboratory(house, "expert-lab-1"), await laboratory(house, "expert-lab-2")
    made = await enrolled(house, "zhou", employer_id=one)
    path, officer = made.headers["location"], house.person(Role.OFFICER, "officer-2")
    body = {"employers": [two, one], "fields": ["new_materials"], "load_max": 2}
    changed = await officer.post(f"{path}/profile", body, version=made)
    assert (changed.status_code, set(changed.json()["employers"])) == (200, {one, two}), changed.text
    fact = (await house.facts())[-1]
    assert isinstance(fact, ExpertProfileChanged)
    assert (set(fact.employers), fact.load_max) == ({one, two}, 2)
    stale = await officer.post(f"{path}/profile", body | {"load_max": 3}, version=made)
    assert stale.status_code == 412
    unknown = await officer.post(f"{path}/profile", body | {"employers": ["prv_unknown"]}, version=changed)
    assert (unknown.status_code, unknown.json()["code"]) == (422, "party-unknown")
    versions = (await house.person(Role.AUDITOR, "auditor-1").get(f"{path}/versions")).json()["items"]
    assert [(one["version"], one["load_max"], one["changed_by"]) for one in versions] == [
        (1, None, "officer-1"),
        (2, 2, "officer-2"),
    ]


async def test_an_expert_says_when_the_expert_is_away_and_only_for_the_own(house: House) -> None:
    made = await enrolled(house, "qian")
    path, own = made.headers["location"], house.person(Role.EXPERT, "qian")
    stranger = house.person(Role.EXPERT, "sun")
    assert (await stranger.post(f"{path}/absences", AWAY, version=made)).status_code == 404
    assert (await stranger.get(path)).status_code == 404
    away = await own.post(f"{path}/absences", AWAY, version=made)
    assert (away.status_code, away.json()["absences"]) == (200, AWAY["absences"]), away.text
    fact = (await house.facts())[-1]
    assert isinstance(fact, ExpertAbsencesChanged)
    assert [type(absence) for absence in fact.absences] == [Absence]
    over = {"absences": [{"first_day": "2026-11-01", "last_day": "2026-11-22"}]}
    late = await own.post(f"{path}/absences", over, version=away)
    assert (late.status_code, late.json()["code"]) == (422, "absence-is-over")
    assert (await own.post(f"{path}/profile", {"employers": [], "fields": []}, version=away)).status_code == 403
