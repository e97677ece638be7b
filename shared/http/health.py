"""Is the process alive, is it ready, and what do its counters say."""

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import Field

from shared.gauges import read_gauges
from shared.http.edge import edge_of
from shared.http.models import View
from shared.telemetry import redact

router = APIRouter(tags=["health"])


class LiveView(View):
    """The process answers."""

    status: str = Field(examples=["live"])
    context: str = Field(examples=["issuance"])


class PartView(View):
    """One part of the process; `detail` says what is wrong, and is empty when nothing is."""

    name: str = Field(examples=["relay"])
    state: str = Field(examples=["running"])
    detail: str = Field(examples=[""])


class ReadyView(View):
    """Whether commands are taken, and how each part is."""

    ready: bool = Field(examples=[True])
    degraded: bool = Field(examples=[False])
    parts: list[PartView]


@router.get("/health/live", operation_id="getLiveness", summary="进程存活 · Is the process alive")
async def get_liveness(request: Request) -> LiveView:
    """Answer as long as the process can answer at all."""
    return LiveView(status="live", context=edge_of(request).context.name)


@router.get(
    "/health/ready",
    operation_id="getReadiness",
    summary="服务就绪 · Is the service ready",
    responses={503: {"model": ReadyView, "description": "未就绪 · Not ready"}},
)
async def get_readiness(request: Request, response: Response) -> ReadyView:
    """Answer 200 when commands are taken, else 503; in both cases say how each part is."""
    edge = edge_of(request)
    health = await edge.runtime.health()
    response.status_code = 200 if health.ready else 503
    parts = [PartView(name=part.name, state=part.state, detail=redact(part.detail)) for part in health.parts]
    return ReadyView(ready=health.ready, degraded=health.degraded, parts=parts)


@router.get("/metrics", include_in_schema=False)
async def get_metrics(request: Request) -> Response:
    """Give the counters in Prometheus' text form, with the gauges as they are now."""
    await read_gauges(edge_of(request).runtime)
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
