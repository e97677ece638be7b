"""`cxq up`, `demo`, `migrate`, `serve` and `worker`: what runs."""

import asyncio
import ctypes
import signal
import socket
import sys
from contextlib import suppress
from datetime import date
from importlib import import_module
from typing import TYPE_CHECKING, Annotated

import typer

from services.commands.environment import ROOT, context_name, load_context, settings, state_folder
from services.commands.keeping import Service, work_behind_others
from services.commands.problems import CommandProblem, Exit
from services.commands.telling import answer_json, tell

if TYPE_CHECKING:
    from shared.measures.reader import Measures
    from shared.runtime import Runtime
    from shared.settings import Settings

_FirstPort = Annotated[int, typer.Option(help="Port of the first service; the others follow.", min=1, max=65_000)]
_DRAIN_LIMIT_S = 10
_PR_SET_NAME = 15


def up(
    first_port: _FirstPort = 8101,
    *,
    only_services: Annotated[
        bool, typer.Option("--only-services", help="Neither the sample register nor the demonstration.")
    ] = False,
) -> None:
    """Run everything on this machine: servers, five services, sample register, demonstration; until Ctrl-C."""
    from deploy.local.supervisor import Plan, run

    plan = Plan(state_dir=state_folder(), first_port=first_port, opens=not only_services, stays=True)
    raise typer.Exit(run(plan))


def demo(first_port: _FirstPort = 8101) -> None:
    """Run everything, play the demonstration, and stop; exits 1 when a step or the audit at the end fails."""
    from deploy.local.supervisor import Plan, run

    raise typer.Exit(run(Plan(state_dir=state_folder(), first_port=first_port, opens=True, stays=False)))


def migrate(
    service: Annotated[
        str | None, typer.Argument(metavar="SERVICE", parser=context_name, help="One service instead of all five.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
) -> None:
    """Create the databases, roles and tables, or bring them to the newest schema; safe to run twice."""
    from shared.settings import CONTEXTS

    done = asyncio.run(_migrate(settings(), [service] if service else list(CONTEXTS)))
    if as_json:
        answer_json(done)
    for name, revisions in done.items():
        tell(f"{name}: {', '.join(revisions) if revisions else 'nothing to do'}")


async def _migrate(settings: "Settings", names: list[str]) -> dict[str, list[str]]:
    from shared.store.migrate import migrate as migrate_one

    return {name: await migrate_one(settings, name, ROOT / "services" / name / "migrations") for name in names}


def serve(
    service: Service,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(help="Port to listen on; by default its own of 8101 to 8105.")] = None,
) -> None:
    """Run one service: HTTP, relay, reactions, projections and deadlines."""
    from shared.settings import PORTS

    with _listen(host, port or PORTS[service], service) as listening:
        _call_ourselves(f"cxq-{service}")
        _serve(service, _reachable(settings(), listening), listening)


_EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104 (not bound here, only told apart)


def _reachable(settings: "Settings", listening: socket.socket) -> "Settings":
    """Tell the service where others reach it, unless the environment knows better: a proxy, or a name in a cluster."""
    if settings.advertised_url:
        return settings
    host, port = listening.getsockname()[:2]
    if host in _EVERYWHERE:
        host = socket.gethostname()
    return settings.model_copy(update={"advertised_url": f"http://{f'[{host}]' if ':' in host else host}:{port}"})


def _serve(service: str, settings: "Settings", listening: socket.socket) -> None:
    import uvicorn

    from services.commands.draining import DrainingServer
    from shared.http.at_once import AtOnceProtocol
    from shared.telemetry import configure_logs

    configure_logs(settings, context=service)
    app = import_module(f"services.{service}.app").create_app(settings)
    _assert_can_decide(app.state.runtime)
    server = DrainingServer(
        app,
        uvicorn.Config(
            app,
            loop="uvloop",
            lifespan="on",
            http=AtOnceProtocol,
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_DRAIN_LIMIT_S,
        ),
    )
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listening])
    if not server.started:
        raise CommandProblem(f"{service} could not start.", "Its log, above, says why.", Exit.UNAVAILABLE)


def _assert_can_decide(runtime: "Runtime") -> None:
    from shared.kernel.calendar import business_date

    assert_rules_begun(runtime.measures, business_date(runtime.clock.now()))


def assert_rules_begun(rules: "Measures", today: date) -> None:
    """Refuse to start before the first day of the rules, when nothing could be decided; CommandProblem."""
    try:
        rules.in_force(today)
    except LookupError as error:
        if today < rules.life.first_day:
            raise CommandProblem(
                f"No rules are known for {today}: {error}.",
                "Name with CXQ_MEASURES_PACK rules that have begun, or rules that succeed such.",
                Exit.MISCONFIGURED,
            ) from error


def _listen(host: str, port: int, service: str) -> socket.socket:
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise CommandProblem(
            f"{service} cannot listen on port {port} of {host}: {error.strerror}.",
            "Stop the program that uses it, or choose another with --port.",
            Exit.UNAVAILABLE,
        ) from error
    return listening


def worker(service: Service) -> None:
    """Run a service's background without HTTP: relay, reactions, projections and deadlines; callers go first."""
    import uvloop

    from shared.telemetry import configure_logs

    chosen = settings().model_copy(update={"background": True})
    configure_logs(chosen, context=service)
    _call_ourselves(f"cxq-{service}")
    work_behind_others()
    uvloop.run(_work(service, chosen))


async def _work(service: str, settings: "Settings") -> None:
    from shared.clock import clock_of
    from shared.runtime import Runtime

    asked_to_end = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, asked_to_end.set)
    async with Runtime(load_context(service), settings, clock_of(settings)) as runtime:
        _assert_can_decide(runtime)
        runtime.start_background()
        tell(f"{service} works in the background; Ctrl-C ends it.")
        await asked_to_end.wait()


def _call_ourselves(name: str) -> None:
    """Set the name under which `ps` and `top` show this process, where the system can."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)
