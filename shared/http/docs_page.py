"""The API pages: OpenAPI shown by Swagger UI, every file served by the service itself, and a page per problem code."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from shared.http.edge import edge_of
from shared.http.problems import ProblemError

STATIC = Path(__file__).parent / "static"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".png": "image/png", ".html": "text/html"}
_ASSETS = {file.name: file for file in STATIC.iterdir() if file.suffix in _TYPES and file.name != "docs.html"}
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self';"
    " frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)

router = APIRouter(include_in_schema=False)


@router.get("/")
async def get_root() -> Response:
    """Lead whoever opens the bare address to the API page."""
    return RedirectResponse("/docs")


@router.get("/docs")
async def get_docs(request: Request) -> Response:
    """Show the API page, under the name of its service."""
    page = (STATIC / "docs.html").read_text("utf-8").replace("{title}", edge_of(request).context.title)
    headers = {"Content-Security-Policy": _PAGE_POLICY, "Cache-Control": "no-cache"}
    return Response(page, headers=headers, media_type="text/html")


@router.get("/docs/assets/{name}")
async def get_docs_asset(name: str) -> Response:
    """Give one of the page's files."""
    if name not in _ASSETS:
        raise ProblemError("not-found")
    file = _ASSETS[name]
    headers = {"Cache-Control": "public, max-age=86400"}
    return Response(file.read_bytes(), headers=headers, media_type=_TYPES[file.suffix])


@router.get("/openapi.json")
async def get_openapi(request: Request) -> Response:
    """Give the OpenAPI document."""
    return Response(request.app.state.openapi, headers={"Cache-Control": "no-cache"}, media_type="application/json")


@router.get("/problems/{code}")
async def get_problem(code: str, request: Request) -> dict[str, Any]:
    """Explain a problem code in both languages; `type` of a problem document points here."""
    entry = edge_of(request).catalogue.get(code)
    if entry is None:
        raise ProblemError("not-found")
    return {
        "code": entry.code,
        "status": entry.status,
        "title": dict(entry.title),
        "detail": dict(entry.detail),
        "remedy": dict(entry.remedy),
    }


def serve_pages(app: FastAPI) -> None:
    """Add the pages to a service."""
    app.include_router(router)
