"""That nothing is left, told from memory: in the minutes after a sell-out thousands are told so a second."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from services.issuance.api.ordinary_claims import CLAIMS, OPERATION, Wanted
from services.issuance.domain.claiming import quota_exhausted
from services.issuance.intake.intake import Intake
from shared.http.at_once import Reply, lines_of
from shared.http.edge import Edge, Visit, writer_for
from shared.http.identity import Caller
from shared.http.lanes import text_of
from shared.http.language import Language
from shared.http.middleware import completed_lines, meet, note_answer, raw_headers
from shared.http.policy import Role
from shared.http.problems import PROBLEM_JSON
from shared.kernel.refusal import Reason, Refused
from shared.store.execution import Answer

_FORMS_MAX = 256
_TRACE = "trace-of-this-request"
"""Stands for the trace in a form."""


class Form(NamedTuple):
    """A refusal with a gap: the trace of a request belongs between `before` and `after`."""

    status: int
    headers: dict[str, str]
    lines: str
    """The headers, as they go over the wire."""
    before: bytes
    after: bytes

    def body(self, visit: Visit) -> bytes:
        """Fill in the trace."""
        return self.before + visit.trace_id.encode() + self.after


class SoldOut:
    """Tells claims that nothing is left, in the bytes in which any refusal is written.

    Who may have won before, whose key is being decided, who asks too often or in no ordinary way is not told here.
    """

    def __init__(self, edge: Edge, intake: Intake, seconds: Callable[[], float]) -> None:
        self._edge, self._intake, self._seconds = edge, intake, seconds
        self._forms: dict[tuple[Language, object, object], Form] = {}

    def reply(self, head: dict[bytes, bytes], asked: Wanted, caller: Caller, now: datetime) -> Reply | None:
        """Answer a claim whose caller may make it; None, and nothing has happened, where it has to be looked at."""
        if not self._intake.is_sold_out(asked.period_id):
            return None
        key = text_of(head, b"idempotency-key")
        if caller.role is Role.CHANNEL or not self._intake.comes_too_late(
            asked.period_id, caller.principal, key, asked.amount, now
        ):
            return None
        began = self._seconds()
        allowance = self._edge.buckets.take(caller.principal)
        if not allowance.granted:
            return None
        visit = meet(
            self._edge,
            {},
            request_id=text_of(head, b"x-request-id"),
            traceparent=text_of(head, b"traceparent"),
            accept_language=text_of(head, b"accept-language"),
            now=now,
        )
        visit.caller, visit.operation, visit.allowance = caller, OPERATION, allowance
        form = self._forms.get((visit.language, asked.amount, 0))
        if form is None:
            form = self._made(visit, quota_exhausted(asked.amount, 0))
        body = form.body(visit)
        lines = completed_lines(form.lines, visit, len(body))
        seconds = self._seconds() - began
        note_answer(self._edge, visit, method="POST", path=CLAIMS, route=CLAIMS, status=form.status, seconds=seconds)
        return Reply(form.status, lines, body)

    def told(self, visit: Visit, reason: Reason) -> Answer:
        """Write that nothing, or too little, is left for a claim that was decided."""
        form = self._forms.get((visit.language, reason.value, reason.limit)) or self._made(visit, reason)
        return Answer(status=form.status, headers=form.headers, body=form.body(visit))

    def _made(self, visit: Visit, reason: Reason) -> Form:
        """Make the form of such a refusal in the caller's language; as people ask for round sums, there are few."""
        writer = replace(writer_for(self._edge, visit, CLAIMS), trace_id=_TRACE)
        problem = writer.of_refusal(Refused(reason))
        headers = {"Content-Type": PROBLEM_JSON, **problem.headers}
        before, _, after = problem.body.partition(_TRACE.encode())
        if len(self._forms) >= _FORMS_MAX:
            self._forms.clear()
        made = Form(problem.status, headers, lines_of(raw_headers(headers)).decode(), before, after)
        self._forms[visit.language, reason.value, reason.limit] = made
        return made
