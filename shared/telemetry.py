"""What a process tells about itself: logs without personal data, metrics, and traces when they are asked for."""

import asyncio
import json
import logging
import re
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import structlog
from fastapi.telemetry import TelemetryConfig
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
from opentelemetry.trace import Status
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import Attributes
from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.settings import Settings

REDACTED = "[redacted]"

PART_AT_WORK = Gauge("cxq_part_at_work", "1 while a part of the process is at its work", ["context", "part"])
PART_HALTED = Gauge("cxq_part_halted", "1 while a part is down until a person mends its cause", ["context", "part"])
RELAY_LAG = Gauge("cxq_relay_lag_events", "Events of the log that are not published yet", ["context"])
CONSUMER_LAG = Gauge(
    "cxq_consumer_lag_records",
    "Records that a consumer has still to read, of the partitions this process has",
    ["context", "consumer"],
)
PARKED_EVENTS = Gauge(
    "cxq_parked_events", "Events laid aside because they could not be applied", ["context", "consumer"]
)
DEADLINES_OVERDUE = Gauge("cxq_deadlines_overdue", "Deadlines that are due and not done yet", ["context", "kind"])

_CONFIDENTIAL_FIELDS = re.compile(
    r"(^|_)(token|authorization|password|secret|cookie|api_key|credit_code|uscc|id_number|identity_number|phone|mobile|"
    r"telephone|email|person|contact|address|account|bank_account|applicant|name|full_name|team_name|legal_name|members?)$",
    re.IGNORECASE,
)
_CONFIDENTIAL_TEXTS = (
    re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.?[\w-]*"),  # a JSON web token
    re.compile(r"\b[Bb]earer\s+[\w.~+/-]+=*"),
    re.compile(
        r"(?<![0-9A-Za-z_])[0-9A-HJ-NP-RT-UW-Y]{2}\d{6}[0-9A-HJ-NP-RT-UW-Y]{10}(?![0-9A-Za-z_])"
    ),  # a credit code
    re.compile(r"(?<!\d)\d{17}[\dXx](?![0-9A-Za-z])"),  # an identity card
    re.compile(r"(?<![0-9A-Za-z])(?:\+?86[- ]?)?1[3-9]\d{9}(?![0-9A-Za-z])"),  # a mobile phone
    re.compile(r"(://[^/\s:@]+):[^@\s/]+@"),  # a password in an address
)
_ROW = re.compile(r"\nDETAIL:.*?(?=\n\[SQL:|\n\nThe above exception|\n\nDuring handling|\Z)", re.DOTALL)
"""Where PostgreSQL quotes the values of the row that it refused, within an error or the story of one."""
_OUR_OWN = {"logger_name", "event", "level"}


def is_confidential(field: str) -> bool:
    """Tell whether a field's name says that its value may be a secret or about a person."""
    return _CONFIDENTIAL_FIELDS.search(field) is not None


def redact(value: Any) -> Any:
    """Take tokens, credit codes, identity and phone numbers out of a value, and whatever confidential fields hold.

    Of a database's error stays what was refused, not the row.
    """
    match value:
        case str():
            value = _ROW.sub("", value)
            for pattern in _CONFIDENTIAL_TEXTS:
                value = pattern.sub(lambda found: f"{found[1]}:{REDACTED}@" if found.lastindex else REDACTED, value)
            return value
        case Mapping():
            return {
                name: REDACTED if is_confidential(str(name)) and inner is not None else redact(inner)
                for name, inner in value.items()
            }
        case list() | tuple() | set() | frozenset():
            return [redact(inner) for inner in value]
        case bytes() | bytearray():
            return REDACTED
        case None | bool() | int() | float():
            return value
        case _:
            return redact(str(value))


def _redact_entry(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {
        name: redact(value) if name in _OUR_OWN or not is_confidential(name) else REDACTED
        for name, value in entry.items()
    }


def configure_logs(settings: Settings, *, context: str = "") -> None:
    """Send every log line, the libraries' too, to standard error: JSON, or readable text on a terminal."""
    on_terminal = sys.stderr.isatty()
    shared_steps: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last_steps: list[structlog.typing.Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        _redact_entry,
        structlog.dev.ConsoleRenderer() if on_terminal else structlog.processors.JSONRenderer(ensure_ascii=False),
    ]
    structlog.configure(
        processors=[*shared_steps, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    if context:
        structlog.contextvars.bind_contextvars(service=context)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared_steps, processors=last_steps))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    logging.getLogger("uvicorn.access").disabled = True  # the edge writes its own, redacted
    for name in ("aiokafka", "httpx"):
        logging.getLogger(name).setLevel(logging.WARNING)


def discreet(span: ReadableSpan) -> ReadableSpan:
    """Give a finished span as it may leave the process: as free of secrets and persons as the log is."""
    status = span.status
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_without_values(span.attributes),
        events=[Event(each.name, _without_values(each.attributes), each.timestamp) for each in span.events],
        links=[trace.Link(each.context, _without_values(each.attributes)) for each in span.links],
        kind=span.kind,
        status=Status(status.status_code, redact(status.description)) if status.description else status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _without_values(attributes: Attributes) -> Attributes:
    return {name: redact(value) for name, value in (attributes or {}).items()}


def printed(span: ReadableSpan) -> str:
    """Write a finished span as a line of JSON."""
    return json.dumps(json.loads(discreet(span).to_json(indent=None)), ensure_ascii=False) + "\n"


_traceparents = TraceContextTextMapPropagator()


def links_to(traceparents: Iterable[str | None]) -> list[trace.Link]:
    """Link to the requests that brought events about, each once; what is no W3C traceparent is passed over."""
    given = dict.fromkeys(text for text in traceparents if text)
    contexts = [
        trace.get_current_span(_traceparents.extract({"traceparent": text}, Context())).get_span_context()
        for text in given
    ]
    return [trace.Link(context) for context in contexts if context.is_valid]


def span_of_batch(
    tracer: trace.Tracer, name: str, traceparents: Iterable[str | None]
) -> AbstractContextManager[object]:
    """Make a span of events that are applied together, linked to their requests; costs nothing without traces."""
    if isinstance(tracer, trace.NoOpTracer):
        return nullcontext()
    return tracer.start_as_current_span(name, kind=trace.SpanKind.CONSUMER, links=links_to(traceparents))


def current_traceparent() -> str | None:
    """Name the span at work in W3C's form; None where nothing is traced."""
    if trace.get_current_span() is trace.INVALID_SPAN:
        return None
    carrier: dict[str, str] = {}
    _traceparents.inject(carrier)
    return carrier.get("traceparent")


def _way_out_to(endpoint: str) -> SpanProcessor:
    if endpoint == "console":
        return BatchSpanProcessor(ConsoleSpanExporter(out=sys.stderr, formatter=printed))
    from shared.collector import to_collector  # noqa: PLC0415 (whoever sends nothing does not load what sends)

    return to_collector(endpoint)


class Tracing:
    """Traces of one service: requests, statements, what consumers apply; nothing at all without `trace_endpoint`.

    Finished spans leave from a thread of their own, out of a line of bounded length: a request waits for nobody.
    """

    def __init__(self, settings: Settings, context: str) -> None:
        self._provider: TracerProvider | None = None
        if settings.trace_endpoint:
            resource = Resource.create({"service.name": f"cxq-{context}", "service.namespace": "cxq"})
            self._provider = TracerProvider(resource=resource)
            self._provider.add_span_processor(_way_out_to(settings.trace_endpoint))

    @property
    def tracer(self) -> trace.Tracer:
        """Give what the background makes its spans with."""
        return self._provider.get_tracer("cxq") if self._provider else trace.NoOpTracer()

    @property
    def is_on(self) -> bool:
        """Whether anybody gets the spans."""
        return self._provider is not None

    def of_requests(self) -> TelemetryConfig:
        """Tell FastAPI what to trace; metrics and error logs are ours."""
        if self._provider is None:
            return {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
        return {
            "tracer_provider": self._provider,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
            "exclude": lambda scope: str(scope.get("path", "")).startswith(("/health/", "/metrics", "/docs")),
        }

    def of_statements(self, *engines: AsyncEngine) -> None:
        """Trace the statements of a process's engines; they hold parameters' names, never their values."""
        if self._provider is not None:
            SQLAlchemyInstrumentor().instrument(
                engines=[engine.sync_engine for engine in engines],
                tracer_provider=self._provider,
                skip_dep_check=True,  # it knows SQLAlchemy up to 2.0; the events it listens to are the same in 2.1
            )

    async def close(self) -> None:
        """Send what is left, if there is somebody to take it soon."""
        if self._provider is not None:
            await asyncio.to_thread(self._provider.shutdown)
