"""How bad input is sent: raw bytes to a running service, and what every problem that comes back must look like."""

import re
from collections.abc import AsyncIterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from itertools import count
from typing import Any

import httpx

from deploy.local.house import House
from shared.context import BoundedContext
from shared.http.openapi import _query_fields, operations
from shared.http.policy import PUBLIC
from shared.http.routes import Operation
from shared.settings import CONTEXTS

MEMBERS = {"type", "title", "status", "detail", "instance", "code", "errors", "remedy", "trace_id"}
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_KEYS = count(1)


def fresh_key() -> str:
    """Make an idempotency key that no other request has."""
    return f"bad-input-{next(_KEYS)}"


@cache
def context_of(name: str) -> BoundedContext:
    """Give a service's parts."""
    context: BoundedContext = import_module(f"services.{name}.app").CONTEXT
    return context


@dataclass(frozen=True, slots=True)
class Target:
    """One operation of one service."""

    context: str
    route: Operation

    @property
    def name(self) -> str:
        """Its operationId."""
        return self.route.operation_id or ""

    @property
    def method(self) -> str:
        """Its HTTP method."""
        (method,) = self.route.methods or {""}
        return method

    @property
    def path(self) -> str:
        """Its path, with ids of the right form that nothing has."""
        return re.sub(r"\{(\w+)\}", lambda found: _nobody(found[1]), self.route.path)

    @property
    def allowed(self) -> frozenset[str]:
        """The roles that may call it; empty for everybody."""
        return frozenset(context_of(self.context).policy[self.name])

    @property
    def is_public(self) -> bool:
        """Whether it needs no token."""
        return self.allowed == PUBLIC

    @property
    def is_paged(self) -> bool:
        """Whether it answers with a list that is read page by page."""
        return any(field.name == "cursor" for field in _query_fields(self.route.dependant))

    @property
    def needed(self) -> list[str]:
        """The parameters of the query that it cannot do without, each with a year for its value."""
        fields = _query_fields(self.route.dependant)
        return [f"{field.alias}=2025" for field in fields if field.field_info.is_required()]

    @property
    def takes_json(self) -> bool:
        """Whether it has a JSON body."""
        return self.route.body_field is not None and not self.route.takes_form


def _nobody(parameter: str) -> str:
    prefixes = {"period_id": "prd", "claimant_id": "clm", "provider_id": "prv", "project_id": "prj", "party_id": "clm"}
    prefixes |= {"contract_id": "ctr", "redemption_id": "rdm", "document_id": "doc", "service_id": "svc"}
    prefixes |= {"agency_id": "rag", "field_centre_id": "fct", "design_centre_id": "dsc", "event_id": "pev"}
    prefix = prefixes.get(parameter, parameter[:3])
    return "no-such-key" if parameter == "key" else f"{prefix}_01jq8v5x0000000000000000zz"


def targets() -> Iterator[Target]:
    """List every operation of every service."""
    for name in CONTEXTS:
        for route in operations(context_of(name)):
            yield Target(name, route)


@dataclass(frozen=True, slots=True)
class Door:
    """The front doors of the house."""

    house: House
    client: httpx.AsyncClient

    async def knock(
        self,
        target: Target,
        *,
        role: str | None = None,
        content: bytes | AsyncIterable[bytes] | None = None,
        headers: Mapping[str, str | None] | None = None,
        english: bool = False,
    ) -> httpx.Response:
        """Send a request that is in order but for what is given; a header that is None is left out."""
        chosen = role or (None if target.is_public else min(target.allowed))
        given: dict[str, str | None] = {"Content-Type": "application/json" if content is not None else None}
        if chosen:
            given["Authorization"] = (
                f"Bearer {self.house.token(chosen, 'user-nobody', 'clm_01jq8v5x0000000000000000zz')}"
            )
        if target.route.rules.idempotent:
            given["Idempotency-Key"] = fresh_key()
        if target.route.rules.if_match:
            given["If-Match"] = '"1"'
        if english:
            given["Accept-Language"] = "en"
        given |= headers or {}
        sent = {name: value for name, value in given.items() if value is not None}
        url = f"{self.house.urls[target.context]}{target.path}"
        return await self.client.request(target.method, url, content=content, headers=sent)

    async def example(self, target: Target) -> dict[str, Any]:
        """Give the body that the service's own document shows for an operation."""
        document = await self.document(target.context)
        described = document["paths"][target.route.path][target.method.lower()]
        example: dict[str, Any] = described["requestBody"]["content"]["application/json"]["example"]
        return example

    async def document(self, context: str) -> dict[str, Any]:
        """Read a service's OpenAPI document."""
        document: dict[str, Any] = (await self.client.get(f"{self.house.urls[context]}/openapi.json")).json()
        return document


def assert_problem(answer: httpx.Response, status: int, code: str, *, english: bool = False) -> dict[str, Any]:
    """Insist on a complete problem document in the right language, and give it."""
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["content-language"] == ("en" if english else "zh-CN")
    problem: dict[str, Any] = answer.json()
    assert problem.keys() >= MEMBERS
    assert problem["status"] == status
    assert problem["type"] == f"/problems/{code}"
    for member in ("title", "detail", "remedy"):
        assert problem[member], f"{member} is empty"
        assert bool(_CHINESE.search(problem[member])) is not english or member == "detail", problem[member]
    return problem
