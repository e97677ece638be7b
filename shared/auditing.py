"""The audit of whole contexts: what every store and topic promises, what each adds, what lies between them."""

from collections.abc import Sequence
from contextlib import AsyncExitStack

from sqlalchemy.ext.asyncio import AsyncConnection

from shared.audit import AuditReport, Breach, Check, CrossCheck, Finding, examine, examine_across, snapshot
from shared.bus.audit import bus_checks
from shared.clock import clock_of
from shared.context import BoundedContext
from shared.database import create_owner_engine
from shared.projections.verification import projection_check
from shared.settings import Settings
from shared.store.audit import store_checks

UNREACHABLE = "-"
"""The id of the finding that a context's database could not be looked at at all."""


async def audit(
    settings: Settings, contexts: Sequence[BoundedContext], cross: Sequence[CrossCheck] = ()
) -> AuditReport:
    """Check every invariant of these contexts on the running system, without disturbing it.

    Each context is looked at in one snapshot. A check that cannot be carried out, a database or a broker that does not
    answer, is a breach: nothing is called in order that was not looked at. So give `cross` only those checks whose
    contexts are all among `contexts`.
    """
    findings: list[Finding] = []
    async with AsyncExitStack() as stack:
        snapshots: dict[str, AsyncConnection] = {}
        for name in _in_order(contexts, cross):
            try:
                engine = create_owner_engine(settings.owner_url(name), application_name="cxq-audit")
                stack.push_async_callback(engine.dispose)
                snapshots[name] = await stack.enter_async_context(snapshot(engine))
            except Exception as error:  # noqa: BLE001 (whatever it is, this context cannot be vouched for)
                findings.append(_unreachable(name, error))
        for context in contexts:
            if context.name in snapshots:
                findings += await examine(snapshots[context.name], context.name, checks(settings, context))
        findings += await examine_across(snapshots, cross)
    return AuditReport(findings=tuple(findings))


def _in_order(contexts: Sequence[BoundedContext], cross: Sequence[CrossCheck]) -> list[str]:
    """Take snapshots in the order the cross checks ask for, as far as they agree, the other contexts after them."""
    wanted = [name for check in cross for name in check.contexts] + [context.name for context in contexts]
    known = {context.name for context in contexts}
    return [name for name in dict.fromkeys(wanted) if name in known]


def checks(settings: Settings, context: BoundedContext) -> tuple[Check, ...]:
    """Gather what is checked of a context by itself: of its log, its topic, its read models, and what it adds."""
    return (
        *store_checks(clock_of(settings).now()),
        *bus_checks(settings, context.name),
        *(projection_check(settings, projection) for projection in context.projections),
        *context.checks,
    )


def _unreachable(context: str, error: Exception) -> Finding:
    breach = Breach(where="the database", found=f"{type(error).__name__}: {error}")
    return Finding(
        context=context,
        id=UNREACHABLE,
        promise="The database can be looked at",
        checked=0,
        breached=1,
        breaches=(breach,),
    )
