"""What the registry's public lists may be asked by: a day, words within a name, a district, a party."""

from datetime import date
from typing import Annotated

from fastapi import Path, Query

from shared.http.problems import ProblemError
from shared.http.reading import ReadRequest
from shared.kernel.calendar import business_date

PathId = Annotated[str, Path(max_length=40)]
DayQuery = Annotated[date | None, Query(description="当日名单，默认今天 · The list of that day; today by default")]
NameQuery = Annotated[
    str | None, Query(min_length=1, max_length=100, description="名称中包含的文字 · Words within the name")
]
DistrictQuery = Annotated[str | None, Query(max_length=20, description="所在区 · District", examples=["海淀区"])]
PartyQuery = Annotated[str | None, Query(max_length=40)]


def day_asked(request: ReadRequest, on: date | None) -> date:
    """Give the day a list is asked for: today unless named; a day to come is refused."""
    today = business_date(request.now)
    if on is not None and on > today:
        raise ProblemError("day-not-yet-come", value=on, limit=today)
    return on or today
