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

from services.issuance import claimants as standings
from services.issuance import intake as intake_modules
from services.issuance.api.awarded import awarded
from services.issuance.domain.claimant import Claimant
from services.issuance.domain.classes import set_aside
from services.issuance.intake.intake import Intake
from services.issuance.intake.sequencer import Surroundings
from shared.events.issuance.periods import QuotaClass
from shared.measures.reader import Measures
from shared.store.execution import (
    Answer,
)
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
SILENCE_S = 3.4
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
                self.seconds += SILENCE_S
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
