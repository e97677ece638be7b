"""Companies of a world: they claim until they hear something that stands, and do not forget what they were told."""

import asyncio

import asyncpg
import msgspec

from services.issuance.api.awarded import awarded
from services.issuance.intake.asking import name_of
from services.issuance.intake.intake import TooManyClaimsError
from services.issuance.intake.ownership import HeldElsewhereError
from shared.kernel.refusal import Refused
from shared.store.execution import (
    Answer,
    IdempotencyKey,
    KeyInProgressError,
    OutcomeUnknownError,
    StoreBusyError,
)
from shared.store.transaction import Cause
from tests.simulation.world import POISON, SILENCE_S, Office, World
from tests.unit.issuance.facts import PERIOD

_AGAIN = (StoreBusyError, OutcomeUnknownError, KeyInProgressError, TooManyClaimsError)


class Company:
    """Claims under a key until it has an answer that stands, and then asks again as those do who missed it."""

    def __init__(self, world: World, claimant_id: str, key: str, amount: int) -> None:
        self._world, self._claimant_id, self._amount = world, claimant_id, amount
        self._principal = f"{POISON if key == POISON else 'user'}-of-{claimant_id}"
        self._key = key

    async def claim(self) -> None:
        """Ask at some office, again and again."""
        world = self._world
        left = world.chance.randrange(1, 4)
        for _ in range(400):
            office = world.chance.choice(world.offices)
            try:
                answer = await self._ask(office)
            except (HeldElsewhereError, *_AGAIN) as error:
                world.seen[type(error).__name__] += 1
                if not world.seen.total() % 7 and isinstance(error, HeldElsewhereError) and world.budget <= 0:
                    world.seconds += SILENCE_S
                await asyncio.sleep(0)
                continue
            except asyncpg.UntranslatableCharacterError:
                assert POISON in self._principal
                return
            if b"period-paused" in answer.body:
                if world.budget <= 0 and world.tables.quota.paused:
                    world.tables.turn_pause(world.now())
                continue
            self._hear(answer)
            left -= 1
            if not left:
                return
        raise AssertionError("nobody ever answered")

    async def _ask(self, office: Office) -> Answer:
        world = self._world
        asking = asyncio.create_task(self._at(office))
        if world.chance.random() < 0.1:  # a client that hangs up; its claim goes on without it
            for _ in range(world.chance.randrange(6)):
                await asyncio.sleep(0)
            if not asking.done():
                asking.cancel()
                world.seen["client hung up"] += 1
                raise OutcomeUnknownError("nobody waited")
        return await asking

    async def _at(self, office: Office) -> Answer:
        if office not in self._world.offices:
            raise StoreBusyError("the office has left")
        return await office.intake.claim(
            period_id=PERIOD,
            claimant_id=self._claimant_id,
            amount=self._amount,
            at=self._world.now(),
            key=IdempotencyKey(
                principal=self._principal, operation="claimVoucher", key=self._key, payload=b"%d" % self._amount
            ),
            cause=Cause(actor=self._principal, correlation_id="simulated"),
            told=_told,
        )

    def _hear(self, answer: Answer) -> None:
        """Insist that what was won stays won, and that nobody wins who was refused for good.

        A refusal may come in other words: sold out is answered from memory.
        """
        name = (self._principal, self._key)
        kept = self._world.tables.kept.get(name_of(*name))
        before = self._world.told.get(name)
        if answer.status == 201:
            assert kept is not None, f"{name} was acknowledged, and nothing is durable"
        if before is not None and before.status == 201:
            assert (answer.status, answer.body) == (201, before.body), f"{name} was told two things"
        if kept is not None and kept.position:
            fact = self._world.tables.log[kept.position - 1].fact
            assert answer._replace(replayed=False) == awarded(fact, kept.position), f"{name} was told {answer}: {kept}"
        elif kept is not None:
            assert answer.status == 422, f"{name} was told {answer}, but has {kept}"
        self._world.told[name] = answer


def _told(refused: Refused) -> Answer:
    codes = [reason.code for reason in refused.reasons]
    return Answer(status=422, headers={"Content-Type": "application/json"}, body=msgspec.json.encode(codes))
