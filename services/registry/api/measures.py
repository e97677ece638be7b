"""The rules as anyone may read them: every parameter in force on a day, and one parameter through the years."""

import re
from datetime import date
from typing import Annotated

from fastapi import Path, Query
from pydantic import BeforeValidator, Field
from pydantic_core import PydanticKnownError

from shared.http.models import View
from shared.http.reading import ReadRequest
from shared.http.routes import operation, router_for
from shared.kernel.calendar import business_date
from shared.kernel.refusal import refuse
from shared.measures.changes import Change
from shared.measures.reader import Measures, Rule
from shared.measures.terms import Unit
from shared.measures.wording import article_in_words, article_order, in_words, unit_name
from shared.store.transaction import UnknownSubjectError

router = router_for("registry", tag="measures")

_WRITTEN_AS = re.compile(r"\d{4}-\d{2}-\d{2}")


def as_written(day: object) -> object:
    """Refuse the timestamps and loose forms that would pass for dates."""
    if isinstance(day, str) and _WRITTEN_AS.fullmatch(day) is None:
        raise PydanticKnownError("date_parsing", {"error": "form"})
    return day


Day = Annotated[
    date | None,
    BeforeValidator(as_written),
    Query(description="哪一天的规定（北京日期），默认今天 · On which day, in Beijing; by default today"),
]
Parameter = Annotated[str, Path(max_length=80, pattern=r"^[a-z0-9_]+$", examples=["face_value_max"])]


class Words(View):
    """The same in Chinese and in English."""

    zh: str
    en: str


class PackView(View):
    """Where the rules of a day are from; `pack` and `digest` stand in every event that is decided by them.

    A pack with changes in force is named with their number: `beijing-2023+2`.
    """

    pack: str = Field(examples=["beijing-2023"])
    title: Words
    digest: str = Field(examples=["a6c64e17c734fbe320502ca2b5bb054ef14b6637f701bc45ad4df61131bcf8cb"])
    in_force_from: date = Field(examples=["2023-10-01"])
    in_force_until: date | None = Field(description="最后一日（含） · Last day, inclusive", examples=[None])
    excerpt: bool = Field(
        description="仅为摘录：可引用，不据以作出决定 · An excerpt: quoted, but nothing is decided by it",
        examples=[False],
    )


class ValueView(View):
    """A value of a parameter, with the days it holds on and the words it rests on."""

    pack: str = Field(examples=["beijing-2023"])
    in_force_from: date = Field(examples=["2023-10-01"])
    in_force_until: date | None = Field(description="最后一日（含） · Last day, inclusive", examples=[None])
    value: bool | int | list[str] = Field(description="金额以分计 · Money in fen", examples=[5_000_000])
    said: Words = Field(description="以文字表述的取值 · The value in words")
    article: str = Field(examples=["12"])
    article_said: Words
    quote: str = Field(description="原文 · The words themselves", examples=["单张最高限额为 5 万元"])
    reading: int | None = Field(
        description="原文未明确时所采解读的编号 · The number of our reading, where the text leaves it open",
        examples=[None],
    )


class MeasureItem(View):
    """A parameter on a day."""

    parameter: str = Field(examples=["face_value_max"])
    description: Words
    unit: Unit
    unit_said: Words
    in_force: ValueView


class AnnouncedView(View):
    """A change that two people have approved and that is not in force yet on the day asked for."""

    change_id: str
    parameter: str = Field(examples=["face_value_max"])
    first_day: date = Field(examples=["2027-01-01"])
    value: bool | int | list[str] = Field(examples=[6_000_000])
    said: Words
    article: str
    quote: str


class MeasuresView(View):
    """Every rule in force on a day, in the order of the articles, and the changes announced for later days."""

    on: date
    pack: PackView
    measures: list[MeasureItem]
    announced: list[AnnouncedView]


class MeasureView(View):
    """A parameter with all its values, the earliest first."""

    parameter: str = Field(examples=["face_value_max"])
    description: Words
    unit: Unit
    unit_said: Words
    values: list[ValueView]


@router.get(
    "/measures",
    operation_id="listMeasures",
    response_model=MeasuresView,
    summary="某日施行的规定 · The rules in force on a day",
    openapi_extra=operation(idempotent=False, codes=("no-measures-in-force",)),
)
async def list_measures(request: ReadRequest, on: Day = None) -> MeasuresView:
    """List every number and condition in force on a day: value, unit, article, quotation and reading."""
    day = on if on is not None else business_date(request.now)
    try:
        pack = (await request.rules()).in_force(day)
    except LookupError:
        raise refuse("no-measures-in-force", article="20", value=day) from None
    rules = sorted(pack.rules_on(day), key=lambda rule: (article_order(rule.held.article), rule.parameter.name))
    return MeasuresView(
        on=day,
        pack=_pack(pack, day),
        measures=[_item(rule) for rule in rules],
        announced=[_announced(pack, change) for change in pack.changes if change.first_day > day],
    )


@router.get(
    "/measures/{parameter}",
    operation_id="getMeasure",
    response_model=MeasureView,
    summary="一项规定的历次取值 · One rule through the years",
    openapi_extra=operation(idempotent=False),
)
async def get_measure(parameter: Parameter, request: ReadRequest) -> MeasureView:
    """Show every value a rule has had or is going to have, with its days."""
    history = (await request.rules()).history(parameter)
    if not history:
        raise UnknownSubjectError(parameter)
    latest = _item(history[-1])
    return MeasureView(
        parameter=latest.parameter,
        description=latest.description,
        unit=latest.unit,
        unit_said=latest.unit_said,
        values=[_value(rule) for rule in history],
    )


def _pack(pack: Measures, day: date) -> PackView:
    return PackView(
        pack=pack.name_on(day),
        title=Words(zh=pack.title_zh, en=pack.title_en),
        digest=pack.digest_on(day),
        in_force_from=pack.life.first_day,
        in_force_until=pack.life.until,
        excerpt=pack.excerpt,
    )


def _announced(pack: Measures, change: Change) -> AnnouncedView:
    unit = pack.parameters[change.parameter].unit
    return AnnouncedView(
        change_id=change.change_id,
        parameter=change.parameter,
        first_day=change.first_day,
        value=list(change.value) if isinstance(change.value, tuple) else change.value,
        said=Words(zh=in_words(change.value, unit, "zh"), en=in_words(change.value, unit, "en")),
        article=change.article,
        quote=change.quote,
    )


def _item(rule: Rule) -> MeasureItem:
    parameter = rule.parameter
    return MeasureItem(
        parameter=parameter.name,
        description=Words(zh=parameter.description_zh, en=parameter.description_en),
        unit=parameter.unit,
        unit_said=Words(zh=unit_name(parameter.unit, "zh"), en=unit_name(parameter.unit, "en")),
        in_force=_value(rule),
    )


def _value(rule: Rule) -> ValueView:
    held, unit = rule.held, rule.parameter.unit
    return ValueView(
        pack=rule.pack,
        in_force_from=held.first_day,
        in_force_until=held.until,
        value=list(held.value) if isinstance(held.value, tuple) else held.value,
        said=Words(zh=in_words(held.value, unit, "zh"), en=in_words(held.value, unit, "en")),
        article=held.article,
        article_said=Words(zh=article_in_words(held.article, "zh"), en=article_in_words(held.article, "en")),
        quote=held.quote,
        reading=held.reading,
    )
