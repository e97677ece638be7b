"""What every request of a service meets: the context, its problems, its guards, and the visit itself."""

from collections.abc import MutableMapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from urllib.parse import quote

from fastapi import Request

from shared.context import BoundedContext
from shared.http.identity import Caller
from shared.http.language import Language
from shared.http.limits import Allowance, Buckets
from shared.http.problems import Catalogue, Writer
from shared.http.tokens import Verifier
from shared.kernel.calendar import business_date
from shared.runtime import Runtime
from shared.settings import Settings

_VISIT = "cxq.visit"
_IN_PATHS = "/:@!$&'()*+,;="
"""What may stand in a path as it is (RFC 3986), beside letters, digits and `-._~`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """The parts of the HTTP edge of one process."""

    context: BoundedContext
    settings: Settings
    runtime: Runtime
    catalogue: Catalogue
    verifier: Verifier
    buckets: Buckets


class Visit:
    """One request as the middleware met it, and what became known of it on its way; written out, as each has one."""

    caller: Caller | None = None
    operation: str = ""
    forwarded: bool = False
    """Whether another instance of the service has sent the request on."""
    allowance: Allowance | None = None
    """What its caller may still ask for; it goes out with whatever answer is given."""

    def __init__(
        self,
        request_id: str,
        trace_id: str,
        traceparent: str | None,
        language: Language,
        began: datetime,
        address: str,
    ) -> None:
        self.request_id, self.trace_id, self.traceparent = request_id, trace_id, traceparent
        self.language, self.began, self.address = language, began, address


def edge_of(request: Request) -> Edge:
    """Give the edge a request has come to."""
    return cast("Edge", request.app.state.edge)


def visit_of(request: Request) -> Visit:
    """Give what the middleware has noted about a request."""
    return cast("Visit", request.scope[_VISIT])


def note_visit(scope: MutableMapping[str, Any], visit: Visit) -> None:
    """Put the visit where `visit_of` finds it."""
    scope[_VISIT] = visit


def writer_for(edge: Edge, visit: Visit, path: str) -> Writer:
    """Give the writer of this request's problems."""
    return Writer(
        catalogue=edge.catalogue,
        language=visit.language,
        instance=quote(path, safe=_IN_PATHS),
        trace_id=visit.trace_id,
        measures=edge.runtime.measures,
        today=business_date(visit.began),
    )


def writer_of(request: Request) -> Writer:
    """Give the writer of this request's problems."""
    return writer_for(edge_of(request), visit_of(request), request.url.path)
