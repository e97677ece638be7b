"""Reading over HTTP: one aggregate with its version, or a page of a read model with its position."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
import sqlalchemy as sa
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import UnaryExpression

from shared.bus.readable import heard
from shared.http.commands import Presented, response_of
from shared.http.cursors import Cursors
from shared.http.desk import Desk
from shared.http.problems import ProblemError
from shared.projections.projection import Projection
from shared.projections.reading import as_of

LIMIT_MAX = 200
_BEHIND_S = 2.0
_LOOK_AGAIN_S = 0.25
"""How long a reader waits for news at most before it looks for itself; only lost news make it wait that long."""

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="每页条数 · Items on a page")]
"""The type of a handler's `limit` parameter; give it the default 50."""
CursorText = Annotated[
    str | None, Query(max_length=2000, description="上一页的 next_cursor · next_cursor of the page before")
]
"""The type of a handler's `cursor` parameter; its default is None."""
MinPosition = Annotated[
    int | None,
    Query(ge=0, le=2**63 - 1, description="先读到此 Event-Position · Wait until this Event-Position can be read"),
]
"""The type of a parameter that names a position the answer must have reached; its default is None."""


class Page[T](BaseModel):
    """One page of a list; `as_of` is the log's position the list is complete up to."""

    model_config = ConfigDict(frozen=True)

    items: list[T]
    next_cursor: str | None = Field(examples=["3q2-7w"])
    has_more: bool = Field(examples=[True])
    as_of: int | None = Field(default=None, examples=[1042])


class ReadDesk(Desk):
    """What a handler of a query works with; ask for it as a parameter of type `ReadRequest`."""

    def __init__(self, request: Request, response: Response, min_position: int | None) -> None:
        super().__init__(request)
        self._response, self._min_position = response, min_position
        self._as_of: int | None = None

    def answer(self, presented: Presented) -> Response:
        """Answer with a representation and its ETag, or with 304 when the caller has that version already."""
        response = response_of(presented.answer())
        etag = response.headers.get("etag")
        known = {tag.strip() for tag in self._request.headers.get("if-none-match", "").split(",")}
        if etag is not None and (etag in known or "*" in known):
            return Response(status_code=304, headers={"ETag": etag})
        return response

    async def caught_up(self, projection: Projection, position: int = 0) -> int:
        """Wait up to two seconds until a read model has reached `min_position` and `position`; say where it stands.

        ProblemError `behind` when it has not; without either there is nothing to wait for.
        """
        wanted = max(self._min_position or 0, position)
        loop = asyncio.get_running_loop()
        until = loop.time() + _BEHIND_S
        while True:
            news = self._edge.runtime.news.next()
            async with self.connection() as connection:
                reached = await as_of(
                    connection, projection, self._edge.context.name, self._edge.settings.topic(self._edge.context.name)
                )
            if reached >= wanted:
                self._as_of = reached
                return reached
            left = until - loop.time()
            if left <= 0:
                raise ProblemError("behind", value=reached, limit=wanted, headers={"Retry-After": "1"})
            await heard(news, min(_LOOK_AGAIN_S, left))

    async def page[T](
        self,
        select: sa.Select[Any],
        keys: Sequence[sa.ColumnElement[Any]],
        limit: int,
        cursor: str | None,
        present: Callable[[Any], T],
    ) -> Page[T]:
        """Read one page, sorted by `keys`: together unique, never null, all ascending or all `.desc()`.

        `present` makes an item of a row. The `Link` header points to the next page.
        """
        columns, descending = _sorting(keys)
        bound_to = self._bound_to()
        cursors = Cursors(self._edge.settings)
        statement = select.add_columns(*(column.label(f"cursor_{i}") for i, column in enumerate(columns)))
        if cursor is not None:
            values = _checked(cursors.read(bound_to, cursor), columns)
            after = sa.tuple_(*(sa.literal(v, c.type) for v, c in zip(values, columns, strict=True)))
            statement = statement.where(sa.tuple_(*columns) < after if descending else sa.tuple_(*columns) > after)
        async with self.connection() as connection:
            rows = (await connection.execute(statement.order_by(*keys).limit(limit + 1))).all()
        shown, has_more = rows[:limit], len(rows) > limit
        next_cursor = None
        if has_more:
            next_cursor = cursors.write(bound_to, list(shown[-1][-len(columns) :]))
            query = [(name, value) for name, value in self._filters() if name != "limit"]
            target = urlencode([*query, ("limit", str(limit)), ("cursor", next_cursor)])
            self._response.headers["Link"] = f'<{self._request.url.path}?{target}>; rel="next"'
        return Page(
            items=[present(row) for row in shown], next_cursor=next_cursor, has_more=has_more, as_of=self._as_of
        )

    def _filters(self) -> list[tuple[str, str]]:
        return sorted(
            (name, value)
            for name, value in self._request.query_params.multi_items()
            if name not in {"cursor", "min_position"}
        )

    def _bound_to(self) -> str:
        filters = [(name, value) for name, value in self._filters() if name != "limit"]
        principal = self._visit.caller.principal if self._visit.caller else ""
        return msgspec.json.encode([self._visit.operation, self._request.url.path, principal, filters]).decode()


def _sorting(keys: Sequence[sa.ColumnElement[Any]]) -> tuple[list[sa.ColumnElement[Any]], bool]:
    columns: list[sa.ColumnElement[Any]] = []
    directions: set[bool] = set()
    for key in keys:
        is_descending = isinstance(key, UnaryExpression) and key.modifier is operators.desc_op
        directions.add(is_descending)
        columns.append(key.element if isinstance(key, UnaryExpression) else key)
    if len(directions) != 1:
        raise ValueError("a list is sorted by columns that all ascend or all descend")
    return columns, directions.pop()


def _checked(values: list[Any], columns: list[sa.ColumnElement[Any]]) -> list[Any]:
    if len(values) != len(columns):
        raise ProblemError("cursor-malformed")
    return values


def _desk(request: Request, response: Response, min_position: MinPosition = None) -> ReadDesk:
    return ReadDesk(request, response, min_position)


ReadRequest = Annotated[ReadDesk, Depends(_desk)]
"""The type of a handler's parameter that gives it the caller, a connection, `caught_up` and `page`."""
