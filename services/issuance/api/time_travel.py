"""How things stood: `?as_of=` names a position of the log, or a day whose end is meant."""

from datetime import date, timedelta
from typing import Annotated

import sqlalchemy as sa
from fastapi import Query
from pydantic import AfterValidator
from pydantic_core import PydanticKnownError
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.http.problems import ProblemError
from shared.http.reading import ReadDesk
from shared.kernel.calendar import business_date, start_of
from shared.store.tables import events, log_head


def _in_the_calendar(as_of: str | None) -> str | None:
    """Refuse a day that no calendar has; a position is written in digits alone."""
    if as_of is not None and "-" in as_of:
        try:
            date.fromisoformat(as_of)
        except ValueError as error:
            raise PydanticKnownError("date_parsing", {"error": str(error)}) from error
    return as_of


AsOf = Annotated[
    str | None,
    AfterValidator(_in_the_calendar),
    Query(
        pattern=r"^([0-9]{1,18}|[0-9]{4}-[0-9]{2}-[0-9]{2})$",
        description=(
            "当时的情形：日志位置，或某日（北京时间该日结束时）；首条记录之前的日期与 0 相同，尚无任何内容 · "
            "How it stood: a position of the log, or a day (its end in Beijing); "
            "a day before the first record is as 0: there was nothing yet"
        ),
        examples=["1042"],
    ),
]
"""The type of a handler's `as_of` parameter; its default is None, which means now."""
AS_OF_CODES = ("as-of-in-the-future",)
"""What an operation with an `as_of` may be refused with besides."""

_AROUND = 5_000
"""How far positions may be from the order of their instants: who begins first may commit last."""
_ONE_DAY = timedelta(days=1)


async def position_of(request: ReadDesk, as_of: str) -> int:
    """Give the last position that counts, 0 for none yet; ProblemError for one that is not written yet."""
    async with request.connection() as connection:
        head = (await connection.execute(sa.select(log_head.c.position))).scalar_one()
        if as_of.isdigit():
            if int(as_of) > head:
                raise ProblemError("as-of-in-the-future", value=int(as_of), limit=head)
            return int(as_of)
        return await _end_of_day(connection, date.fromisoformat(as_of), head, today=business_date(request.now))


async def _end_of_day(connection: AsyncConnection, day: date, head: int, *, today: date) -> int:
    if day >= today:
        raise ProblemError("as-of-in-the-future", value=day, limit=today - _ONE_DAY)
    midnight = start_of(day + _ONE_DAY)
    low, high = 0, head
    while low < high:  # positions are in the order of commits, which is nearly that of instants
        middle = (low + high + 1) // 2
        at = await connection.execute(sa.select(events.c.recorded_at).where(events.c.position == middle))
        low, high = (middle, high) if at.scalar_one() < midnight else (low, middle - 1)
    near = sa.select(sa.func.max(events.c.position)).where(
        events.c.position.between(low - _AROUND, low + _AROUND), events.c.recorded_at < midnight
    )
    last: int | None = (await connection.execute(near)).scalar_one()
    return last or 0
