"""Bodies and answers: strict going in, plain going out."""

import re
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, ClassVar, Literal, Self, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

AMOUNT_FEN_MAX = 10**13
"""A hundred billion yuan: beyond any budget here, and well inside the 64 bits of a column."""

_NEVER_CONVERTED = {"int", "float", "bool", "str"}
_WRITTEN_AS: dict[str, tuple[Literal["date_parsing", "datetime_parsing"], re.Pattern[str]]] = {
    "date": ("date_parsing", re.compile(r"\d{4}-\d{2}-\d{2}")),
    "datetime": ("datetime_parsing", re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})")),
}


def _as_json_has_it(schema: Any) -> Any:
    """Make every scalar of a schema strict, and let those JSON lacks be read from texts only."""
    if isinstance(schema, (list, tuple)):
        return type(schema)(_as_json_has_it(part) for part in schema)
    if not isinstance(schema, dict):
        return schema
    inner = {key: value if key == "metadata" else _as_json_has_it(value) for key, value in schema.items()}
    if inner.get("type") in _NEVER_CONVERTED:
        return inner | {"strict": True}
    if inner.get("type") in _WRITTEN_AS:
        check = _written_as(*_WRITTEN_AS[inner["type"]])
        return core_schema.no_info_before_validator_function(check, cast("CoreSchema", inner))
    return inner


def _written_as(
    error: Literal["date_parsing", "datetime_parsing"], form: re.Pattern[str]
) -> Callable[[object], object]:
    def check(value: object) -> object:
        """Refuse the timestamps and loose forms that would pass for dates; a date that is one already is fine."""
        if isinstance(value, date) or (isinstance(value, str) and form.fullmatch(value)):
            return value
        raise PydanticKnownError(error, {"error": "form"})

    return check


Day = Annotated[date, BeforeValidator(_written_as(*_WRITTEN_AS["date"]))]
"""The type of a query parameter that is a day: `YYYY-MM-DD` and nothing else."""


class Body(BaseModel):
    """What a caller sends: unknown fields are refused, and nothing is converted but what JSON cannot say.

    Numbers are numbers and texts are texts; dates, enumerations and tuples are read from the texts and lists that JSON
    has for them. Texts arrive in NFC and without control characters: the request sees to that for every body.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read values as JSON has them."""
        return cast("CoreSchema", _as_json_has_it(handler(source)))


class View(BaseModel):
    """What we answer; frozen, so that one that is kept cannot change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Money(BaseModel):
    """An amount of money: whole fen, in yuan renminbi."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, frozen=True)

    amount: int = Field(ge=0, le=AMOUNT_FEN_MAX, description="以分计 · in fen", examples=[5_000_000])
    currency: Literal["CNY"] = Field(default="CNY", examples=["CNY"])

    @classmethod
    def of(cls, fen: int) -> Self:
        """Say fen as money."""
        return cls(amount=fen)


class PositiveMoney(Money):
    """An amount of money of more than nothing."""

    amount: int = Field(gt=0, le=AMOUNT_FEN_MAX, description="以分计 · in fen", examples=[12_000_000])
