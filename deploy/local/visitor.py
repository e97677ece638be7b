"""How the demonstration speaks to the services: as a person with a role, over HTTP, and nothing else."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from deploy.local.house import House
from shared.kernel.ids import new_id

_PATIENCE_S = 30.0
_PAUSE_S = 0.1
_ABSENT = {502, 503, 504}


class UnexpectedAnswerError(Exception):
    """A service answered otherwise than the story says; the message has the request and the answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    response: httpx.Response
    request: str

    @property
    def body(self) -> dict[str, Any]:
        """The JSON of the answer."""
        content = self.response.json()
        return content if isinstance(content, dict) else {}

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.response.status_code

    @property
    def version(self) -> int:
        """The version the ETag names."""
        return int(self.response.headers["etag"].strip('"'))

    def expect(self, *statuses: int) -> "Answer":
        """Insist on a status."""
        if self.status not in statuses:
            raise UnexpectedAnswerError(f"{self.request} answered {self.status}: {self.response.text[:600]}")
        return self

    def refused(self, code: str) -> "Answer":
        """Insist on a refusal for one reason that names its article and its remedy."""
        problem = self.body
        codes = [error["code"] for error in problem.get("errors", [])]
        if codes != [code] or not problem.get("rule", {}).get("article") or not problem.get("remedy"):
            raise UnexpectedAnswerError(f"{self.request} should be refused for {code}, but: {self.response.text[:600]}")
        return self


@dataclass(slots=True)
class Visitor:
    """One person at the five services; every command has a key, and is sent again while a service is away."""

    house: House
    client: httpx.AsyncClient
    role: str
    principal: str
    party: str | None = None
    keys: list[str] = field(default_factory=list)

    async def read(self, context: str, path: str, **query: str | int) -> Answer:
        """GET."""
        return await self._send("GET", context, path, {}, params=query)

    async def do(
        self,
        context: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        version: int | None = None,
        prefer: str = "",
        key: str = "",
        files: dict[str, Any] | None = None,
    ) -> Answer:
        """POST, with an idempotency key and, where something is changed, the version it was decided on."""
        self.keys.append(key or new_id("key", self.house.now()))
        headers = {"Idempotency-Key": self.keys[-1]}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        if prefer:
            headers["Prefer"] = prefer
        more: dict[str, Any] = {"files": files} if files else {"json": body} if body is not None else {}
        return await self._send("POST", context, path, headers, **more)

    async def until(
        self, context: str, path: str, holds: Callable[[dict[str, Any]], bool], **query: str | int
    ) -> Answer:
        """GET again and again until it says what the story waits for."""
        return await patiently(
            lambda: self.read(context, path, **query),
            lambda answer: answer.status == httpx.codes.OK and holds(answer.body),
        )

    async def _send(self, method: str, context: str, path: str, headers: dict[str, str], **more: Any) -> Answer:
        token = self.house.token(self.role, self.principal, self.party)
        headers |= {"Authorization": f"Bearer {token}", "Accept-Language": "en"}

        async def once() -> Answer:
            url = f"{self.house.urls[context]}{path}"
            response = await self.client.request(method, url, headers=headers, **more)
            return Answer(response, f"{method} {context}{path}")

        return await patiently(once, lambda answer: answer.status not in _ABSENT)


async def patiently(look: Callable[[], Awaitable[Answer]], satisfied: Callable[[Answer], bool]) -> Answer:
    """Look until satisfied, half a minute at most; a service that is just restarting is waited for."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _PATIENCE_S
    last: Answer | None = None
    while True:
        try:
            last = await look()
            if satisfied(last):
                return last
        except httpx.TransportError as error:
            if loop.time() >= until:
                raise UnexpectedAnswerError(f"no answer within {_PATIENCE_S:.0f} s: {error}") from error
        if loop.time() >= until:
            said = last.response.text[:600] if last else "nothing"
            raise UnexpectedAnswerError(f"waited {_PATIENCE_S:.0f} s in vain; the last answer was {said}")
        await asyncio.sleep(_PAUSE_S)
