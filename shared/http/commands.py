"""Commands over HTTP: a key, a version, a use case, one answer."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

import msgspec
from fastapi import Depends, Request, Response
from pydantic import BaseModel

from shared.http.desk import Desk, cause_of
from shared.http.edge import writer_of
from shared.http.problems import PROBLEM_JSON
from shared.http.routes import Operation, if_match_of
from shared.http.waiting import Probe, preferred_wait, wait_for
from shared.kernel.ids import new_id
from shared.kernel.refusal import Refused
from shared.store.execution import Answer, IdempotencyKey
from shared.store.transaction import Transaction

JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """A representation to answer with: `version` becomes the ETag, `location` the path of what was created."""

    body: BaseModel
    version: int | None = None
    status: int = 200
    location: str = ""

    def answer(self, position: int = 0) -> Answer:
        """Write it as bytes and headers; `position` is the log's, 0 for none."""
        headers = {"Content-Type": JSON}
        if self.version is not None:
            headers["ETag"] = f'"{self.version}"'
        if position:
            headers["Event-Position"] = str(position)
        if self.location:
            headers["Location"] = self.location
        return Answer(status=self.status, headers=headers, body=self.body.model_dump_json().encode())


class CommandDesk(Desk):
    """What a handler of a command works with; ask for it as a parameter of type `CommandRequest`."""

    @property
    def if_match(self) -> int | None:
        """The version the caller has decided on, where the operation asks for one or the caller names one."""
        if "if-match" not in self._request.headers:
            return None
        return if_match_of(self._request)

    def new_id(self, prefix: str) -> str:
        """Make an id for something this command creates."""
        return new_id(prefix, self._visit.began)

    async def run[R](
        self,
        use_case: Callable[[Transaction], Awaitable[R]],
        present: Callable[[R], Presented],
    ) -> Response:
        """Run a use case in its transaction and answer with what it made; a repeated key gets the same answer again.

        Where the operation needs a duty of the office, whoever lacks it is refused first.
        """
        route = self._request.scope["route"]
        rules = route.rules if isinstance(route, Operation) else None
        key = await self.key() if rules is not None and rules.idempotent else None
        answer = await self._edge.runtime.commands.execute(
            cause_of(self._visit),
            self._by_whom_it_is_the_duty_of(use_case),
            answer=lambda result, tx: present(result).answer(tx.position),
            refused=self._refused,
            key=key,
        )
        return response_of(answer)

    def _by_whom_it_is_the_duty_of[R](
        self, use_case: Callable[[Transaction], Awaitable[R]]
    ) -> Callable[[Transaction], Awaitable[R]]:
        duties, operation = self._edge.context.duties, self._visit.operation
        if duties is None or operation not in duties.of_operations:
            return use_case

        async def dutiful(tx: Transaction) -> R:
            await duties.check(tx, operation, self.caller.principal)
            return await use_case(tx)

        return dutiful

    async def wait_for(self, probe: Probe, *, otherwise: Response) -> Response:
        """Wait for the outcome of a process as long as `Prefer: wait=N` says, and answer with it; else as given.

        Only a fresh 202 waits: a refusal and a replayed answer are final.
        """
        seconds = preferred_wait(self._request.headers.getlist("prefer"))
        if otherwise.status_code != 202 or seconds == 0 or "idempotency-replayed" in otherwise.headers:  # noqa: PLR2004
            return otherwise
        try:
            outcome = await wait_for(probe, seconds, self._edge.runtime.news)
        except Refused as refused:
            return writer_of(self._request).of_refusal(refused).response()
        if outcome is None:
            return otherwise
        response = response_of(outcome.answer())
        response.headers["Preference-Applied"] = f"wait={seconds}"
        return response

    def _refused(self, refused: Refused) -> Answer:
        problem = writer_of(self._request).of_refusal(refused)
        headers = {"Content-Type": PROBLEM_JSON, **problem.headers}
        return Answer(status=problem.status, headers=headers, body=problem.body)

    async def key(self) -> IdempotencyKey:
        """Give the idempotency key of the request, with what was asked under it."""
        return IdempotencyKey(
            principal=self.caller.principal,
            operation=self._visit.operation,
            key=self._request.headers["idempotency-key"],
            payload=await canonical_payload(self._request),
        )


def _desk(request: Request) -> CommandDesk:
    return CommandDesk(request)


CommandRequest = Annotated[CommandDesk, Depends(_desk)]
"""The type of a handler's parameter that gives it the caller, ids, the version, and `run`."""


async def canonical_payload(request: Request) -> bytes:
    """Write what was asked in one way only: method, path, query and body, however the same was spelt on the wire."""
    body = await request.body()
    content_type = request.headers.get("content-type", "")
    if content_type.startswith("multipart/"):
        boundary = content_type.partition("boundary=")[2].partition(";")[0].strip('" ')
        body = body.replace(boundary.encode("latin-1"), b"") if boundary else body
    elif body:
        body = msgspec.json.encode(await request.json(), order="sorted")
    query = sorted(request.query_params.multi_items())
    return msgspec.json.encode([request.method, request.url.path, query]) + b"\n" + body


def response_of(answer: Answer) -> Response:
    """Make the HTTP response of an answer, marked when it was given before."""
    headers: Mapping[str, str] = answer.headers
    if answer.replayed:
        headers = {**headers, "Idempotency-Replayed": "true"}
    return Response(answer.body, answer.status, dict(headers))
