"""Spans reach a collector that listens, and nobody waits for one that does not."""

import asyncio
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pydantic import ValidationError

from services.registry.app import CONTEXT
from shared.clock import SystemClock
from shared.collector import ATTEMPT_S, FAREWELL_S
from shared.http.application import build_app
from shared.runtime import Runtime
from shared.settings import Settings
from shared.telemetry import Tracing

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
MORE_THAN_A_BATCH = 1_500
SLACK_S = 3
"""What a busy machine may add to a limit."""
PHONE = "13812345678"


@contextmanager
def collector(answers: Callable[[], object] = lambda: None) -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    """Listen for spans; `answers` is waited for before each batch is taken."""
    taken: list[ExportTraceServiceRequest] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answers()
            if self.path == "/v1/traces":
                taken.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_said: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/traces", taken
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@asynccontextmanager
async def registry(endpoint: str, folder: Path) -> AsyncIterator[tuple[httpx.AsyncClient, Tracing]]:
    """Put the service together and open its door; nothing runs in the background, and there is no database."""
    settings = Settings(env="dev", state_dir=folder, trace_endpoint=endpoint)
    runtime = Runtime(CONTEXT, settings, SystemClock())
    app = build_app(CONTEXT, settings, runtime=runtime)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://registry") as client:
        yield client, runtime.tracing


def spans_in(taken: list[ExportTraceServiceRequest]) -> list[tuple[str, Any]]:
    """List the spans that arrived, each with the name of its service."""
    return [
        (next(each.value.string_value for each in told.resource.attributes if each.key == "service.name"), span)
        for batch in taken
        for told in batch.resource_spans
        for scope in told.scope_spans
        for span in scope.spans
    ]


async def test_a_request_arrives_at_the_collector_as_a_span_of_the_trace_it_came_with(tmp_path: Path) -> None:
    with collector() as (endpoint, taken):
        async with registry(endpoint, tmp_path) as (client, tracing):
            assert (await client.get("/v1/measures", headers=TRACEPARENT)).status_code == 200
            await tracing.close()
    ((service, span),) = [(service, span) for service, span in spans_in(taken) if span.parent_span_id.hex() == CALLER]
    assert (service, span.trace_id.hex()) == ("cxq-registry", TRACE)
    assert span.name == "GET /v1/measures"


async def test_what_arrives_holds_neither_secrets_nor_persons(tmp_path: Path) -> None:
    with collector() as (endpoint, taken):
        async with registry(endpoint, tmp_path) as (_, tracing):
            with (
                pytest.raises(ValueError, match="call"),
                tracing.tracer.start_as_current_span("calling", attributes={"caller": PHONE, "asked": [PHONE]}),
            ):
                raise ValueError(f"call {PHONE}")
            await tracing.close()
    ((_, arrived),) = spans_in(taken)
    assert (arrived.name, len(arrived.events), PHONE in str(arrived)) == ("calling", 1, False)


async def test_requests_are_answered_while_the_collector_keeps_silent_and_the_end_does_not_wait_for_it(
    tmp_path: Path,
) -> None:
    asked, silence = threading.Event(), threading.Event()

    def keep_silent() -> None:
        asked.set()
        silence.wait()

    with collector(keep_silent) as (endpoint, taken):
        try:
            async with registry(endpoint, tmp_path) as (client, tracing):
                for _ in range(MORE_THAN_A_BATCH):
                    with tracing.tracer.start_as_current_span("before"):
                        pass
                assert await asyncio.to_thread(asked.wait, 10)
                answers = [await client.get("/v1/measures", headers=TRACEPARENT) for _ in range(3)]
                assert [answer.status_code for answer in answers] == [200, 200, 200]
                assert taken == []  # the first batch still waits
                ending = time.monotonic()
                await tracing.close()
                assert time.monotonic() - ending < FAREWELL_S + ATTEMPT_S + SLACK_S
        finally:
            silence.set()


async def test_without_a_collector_requests_are_answered_and_the_end_comes_soon(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    async with registry(f"http://127.0.0.1:{port}/v1/traces", tmp_path) as (client, tracing):
        assert (await client.get("/v1/measures", headers=TRACEPARENT)).status_code == 200
        ending = time.monotonic()
        await tracing.close()
        assert time.monotonic() - ending < FAREWELL_S + ATTEMPT_S + SLACK_S


def test_who_sends_nothing_does_not_load_what_sends() -> None:
    code = (
        "import sys; from shared.settings import Settings; from shared.telemetry import Tracing;"
        " assert not Tracing(Settings(env='dev'), 'registry').is_on;"
        " print([name for name in sys.modules if name.startswith(('opentelemetry.exporter', 'requests', 'google'))])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert told.stdout.strip() == "[]"


@pytest.mark.parametrize("endpoint", ["", "console", "http://127.0.0.1:4318/v1/traces", "https://collector/v1/traces"])
def test_spans_go_nowhere_to_the_console_or_to_an_address(endpoint: str) -> None:
    assert Settings(env="dev", trace_endpoint=endpoint).trace_endpoint == endpoint


@pytest.mark.parametrize("endpoint", ["yes", "collector:4317", "grpc://collector:4317", "http://", "http:///v1/traces"])
def test_what_is_no_way_out_of_spans_is_said_at_the_start(endpoint: str) -> None:
    with pytest.raises(ValidationError, match="trace_endpoint"):
        Settings(env="dev", trace_endpoint=endpoint)
