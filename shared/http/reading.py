"""Reading over HTTP: one aggregate with its version, or a page of a read model with its position."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
import sqlalchemy as sa
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import UnaryExpression

from shared.bus.readable import heard
from shared.http.commands import JSON, Presented, response_of
from shared.http.cursors import Cursors
from shared.http.desk import Desk, read_only
from shared.http.problems import ProblemError
from shared.projections.projection import Projection
from shared.projections.reading import as_of

LIMIT_MAX = 200
_OF_A_PAGE = {"limit", "cursor", "min_position"}
"""Parameters of every list, which do not choose what is in it."""
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
        columns, _ = _sorting(keys)
        asked = self._asked()
        async with self.connection() as connection:
            rows = await self._rows(connection, Listing(select, keys), {}, limit, cursor, asked)
        shown = rows[:limit]
        next_cursor = self._next_cursor(asked, rows, limit, len(columns))
        if next_cursor is not None:
            self._response.headers["Link"] = asked.link(limit, next_cursor)
        return Page(
            items=[present(row) for row in shown],
            next_cursor=next_cursor,
            has_more=next_cursor is not None,
            as_of=self._as_of,
        )

    async def written_page(
        self,
        listing: "Listing",
        of: Projection,
        parameters: Mapping[str, object],
        limit: int,
        cursor: str | None,
        write: Callable[[Any], Mapping[str, Any]],
    ) -> Response:
        """Answer with one page of a read model's list, byte for byte as `page` would, for lists that are read often.

        `write` gives the JSON of a row. The listing is made once and for all; where the model stands is read first, so
        that the rows are never older than the answer says.
        """
        asked = self._asked()
        if self._min_position is not None:
            await self.caught_up(of)
        async with read_only(self._edge.runtime.engine, loose=True) as connection:
            if self._min_position is None:
                context = self._edge.context.name
                self._as_of = await as_of(connection, of, context, self._edge.settings.topic(context))
            rows = await self._rows(connection, listing, parameters, limit, cursor, asked)
        next_cursor = self._next_cursor(asked, rows, limit, len(listing.columns))
        headers = {"Link": asked.link(limit, next_cursor)} if next_cursor is not None else None
        body = page_json([write(row) for row in rows[:limit]], next_cursor, self._as_of)
        return Response(body, headers=headers, media_type=JSON)

    async def _rows(
        self,
        connection: AsyncConnection,
        listing: "Listing",
        parameters: Mapping[str, object],
        limit: int,
        cursor: str | None,
        asked: "ListAsked",
    ) -> Sequence[Any]:
        """Read the rows of a page and one more."""
        values = {**parameters, "page_limit": limit + 1}
        if cursor is None:
            return (await connection.execute(listing.first, values)).all()
        given = _checked(Cursors(self._edge.settings).read(asked.bound_to, cursor), listing.columns)
        values |= {f"after_{i}": value for i, value in enumerate(given)}
        return (await connection.execute(listing.behind, values)).all()

    def _next_cursor(self, asked: "ListAsked", rows: Sequence[Any], limit: int, keys: int) -> str | None:
        """Write where the next page begins, or None when there is none."""
        if len(rows) <= limit:
            return None
        return Cursors(self._edge.settings).write(asked.bound_to, list(rows[limit - 1][-keys:]))

    def _asked(self) -> "ListAsked":
        given = self._request.query_params.multi_items()
        return ListAsked(
            operation=self._visit.operation,
            path=self._request.url.path,
            principal=self._visit.caller.principal if self._visit.caller else "",
            filters=sorted((name, value) for name, value in given if name not in _OF_A_PAGE),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ListAsked:
    """Which list somebody asks for, whatever page of it; `filters` are sorted, and have nothing of a page in them."""

    operation: str
    path: str
    principal: str
    filters: Sequence[tuple[str, str]] = ()

    @property
    def bound_to(self) -> str:
        """Say what its cursors are good for."""
        return msgspec.json.encode([self.operation, self.path, self.principal, self.filters]).decode()

    def link(self, limit: int, next_cursor: str) -> str:
        """Write the `Link` header that leads to the next page."""
        target = urlencode([*self.filters, ("limit", str(limit)), ("cursor", next_cursor)])
        return f'<{self.path}?{target}>; rel="next"'


def page_json(items: Sequence[Mapping[str, Any]], next_cursor: str | None, as_of: int | None) -> bytes:
    """Write a page as `Page` is written."""
    content = {"items": items, "next_cursor": next_cursor, "has_more": next_cursor is not None, "as_of": as_of}
    return msgspec.json.encode(content)


class Listing:
    """The statements of a list: its first page, and a page behind the values of a cursor.

    Their texts never change, so that one made once is neither put together nor compiled again. `keys` are as for
    `ReadDesk.page`; the select may have parameters of its own.
    """

    def __init__(self, select: sa.Select[Any], keys: Sequence[sa.ColumnElement[Any]]) -> None:
        self.columns, descending = _sorting(keys)
        whole = select.add_columns(*(column.label(f"cursor_{i}") for i, column in enumerate(self.columns)))
        places = sa.tuple_(*self.columns)
        after = sa.tuple_(*(sa.bindparam(f"after_{i}", type_=column.type) for i, column in enumerate(self.columns)))
        page_limit = sa.bindparam("page_limit", type_=sa.Integer)
        self.first = whole.order_by(*keys).limit(page_limit)
        self.behind = whole.where(places < after if descending else places > after).order_by(*keys).limit(page_limit)


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


async def _desk(request: Request, response: Response, min_position: MinPosition = None) -> ReadDesk:
    return ReadDesk(request, response, min_position)


ReadRequest = Annotated[ReadDesk, Depends(_desk)]
"""The type of a handler's parameter that gives it the caller, a connection, `caught_up` and `page`."""
