"""What every machine has that tries issuance act by act in any order: an office of its own, and time that passes."""

import asyncio
from collections.abc import Awaitable
from datetime import date
from functools import partial
from typing import Any

from hypothesis import HealthCheck, Phase
from hypothesis import settings as bounded
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from shared.audit import Breach
from shared.database import create_engine
from shared.kernel.calendar import business_date
from shared.kernel.ids import new_id
from shared.kernel.refusal import Refused
from shared.measures.reader import Measures
from shared.settings import Settings
from tests.integration.issuance.entering import Entrants
from tests.integration.issuance.office import CONTEXT, Office


def run_machine(
    machine: type["OfficeMachine"], settings: Settings, *arguments: Any, examples: int, steps: int, **named: Any
) -> None:
    """Try a machine, always in the same way, and let the audit look at all that it leaves behind."""
    url = settings.application_url(CONTEXT)
    with asyncio.Runner() as runner:
        made: Any = partial(machine, runner, url, *arguments, **named)
        run_state_machine_as_test(made, settings=_bounds(examples=examples, steps=steps))
        found = runner.run(_breaches(url))
        assert found == [], "\n".join(str(one) for one in found)


async def _breaches(url: str) -> list[Breach]:
    engine = create_engine(url)
    try:
        office = Office(engine)
        await office.wait_until(office.clock.now())  # each example had its own clock: begin again with this day
        return await Entrants(office).breaches()
    finally:
        await engine.dispose()


def _bounds(*, examples: int, steps: int) -> bounded:
    return bounded(
        max_examples=examples,
        stateful_step_count=steps,
        derandomize=True,
        phases=(Phase.generate,),  # a failure is told as it was found: to make it smaller would take minutes
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


class OfficeMachine(RuleBasedStateMachine):
    """An office whose clock stands still while somebody acts, and hypothesis to say who does what next."""

    def __init__(self, runner: asyncio.Runner, url: str, measures: Measures) -> None:
        super().__init__()
        self.runner, self.elapsed = runner, 0.0
        self.engine = create_engine(url, pool_size=4)
        self.office = Office(self.engine, measures=measures, seconds=lambda: self.elapsed)

    def teardown(self) -> None:
        self.live(self.office.close())
        self.live(self.engine.dispose())

    def live[R](self, act: Awaitable[R]) -> R:
        """Let something happen, and time pass in which nobody trusts his memory."""

        async def acting() -> R:
            return await act

        self.elapsed += 1
        return self.runner.run(acting())

    def refused(self, act: Awaitable[object]) -> set[str]:
        """Let something be tried; give the codes of its refusal."""
        try:
            self.live(act)
        except Refused as refusal:
            return {reason.code for reason in refusal.reasons}
        return set()

    @property
    def today(self) -> date:
        return business_date(self.office.clock.now())

    def new(self, prefix: str) -> str:
        return new_id(prefix, self.office.clock.now())
