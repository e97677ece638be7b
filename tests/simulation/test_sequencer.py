"""The line of claims with something going wrong between every two steps, many times over, each run by its seed."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta

import msgspec
import pytest
import structlog.testing

from services.issuance.intake.asking import Asked
from services.issuance.intake.sequencer import Sequencer
from shared.events.issuance.periods import QuotaClass
from tests.simulation.company import Company
from tests.simulation.soundness import assert_sound
from tests.simulation.world import COMING_AND_GOING, DIVIDED, FAULTS, POISON, STEPS, World
from tests.unit.issuance.facts import OPENS

FACE = 1_000_000
_SEEDS_A_BLOCK = 30

type Entered = list[tuple[Sequencer, Asked]]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Every failure is meant, and there are thousands."""
    with structlog.testing.capture_logs():
        yield


@pytest.fixture
def entered(monkeypatch: pytest.MonkeyPatch) -> Entered:
    """Everyone who joins a line, in that order."""
    seen: Entered = []
    enter = Sequencer.enter

    def noting(line: Sequencer, asked: Asked) -> None:
        seen.append((line, asked))
        enter(line, asked)

    monkeypatch.setattr(Sequencer, "enter", noting)
    return seen


@pytest.mark.parametrize("block", range(4))
async def test_whatever_goes_wrong_between_two_steps_nobody_gets_money_twice_and_nobody_loses_it(
    block: int, entered: Entered
) -> None:
    seen = Counter[str]()
    for seed in _seeds(block):
        world = World(seed, quota=12 * FACE, companies=12, weather=FAULTS, faults=25)
        seen += await _live(world, keys=3, entered=entered)
    assert not [fault for fault in FAULTS if not any(name.startswith(f"{fault} at") for name in seen)]
    assert not [where for where in STEPS if not any(name.endswith(f" at {where}") for name in seen)]


@pytest.mark.parametrize("block", range(2))
async def test_whoever_has_won_is_never_told_that_nothing_is_left(block: int, entered: Entered) -> None:
    for seed in _seeds(block):
        world = World(seed, quota=2 * FACE, companies=4, weather=COMING_AND_GOING, faults=60)
        await _live(world, keys=10, entered=entered)


@pytest.mark.parametrize("block", range(2))
async def test_whatever_goes_wrong_the_money_of_a_class_is_its_members_until_its_instant(
    block: int, entered: Entered
) -> None:
    seen, released, drawn = Counter[str](), 0, 0
    for seed in _seeds(block):
        begins = OPENS + timedelta(hours=1)
        classes = (
            QuotaClass(name="海淀", who="district:110108", amount=6 * FACE, until=begins + timedelta(seconds=seed % 5)),
            QuotaClass(name="朝阳", who="district:110105", amount=4 * FACE),
        )
        world = World(seed, quota=14 * FACE, companies=12, weather=DIVIDED, faults=25, classes=classes)
        seen += await _live(world, keys=3, entered=entered)
        released += world.tables.quota.parts.released[0]
        drawn += sum(part.amount for _, fact in world.tables.claimed() for part in fact.parts)
    assert any(name.startswith("a class is over") for name in seen)
    assert released
    assert drawn


def _seeds(block: int) -> range:
    return range(block * _SEEDS_A_BLOCK, (block + 1) * _SEEDS_A_BLOCK)


async def _live(world: World, *, keys: int, entered: Entered) -> Counter[str]:
    """Live through one seed, every company claiming under so many keys at once; say what has happened."""
    entered.clear()
    chance = world.chance
    claims = [
        Company(world, company, f"key-{number}", chance.choice((FACE, FACE, FACE, 2 * FACE, 0)))
        for number in range(keys)
        for company in world.companies
    ]
    claims.append(Company(world, chance.choice(world.companies), POISON, FACE))
    chance.shuffle(claims)
    try:
        async with asyncio.timeout(10):
            await asyncio.gather(*(claim.claim() for claim in claims))
        await world.close()
        assert_sound(world)
        _assert_in_order_of_arrival(entered)
    except BaseException as error:
        error.add_note(f"seed {world.seed}")
        raise
    return world.seen


def _assert_in_order_of_arrival(entered: Sequence[tuple[Sequencer, Asked]]) -> None:
    """Whoever joined a line before somebody else, and was granted in it, stands before it."""
    places: dict[Sequencer, list[int]] = defaultdict(list)
    for line, asked in entered:
        if asked.answer.cancelled() or asked.answer.exception() is not None:
            continue
        answer = asked.answer.result()
        if answer.status == 201 and not answer.replayed:
            places[line].append(msgspec.json.decode(answer.body)["place"])
    for found in places.values():
        assert found == sorted(found), f"places do not follow the order of arrival: {found}"
