"""Finished spans on their way to a collector: OTLP over HTTP, for as long as the process has time for it."""

import time
from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from shared.telemetry import discreet

ATTEMPT_S = 2.0
"""How long one batch may take, another try included; then it is lost, and the log says so."""
FAREWELL_S = 2.0
"""How long after the end of the service a batch may still be begun."""


class Discreet(SpanExporter):
    """Lets spans pass as they may leave the process; from `hurry` on only for a moment."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter, self._until = exporter, float("inf")

    def hurry(self) -> None:
        """Say that the process ends."""
        self._until = time.monotonic() + FAREWELL_S

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch, unless it is too late for it."""
        if time.monotonic() > self._until:
            return SpanExportResult.FAILURE
        return self._exporter.export([discreet(span) for span in spans])

    def shutdown(self) -> None:
        """Close the connection."""
        self._exporter.shutdown()


class _InBatches(BatchSpanProcessor):
    def __init__(self, exporter: Discreet) -> None:
        super().__init__(exporter)
        self._discreet = exporter

    def shutdown(self) -> None:
        """Send what is left: for `FAREWELL_S` and one attempt at the most."""
        self._discreet.hurry()
        super().shutdown()  # type: ignore[no-untyped-call]  # its author gave it no types


def to_collector(endpoint: str) -> BatchSpanProcessor:
    """Send spans to an address, in batches from a thread of its own; what the line cannot hold is lost.

    Headers, such as a collector's key, and certificates are told by OpenTelemetry's own variables
    (`OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_EXPORTER_OTLP_CERTIFICATE`).
    """
    return _InBatches(Discreet(OTLPSpanExporter(endpoint, timeout=ATTEMPT_S)))
