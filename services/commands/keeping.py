"""`cxq rebuild`, `republish`, `audit`, `parked` and `unpark`: what keeps a running system in order."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from services.commands.environment import context_name, load_context, settings
from services.commands.problems import CommandProblem, Exit
from services.commands.telling import answer, answer_json, progress_of, tell

if TYPE_CHECKING:
    from shared.audit import Finding
    from shared.runtime import Runtime

_BEHIND_OTHERS = 10
Service = Annotated[
    str,
    typer.Argument(
        metavar="SERVICE", parser=context_name, help="registry, issuance, contracts, redemption or appraisal."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


def rebuild(
    service: Service,
    projection: Annotated[
        str, typer.Argument(metavar="READ_MODEL", help="For instance voucher_balances; of a wrong name all are listed.")
    ],
    *,
    forget_lost: Annotated[
        bool, typer.Option("--forget-lost", help="Also where it has heard events that a restored store has lost.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a read model anew from Kafka while the old one is read, compare the two, and swap them."""
    from shared.projections.rebuild import HeardLostStoryError, RebuildError
    from shared.projections.rebuild import rebuild as rebuild_one

    context = load_context(service)
    wanted = {each.name: each for each in context.projections}
    if projection not in wanted:
        known = ", ".join(wanted) or "none"
        raise CommandProblem(f"{service} has no read model {projection}.", f"It has: {known}.", Exit.USAGE)
    work_behind_others()
    asyncio.run(_kafka_answers())
    try:
        with progress_of(f"Rebuilding {projection}") as report:
            chosen, told = wanted[projection], lambda done, total, _rate: report(done, total)
            found = asyncio.run(rebuild_one(settings(), context, chosen, told, forget_lost=forget_lost))
    except HeardLostStoryError as error:
        raise CommandProblem(
            f"{projection} was not rebuilt: it has heard events that are lost. {error}.",
            f"`cxq rebuild {service} {projection} --forget-lost` makes it as far as the topics go now.",
        ) from error
    except RebuildError as error:
        why = str(error).removesuffix(".")
        raise CommandProblem(f"{projection} was not rebuilt: {why}.", "Mend that, then rebuild again.") from error
    if as_json:
        answer_json(asdict(found) | {"rate": found.rate})
        return
    different = (
        f"{found.rows_different:,} rows differ from the old table" if found.rows_different else "nothing differs"
    )
    answer(
        f"{projection}: {found.events:,} events in {found.seconds:.1f} s ({found.rate:,.0f}/s), {different}"
        f" (digest {found.digest_after[:16]})."
    )


async def _kafka_answers() -> None:
    """See that Kafka is there, before each read model waits for it in vain; KafkaConnectionError when it is not."""
    from shared.bus.topics import Topics

    async with Topics(settings()):
        pass


def work_behind_others() -> None:
    """Leave the processor to whoever answers people, where the system knows who goes first."""
    if hasattr(os, "nice"):
        os.nice(_BEHIND_OTHERS)


def republish(
    service: Service,
    *,
    fresh: Annotated[bool, typer.Option("--fresh", help="Delete the topic first, with everything in it.")] = False,
) -> None:
    """Publish a service's whole log into its topic again, and return when it is there."""
    from shared.bus.republish import republish as republish_all
    from shared.supervision import HaltedError

    reached = 0
    try:
        with progress_of(f"Publishing {service}") as report:

            def progress(done: int, total: int) -> None:
                nonlocal reached
                reached = total
                report(done, total)

            asyncio.run(republish_all(settings(), service, progress, fresh=fresh))
    except HaltedError as error:
        raise CommandProblem(
            f"The log of {service} was not published: {error}.", "docs/operations.md says what that means."
        ) from error
    answer(f"{service}: the topic holds the log up to position {reached:,}.")


def rehear(
    service: Service,
    of: Annotated[str, typer.Argument(metavar="OF", parser=context_name, help="Whose events, for instance issuance.")],
    *,
    after: Annotated[int, typer.Option("--after", min=0, help="The position at which the store of OF was backed up.")],
) -> None:
    """Have a service's reactions hear anew what another one tells since its store was set back to a backup."""
    from shared.bus.rehearing import NotRehearableError
    from shared.bus.rehearing import rehear as put_back

    try:
        moved = asyncio.run(put_back(settings(), service, of, after))
    except NotRehearableError as error:
        raise CommandProblem(f"Nothing was put back: {error}.", "See docs/operations.md.") from error
    for partition, (before, now) in sorted(moved.items()):
        answer(f"{service}: partition {partition} of {of} goes back from position {before:,} to {now:,}.")
    if not moved:
        answer(f"{service}: the reactions have heard nothing of {of} beyond position {after:,}.")


def audit(*, as_json: AsJson = False) -> None:
    """Check every invariant on the running system; exits 1 when one is breached, and names the place."""
    from services.crosschecks import CROSS_CHECKS
    from shared.auditing import UNREACHABLE
    from shared.auditing import audit as audit_all
    from shared.settings import CONTEXTS

    asyncio.run(_kafka_answers())
    report = asyncio.run(audit_all(settings(), [load_context(name) for name in CONTEXTS], CROSS_CHECKS))
    if {finding.context for finding in report.findings if finding.id == UNREACHABLE} == set(CONTEXTS):
        raise CommandProblem(
            "No database answers: nothing could be looked at.",
            "Start the servers with `make run`, or say where they are in CXQ_POSTGRES_URL.",
            Exit.UNAVAILABLE,
        )
    if as_json:
        answer_json({"clean": report.clean, "findings": report.findings})
    else:
        for finding in report.findings:
            _tell_finding(finding)
        breached = sum(finding.breached for finding in report.findings)
        answer(f"{len(report.findings)} checks, {breached} {'breach' if breached == 1 else 'breaches'}.")
    if not report.clean:
        raise typer.Exit(Exit.FAILED)


def _tell_finding(finding: "Finding") -> None:
    mark = "✗" if finding.breached else "✓"
    notes = f" ({'; '.join(finding.notes)})" if finding.notes else ""
    answer(f"{mark} {finding.context:<12} {finding.id:<4} {finding.promise}: {finding.checked:,} looked at{notes}")
    for breach in finding.breaches:
        answer(f"    {breach.where}: {breach.found}")
    hidden = finding.breached - len(finding.breaches)
    if hidden > 0:
        answer(f"    and {hidden:,} more")


def parked(service: Service, *, as_json: AsJson = False) -> None:
    """List the events that were laid aside because they could not be applied."""
    found = asyncio.run(_with_runtime(service, lambda runtime: runtime.parked()))
    if as_json:
        answer_json(found)
        return
    for each in found:
        answer(f"{each.consumer} {each.key} {each.topic}[{each.partition}]@{each.position} {each.reason}")
    tell(f"{service}: {len(found)} parked.")


def unpark(
    service: Service,
    consumer: Annotated[str, typer.Argument(metavar="CONSUMER", help="Who laid them aside, as `cxq parked` names it.")],
    key: Annotated[str, typer.Argument(metavar="KEY", help="Whose events, as `cxq parked` names it.")],
) -> None:
    """Replay what is laid aside for a key, in order, once its cause is mended."""
    try:
        done = asyncio.run(_with_runtime(service, lambda runtime: runtime.unpark(consumer, key)))
    except LookupError as error:
        raise CommandProblem(f"{error.args[0]}.", f"`cxq parked {service}` names them.", Exit.USAGE) from error
    except OSError:
        raise  # a server that does not answer is another matter
    except Exception as error:
        raise CommandProblem(f"Still not: {error}.", "Mend the cause, then unpark again.") from error
    answer(f"{service}: {done} replayed for {key}.")


async def _with_runtime[T](service: str, work: Callable[["Runtime"], Awaitable[T]]) -> T:
    from shared.clock import clock_of
    from shared.runtime import Runtime

    chosen = settings()
    async with Runtime(load_context(service), chosen, clock_of(chosen)) as runtime:
        return await work(runtime)
