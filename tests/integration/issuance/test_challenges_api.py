"""Challenges before a place over REST: work that is done once, and a judge that may be away (art. 12)."""

from datetime import timedelta
from itertools import count

from shared.http.challenges import leading_zero_bits
from shared.settings import Settings
from tests.integration.issuance.doors import Company, period_with_room
from tests.integration.issuance.office import Office
from tests.integration.issuance.present import office
from tests.integration.issuance.serving import visiting

__all__ = ["office"]

BITS = 6


def _solved(puzzle: str) -> str:
    return next(found for n in count() if leading_zero_bits(found := f"{puzzle}:{n}") >= BITS)


async def test_a_room_that_asks_for_work_lets_each_piece_of_it_in_once(settings: Settings, office: Office) -> None:
    working = settings.model_copy(update={"challenge": "proof-of-work", "challenge_bits": BITS})
    async with visiting(working) as client:
        first, second = [Company(client, working, await office.register()) for _ in range(2)]
        period_id = await period_with_room(office, timedelta(minutes=10), challenge=True)
        refused = await first.enter(period_id, key="work-comes-first")
        assert (refused.status_code, refused.json()["code"]) == (403, "challenge-required")
        assert refused.headers["link"] == '</v1/challenge>; rel="challenge"'
        assert [(e["pointer"], e["code"]) for e in refused.json()["errors"]] == [
            ("header:Challenge-Response", "challenge_missing")
        ]
        task = (await client.get("/v1/challenge")).json()
        assert (task["kind"], task["bits"]) == ("proof-of-work", BITS)
        response = _solved(task["puzzle"])
        given = await first.enter(period_id, key="work-comes-first", response=response)
        assert given.status_code == 201, given.text
        again = await first.enter(period_id, key="work-comes-first", response=response)
        assert again.headers["idempotency-replayed"] == "true"
        spent = await second.enter(period_id, response=response)
        assert spent.json()["errors"][0]["code"] == "challenge_spent"
        assert (await second.enter(period_id, response="nonsense")).json()["errors"][0]["code"] == "challenge_failed"
        own = _solved((await client.get("/v1/challenge")).json()["puzzle"])
        assert (await second.enter(period_id, response=own)).json()["place"] == 2


async def test_a_piece_of_work_that_came_to_nothing_is_not_spent(settings: Settings, office: Office) -> None:
    working = settings.model_copy(update={"challenge": "proof-of-work", "challenge_bits": BITS})
    async with visiting(working) as client:
        company = Company(client, working, await office.register())
        period_id = await period_with_room(office, timedelta(minutes=10), challenge=True)
        another = await period_with_room(office, timedelta(minutes=10), challenge=True)
        responses = [_solved((await client.get("/v1/challenge")).json()["puzzle"]) for _ in range(2)]
        await company.enter(period_id, response=responses[0])
        assert (await company.enter(period_id, response=responses[1])).json()["code"] == "ticket-unused"
        assert (await company.enter(another, response=responses[1])).status_code == 201


async def test_a_judge_that_is_away_keeps_the_door_shut_for_a_moment(settings: Settings, office: Office) -> None:
    away = settings.model_copy(update={"challenge": "http://127.0.0.1:1/siteverify"})
    async with visiting(away) as client:
        company = Company(client, away, await office.register())
        period_id = await period_with_room(office, timedelta(minutes=10), challenge=True)
        refused = await company.enter(period_id, response="human")
        assert (refused.status_code, refused.json()["code"]) == (503, "challenge-unavailable")
        assert refused.headers["retry-after"] == "2"
        without = await period_with_room(office, timedelta(minutes=10))
        assert (await company.enter(without, response="human")).status_code == 201
