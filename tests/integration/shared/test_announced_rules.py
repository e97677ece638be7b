"""A change that the registry has announced governs in another service, over Kafka, and after a restart without it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.clock import SystemClock
from shared.context import BoundedContext
from shared.database import create_engine
from shared.events.registry.measures import MeasureChangeApproved, MeasureChangeWithdrawn
from shared.kernel.refusal import Refused
from shared.measures.reader import Measures
from shared.measures.terms import Terms
from shared.procedures.following_measures import FOLLOWING_MEASURES, change_of
from shared.runtime import Runtime
from shared.settings import Settings
from shared.store.execution import Answer
from shared.store.rules import RulesInForce, announced, drop_announced, keep_announced
from shared.store.transaction import Cause, Transaction, transaction
from tests.contexts import fresh_contexts
from tests.integration.shared.bus.log_and_topic import eventually

CAUSE = Cause(actor="test", correlation_id="c")
NEW_YEAR, A_DAY = date(2027, 1, 1), timedelta(days=1)
ANNOUNCED = MeasureChangeApproved(
    change_id="mch_1", parameter="face_value_max", pack="beijing-2023", value=6_000_000, first_day=NEW_YEAR,
    article="2", quote="6 万元", proposed_by="o", approved_by="a", on=date(2026, 11, 23),
)  # fmt: skip
FIELDS = replace(ANNOUNCED, change_id="mch_2", parameter="fields", value=("new_materials",))
TAKEN_BACK = MeasureChangeWithdrawn(
    change_id="mch_2", parameter="fields", announced=True, withdrawn_by="o", on=date(2026, 11, 24)
)
FOLLOWER = BoundedContext(
    name="contracts", title="Contracts", folder=Path(__file__).parent, routers=(), policy={},
    reactions=FOLLOWING_MEASURES,
)  # fmt: skip


@pytest.fixture
async def settings(postgres_url: str, kafka_bootstrap: str) -> AsyncIterator[Settings]:
    async with fresh_contexts(postgres_url, "registry", "contracts", kafka_bootstrap=kafka_bootstrap) as found:
        yield found


async def tell(settings: Settings, *facts: Any) -> None:
    """Write facts into the registry's log."""
    engine = create_engine(settings.application_url("registry"))
    async with transaction(engine, "registry", SystemClock(), CAUSE) as tx:
        for fact in facts:
            tx.append(f"measure-{fact.parameter}-{type(fact).__name__}", 0, [fact])
    await engine.dispose()


async def terms_of(runtime: Runtime, day: date) -> Terms:
    """Say by which terms a command of this day would be decided."""
    seen: list[Terms] = []

    async def look(tx: Transaction) -> None:
        seen.append(tx.measures.on(day))

    def refused(_: Refused) -> Answer:
        raise AssertionError("nothing is refused here")

    await runtime.commands.execute(CAUSE, look, lambda _r, _t: Answer(status=200), refused)
    return seen[0]


async def test_what_is_announced_governs_everywhere_from_its_day_on_and_outlives_a_restart(settings: Settings) -> None:
    await tell(settings, ANNOUNCED, FIELDS, TAKEN_BACK)
    expected = Measures.load().with_changes([change_of(ANNOUNCED)])
    registry = BoundedContext(name="registry", title="R", folder=Path(__file__).parent, routers=(), policy={})
    async with Runtime(registry, settings, SystemClock()) as teller, Runtime(FOLLOWER, settings, SystemClock()) as one:
        assert (await terms_of(one, NEW_YEAR)).voucher.face_value_max == 5_000_000
        teller.start_background()
        one.start_background()

        async def told() -> bool:
            return await terms_of(one, NEW_YEAR) == expected.on(NEW_YEAR)

        await eventually(told)
        assert await terms_of(one, NEW_YEAR - A_DAY) == Measures.load().on(NEW_YEAR - A_DAY)
    deaf = settings.model_copy(update={"kafka_bootstrap": "127.0.0.1:1"})
    async with Runtime(FOLLOWER, deaf, SystemClock()) as again:
        assert await terms_of(again, NEW_YEAR) == expected.on(NEW_YEAR)
        assert (await terms_of(again, NEW_YEAR)).pack == "beijing-2023+1"


async def test_rules_are_read_before_the_first_decision_and_again_when_asked_afresh(settings: Settings) -> None:
    engine = create_engine(settings.application_url("contracts"))
    rules = RulesInForce(Measures.load())
    async with engine.connect() as connection:
        await keep_announced(connection, change_of(ANNOUNCED))
        await keep_announced(connection, change_of(ANNOUNCED))
        assert (await rules.read(connection)).on(NEW_YEAR).voucher.face_value_max == 6_000_000
        assert rules.latest.on(NEW_YEAR).pack == "beijing-2023+1"
        await keep_announced(connection, change_of(FIELDS))
        assert (await rules.read(connection, afresh=True)).on(NEW_YEAR).eligibility.fields == ("new_materials",)
        assert [change.change_id for change in await announced(connection)] == ["mch_1", "mch_2"]
        await drop_announced(connection, "mch_1")
        assert (await rules.read(connection, afresh=True)).on(NEW_YEAR).pack == "beijing-2023+1"
        await connection.commit()
    late = RulesInForce(Measures.load())
    assert (await late.current(engine)).on(NEW_YEAR).eligibility.fields == ("new_materials",)
    assert (await late.current(engine)) is late.latest
    await engine.dispose()
