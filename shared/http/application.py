"""One factory for every service: the same guards, the same answers, the same pages."""

import gc
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, nullcontext

import msgspec
from fastapi import FastAPI

from shared.clock import clock_of
from shared.context import BoundedContext
from shared.http import health
from shared.http.at_once import AT_ONCE
from shared.http.docs_page import serve_pages
from shared.http.edge import Edge
from shared.http.failures import answer_failures
from shared.http.finding import OperationIndex
from shared.http.keys import KeyCache, key_source
from shared.http.limits import Buckets
from shared.http.middleware import EdgeMiddleware
from shared.http.openapi import build_openapi, operations
from shared.http.policy import PUBLIC, Policy, Role
from shared.http.problems import KERNEL_PROBLEMS, Catalogue
from shared.http.seconds import monotonic_seconds
from shared.http.tokens import Verifier
from shared.procedures.duties import SeparatedDuties
from shared.runtime import Runtime
from shared.settings import Settings

_YOUNG_MAX = 50_000
"""How many objects more than were let go may be made before the collector looks; some megabytes."""


_OFFICE = frozenset({Role.OFFICER, Role.APPROVER})


class PolicyError(TypeError):
    """The policy table and the operations are not the same list; the service does not start."""


def build_app(context: BoundedContext, settings: Settings, *, runtime: Runtime | None = None) -> FastAPI:
    """Put a context's service together; its lifespan opens the runtime and its background, and closes both.

    PolicyError when an operation has no row in the policy or a row no operation; KeyError or CatalogueError when a
    problem code is not explained. `app.state.runtime` is the runtime.
    """
    check_policy(context.policy, (route.operation_id or "" for route in operations(context)), context.duties)
    runtime = runtime or Runtime(context, settings, clock_of(settings))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, object]]:
        async with runtime, furnished:
            runtime.start_background()
            spare_the_collector()
            yield {AT_ONCE: app.state.at_once}

    app = FastAPI(
        title=context.title,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=runtime.tracing.of_requests(),
    )
    edge = Edge(
        context=context,
        settings=settings,
        runtime=runtime,
        catalogue=catalogue_of(context),
        verifier=Verifier(settings, runtime.clock, KeyCache(key_source(settings), monotonic_seconds)),
        buckets=Buckets(monotonic_seconds, burst=settings.rate_burst, per_second=settings.rate_per_second),
    )
    app.state.edge, app.state.runtime, app.state.at_once = edge, runtime, {}
    app.add_middleware(EdgeMiddleware, edge=edge)
    furnished = context.furnish(app, edge) if context.furnish is not None else nullcontext()
    answer_failures(app)
    for router in context.routers:
        app.include_router(router)
    app.include_router(health.router)
    serve_pages(app)
    if not runtime.tracing.is_on:  # whoever traces names its spans by the framework's routes
        app.router.routes.insert(0, OperationIndex(operations(context)))
    app.state.openapi = msgspec.json.encode(build_openapi(app, context, edge.catalogue))
    return app


def spare_the_collector() -> None:
    """Have the collector look at young objects seldom, and never again at those made until now, which stay for ever.

    Each request makes some dozens of objects that die without its help; looking for cycles among them every few
    requests costs more than answering.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_MAX, 20, 20)


def catalogue_of(context: BoundedContext) -> Catalogue:
    """Read the problems a context may answer with: the kernel's and its own."""
    own = context.folder / "api" / KERNEL_PROBLEMS.name
    return Catalogue.load(*([own] if own.exists() else []))


def check_policy(policy: Policy, named: Iterable[str], duties: SeparatedDuties | None = None) -> None:
    """Deny by default: every operation has a row, every row an operation; PolicyError says which do not.

    What needs a duty is the office's alone.
    """
    listed = list(named)
    twins = sorted({name for name in listed if listed.count(name) > 1})
    without_row = sorted(set(listed) - policy.keys())
    without_operation = sorted(policy.keys() - set(listed))
    dutiful = duties.of_operations if duties is not None else {}
    without_office = sorted(name for name in dutiful if not PUBLIC < policy.get(name, PUBLIC) <= _OFFICE)
    complaints = [
        *(f"{name} needs a duty, but is not the office's alone" for name in without_office),
        *(f"{name} is the name of two operations" for name in twins),
        *(f"{name} has no row in the policy" for name in without_row),
        *(f"the policy has a row for {name}, which is no operation" for name in without_operation),
    ]
    if complaints:
        raise PolicyError("; ".join(complaints))
