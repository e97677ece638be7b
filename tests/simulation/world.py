"""A world made of one seed: its time, its weather, its database, and the offices in it that may fall and rise again."""

import asyncio
import re
from collections import Counter
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from importlib import import_module
from pkgutil import iter_modules
from random import Random
from typing import Any, cast

import asyncpg
import msgspec

from services.issuance import claimants as standings
from services.issuance import intake as intake_modules
from services.issuance.api.awarded import awarded
from services.issuance.domain.claimant import Claimant
from services.issuance.domain.classes import set_aside
from services.issuance.intake.asking import name_of
from services.issuance.intake.intake import Intake, TooManyClaimsError
from services.issuance.intake.ownership import HeldElsewhereError
from services.issuance.intake.sequencer import Surroundings
from shared.events.issuance.periods import QuotaClass
from shared.events.issuance.quotas import ClassQuotaReleased
from shared.events.issuance.vouchers import VoucherCancelled
from shared.kernel.refusal import Refused
from shared.measures.reader import Measures
from shared.store.execution import (
    Answer,
    IdempotencyKey,
    KeyInProgressError,
    OutcomeUnknownError,
    StoreBusyError,
)
from shared.store.transaction import Cause
from tests.simulation.tables import Quota, Tables
from tests.unit.issuance.facts import APPROVED, MEASURES, OPENS, PERIOD, PROPOSED

FAULTS = (
    "lost before",
    "lost after",
    "hangs",
    "falls silent",
    "lock timeout",
    "race lost",
    "office stops",
    "another takes over",
    "connection ends",
    "money comes back",
    "standing changes",
    "pause turns",
)
"""What may happen at a step, besides nothing."""
DIVIDED = (*FAULTS, "a class is over")
"""What may happen besides where the quota is divided."""
COMING_AND_GOING = ("money comes back", "money comes back", "lost after", "hangs", "connection ends", "office stops")
"""Money comes back to a period that is sold out, while whoever writes it breaks off."""
DISTRICTS = ("110108", "110105", None)
"""In which the companies are registered, one after the other."""
POISON = "no\x00text"
_AGAIN = (StoreBusyError, OutcomeUnknownError, KeyInProgressError, TooManyClaimsError)
_SQL = re.compile(r"\s*(SELECT|WITH|INSERT|UPDATE|DELETE)\b")


def _statements() -> dict[str, str]:
    """Name the statements that the intake's modules have: no list of ours can forget one."""
    modules = [
        import_module(found.name) for found in iter_modules(intake_modules.__path__, f"{intake_modules.__name__}.")
    ]
    return {
        text: name.strip("_").lower()
        for module in (*modules, standings)
        for name, text in vars(module).items()
        if isinstance(text, str) and name.isupper() and _SQL.match(text)
    }


STATEMENTS: Mapping[str, str] = _statements()
"""The steps of the line that are statements, by their text."""
STEPS = frozenset({*STATEMENTS.values(), "answer", "connect", "rules"})
"""All of its steps: the statements, hearing their answers, and what else its surroundings give it to wait for."""
_SILENCE_S = 3.4
"""How long an office must have been silent before another one takes its period (`forwarding`)."""


class Connection:
    """A connection of an office to the tables, on which the world's weather falls."""

    def __init__(self, world: "World") -> None:
        self._world, self._closed, self.late = world, False, False

    async def fetch(self, statement: str, *arguments: Any) -> list[Any]:
        """Do what a statement says, unless something comes between."""
        world = self._world
        fault = await world.step(STATEMENTS[statement])
        if self._closed:
            raise asyncpg.ConnectionDoesNotExistError("the connection was closed")
        match fault:
            case "lost before":
                self.cut()
                raise asyncpg.ConnectionDoesNotExistError("lost before the statement")
            case "lost after":
                world.tables.answer(self, statement, arguments)
                self.cut()
                raise asyncpg.ConnectionDoesNotExistError("lost after the commit")
            case "hangs":
                self.late = True
                world.late.append((self, statement, arguments))
                raise TimeoutError
            case "falls silent":  # nothing arrives, and the server never learns that nobody is there any more
                self.late = True
                raise TimeoutError
            case "lock timeout":
                raise asyncpg.LockNotAvailableError("canceling statement due to lock timeout")
            case "race lost":
                raise asyncpg.DeadlockDetectedError("deadlock detected")
            case _:
                pass
        found = world.tables.answer(self, statement, arguments)
        await world.step("answer")
        if self._closed:
            raise asyncpg.ConnectionDoesNotExistError("lost before the answer")
        return found

    def is_closed(self) -> bool:
        """Tell whether the connection is known to be gone."""
        return self._closed

    def cut(self) -> None:
        """End the connection at the server: what it holds is free, what is under way is undone."""
        self._closed = True
        world = self._world
        world.late = [each for each in world.late if each[0] is not self]
        if world.tables.writer is self:
            world.tables.writer = None

    def terminate(self) -> None:
        """Hang up; the server goes on with what it has begun."""
        if not self.late:
            self.cut()
        self._closed = True


@dataclass(slots=True)
class Office:
    """An instance of the service; `ended` counts how often it was stopped."""

    name: str
    world: "World"
    intake: Intake = field(init=False)
    ended: int = 0

    def __post_init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        world = self.world
        self.intake = Intake(
            Surroundings(
                clock=world,
                seconds=lambda: world.seconds,
                measures=world.measures,
                connect=world.connect,
                granted=awarded,
                on_commit=lambda: None,
                address=self.name,
            )
        )

    async def restart(self) -> None:
        """Stop in the middle of whatever it does, and begin anew."""
        self.ended += 1
        stopped = self.intake
        self._begin()
        await stopped.close()


class World:
    """One seed's world; `seen` counts what has happened in it."""

    def __init__(
        self,
        seed: int,
        *,
        quota: int,
        companies: int,
        weather: Sequence[str],
        faults: int,
        classes: tuple[QuotaClass, ...] = (),
        script: Mapping[int, str] | None = None,
    ) -> None:
        """Begin; at the steps of `script`, counted from 0, just that goes wrong, whatever the weather."""
        self.script, self.steps = script or {}, list[str]()
        self.seed, self.chance, self.seconds = seed, Random(seed), 0.0  # noqa: S311 (a run is to be had again)
        self.weather, self.budget, self.seen = weather, faults, Counter[str]()
        divided = Quota(quota=quota, remaining=quota, classes=classes, parts=set_aside(classes))
        self.tables = Tables(PERIOD, divided)
        for fact in (replace(PROPOSED, quota=quota, classes=classes), APPROVED):
            self.tables.append(f"period-{PERIOD}", fact)
        self.companies = [f"clm_{number}" for number in range(companies)]
        for number, name in enumerate(self.companies):
            district = DISTRICTS[number % len(DISTRICTS)]
            known = Claimant(claimant_id=name, kind="enterprise", certificates=(), bans=(), district=district)
            self.tables.claimants[name] = (known, 0)
        self.late: list[tuple[Connection, str, tuple[Any, ...]]] = []
        self.offices = [Office("http://first", self), Office("http://second", self)]
        self.told: dict[tuple[str, str], Answer] = {}
        self._meanwhile: set[asyncio.Task[None]] = set()

    def now(self) -> datetime:
        """Give the instant."""
        return OPENS + timedelta(hours=1, seconds=self.seconds)

    async def measures(self) -> Measures:
        """Give the rules."""
        await self.step("rules")
        return MEASURES

    async def connect(self) -> "asyncpg.Connection[Any]":
        """Connect, if the weather allows."""
        if await self.step("connect") in {"lost before", "lost after", "hangs", "falls silent"}:
            raise ConnectionRefusedError
        return cast("asyncpg.Connection[Any]", Connection(self))

    async def step(self, where: str) -> str:
        """Let time pass and others act between two steps; say what is to go wrong with the next one."""
        number = len(self.steps)
        self.steps.append(where)
        self.seconds += self.chance.choice((0.0, 0.001, 0.02, 0.15))
        for _ in range(self.chance.randrange(3)):
            await asyncio.sleep(0)
        if self.late and (self.budget <= 0 or self.chance.random() < 0.2):
            self._land()
        if number in self.script:
            self.seen[f"{self.script[number]} at {where}"] += 1
            await self._befall(self.script[number])
            return self.script[number]
        if self.budget <= 0 or self.chance.random() > 0.15:
            return ""
        self.budget -= 1
        fault = self.chance.choice(self.weather)
        self.seen[f"{fault} at {where}"] += 1
        await self._befall(fault)
        return fault

    def _land(self) -> None:
        """Let a statement that hung be done after all, long after its office gave it up; then its connection ends."""
        connection, statement, arguments = self.late.pop(0)
        connection.late = False
        try:
            self.tables.answer(connection, statement, arguments)
        except asyncpg.PostgresError:
            self.seen["late, and refused"] += 1
        connection.cut()

    async def _befall(self, fault: str) -> None:
        match fault:
            case "office stops":
                self._begin(self.chance.choice(self.offices).restart())
            case "office leaves" if len(self.offices) > 1:
                self._begin(self.offices.pop(self.chance.randrange(len(self.offices))).intake.close())
            case "another takes over":
                self.seconds += _SILENCE_S
                self._begin(self._takes_over(self.chance.choice(self.offices)))
            case "connection ends" if isinstance(self.tables.writer, Connection):
                self.tables.writer.cut()
            case "money comes back" if self.tables.holdings:
                self.tables.give_back(self.chance.choice(sorted(self.tables.holdings)))
            case "standing changes":
                name = self.chance.choice(self.companies)
                self.tables.renew_standing(name, eligible=self.chance.random() < 0.8)
            case "a class is over":
                self.tables.release(self.now())
            case "pause turns":
                self.tables.turn_pause(self.now())
                self.budget = max(self.budget, 1) if self.tables.quota.paused else self.budget
            case _:
                pass

    @staticmethod
    async def _takes_over(office: Office) -> None:
        try:
            await office.intake.take_over(PERIOD)
        except (asyncpg.PostgresError, OSError, TimeoutError):
            office.world.seen["take-over failed"] += 1

    def _begin(self, act: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(act)
        self._meanwhile.add(task)
        task.add_done_callback(self._meanwhile.discard)

    async def close(self) -> None:
        """Let everything come to its end."""
        while self._meanwhile:
            await asyncio.gather(*self._meanwhile)
            await asyncio.sleep(0)  # who has ended takes itself off the list only then
        while self.late:
            self._land()
        for office in self.offices:
            await office.intake.close()


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
                    world.seconds += _SILENCE_S
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


def _assert_parts_are_sound(world: World) -> None:
    """Check the parts of the classes: drawn, released and left come to the part, and only members have drawn."""
    quota, drawn = world.tables.quota, Counter[str]()
    who = {each.name: each.who for each in quota.classes}
    for _, fact in world.tables.claimed():
        for part in fact.parts:
            assert who[part.name] == f"district:{world.tables.claimants[fact.claimant_id][0].district}"
            drawn[part.name] += part.amount
    for each, rest, released in zip(quota.classes, quota.parts.rests, quota.parts.released, strict=True):
        assert drawn[each.name] + rest + released == each.amount, "a class's money appeared or was lost"
    told = [entry.fact for entry in world.tables.log if isinstance(entry.fact, ClassQuotaReleased)]
    left = {each.name: released for each, released in zip(quota.classes, quota.parts.released, strict=True)}
    assert {fact.name: fact.amount for fact in told} == {fact.name: left[fact.name] for fact in told}


def _told(refused: Refused) -> Answer:
    codes = [reason.code for reason in refused.reasons]
    return Answer(status=422, headers={"Content-Type": "application/json"}, body=msgspec.json.encode(codes))


def assert_sound(world: World) -> None:
    """Check at the end: nothing oversold, one effect a key, acknowledged is durable, places, allowances as the log."""
    tables = world.tables
    quota, claimed = tables.quota, tables.claimed()
    ended = [entry.fact for entry in tables.log if isinstance(entry.fact, VoucherCancelled)]
    issued, returned = sum(fact.amount for _, fact in claimed), sum(fact.amount for fact in ended)
    assert quota.remaining >= 0
    assert (quota.issued, quota.returned, quota.claims) == (issued, returned, len(claimed))
    assert quota.remaining == quota.quota - issued + returned, "money appeared or was lost"
    _assert_parts_are_sound(world)
    assert [fact.place for _, fact in claimed] == list(range(1, len(claimed) + 1)), "places have gaps"
    folded = Counter[tuple[str, int]]()
    for _, fact in claimed:
        folded[fact.claimant_id, fact.year] += fact.amount
    for end in ended:
        folded[end.claimant_id, end.year] -= end.amount
    assert +folded == +Counter(tables.counted), "allowances are not the fold of the log"
    durable = {at: fact.voucher_id for at, fact in claimed}
    kept = Counter(kept.position for kept in tables.kept.values() if kept.position)
    assert kept == Counter(durable.keys()), "an answer without its effect, or an effect without its answer"
    for name, answer in world.told.items():
        if answer.status == 201:
            assert int(answer.headers["Event-Position"]) in durable, f"{name} was acknowledged, and is not in the log"
