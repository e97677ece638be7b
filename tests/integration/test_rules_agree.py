"""A service that has decided on a change's first day without knowing the change is named by the audit."""

from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import date

from sqlalchemy.ext.asyncio import AsyncConnection

from services.crosschecks import CROSS_CHECKS
from shared.audit import examine_across
from shared.database import create_engine
from shared.measures.changes import Change
from shared.store.rules import keep_announced
from shared.store.transaction import Cause, on
from tests.contexts import fresh_contexts
from tests.standing import StandingClock
from tests.unit.redemption.facts import OPENED

CONTEXTS = ("issuance", "contracts", "redemption", "registry")
MARCH_2, MARCH_3 = date(2026, 3, 2), date(2026, 3, 3)
CHANGE = Change(
    change_id="mch_1", pack="beijing-2023", parameter="ban_years", value=5, first_day=MARCH_2, article="2", quote="q"
)


async def breached(connections: dict[str, AsyncConnection]) -> list[str]:
    """Look whether all decide by the same, and say where they do not."""
    findings = await examine_across(connections, [check for check in CROSS_CHECKS if check.id == "R5"])
    return [breach.where for finding in findings for breach in finding.breaches]


async def test_whoever_decides_on_a_changes_first_day_or_later_knows_it(postgres_url: str) -> None:
    async with fresh_contexts(postgres_url, *CONTEXTS) as settings, AsyncExitStack() as stack:
        connections: dict[str, AsyncConnection] = {}
        for context in CONTEXTS:
            engine = create_engine(settings.application_url(context))
            stack.push_async_callback(engine.dispose)
            connections[context] = await stack.enter_async_context(engine.connect())
        await keep_announced(connections["registry"], CHANGE)
        assert await breached(connections) == []  # nobody has decided anything yet
        tx = on(connections["redemption"], "redemption", StandingClock(), Cause(actor="t", correlation_id="c"))
        tx.append("redemption-1", 0, [OPENED])
        await tx.flush()
        assert await breached(connections) == ["redemption mch_1"]
        await keep_announced(connections["redemption"], CHANGE)
        assert await breached(connections) == []
        tomorrow = replace(CHANGE, change_id="mch_2", first_day=MARCH_3)
        await keep_announced(connections["registry"], tomorrow)
        assert await breached(connections) == []
        await keep_announced(connections["redemption"], replace(CHANGE, change_id="mch_3"))
        assert await breached(connections) == ["redemption mch_3"]
