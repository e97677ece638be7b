"""`cxq measures`: the rules in force on a day, and what changes between packs of them; packs need no servers."""

import asyncio
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.commands.environment import adopt_environment
from services.commands.problems import CommandProblem, Exit
from services.commands.telling import answer, answer_json

if TYPE_CHECKING:
    import httpx

    from shared.measures.comparison import Comparison, Difference
    from shared.measures.parameter import DatedValue
    from shared.measures.reader import Measures, Rule
    from shared.measures.terms import Unit

measures = typer.Typer(no_args_is_help=True, help="Show the rules in force on a day, and compare packs of them.")


def day(text: str | date) -> date:
    """Read a day as it is written on the command line: YYYY-MM-DD."""
    if isinstance(text, date):
        return text
    try:
        read = date.fromisoformat(text)
    except ValueError:
        read = None
    if read is None or read.isoformat() != text:
        raise typer.BadParameter(f"{text!r} is not a day; write it as 2023-10-01")
    return read


On = Annotated[date, typer.Option("--on", parser=day, metavar="DAY", help="On which day, as 2023-10-01.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


@measures.command("list")
def list_rules(
    *,
    on: On,
    pack: Annotated[str, typer.Option(help="Another pack than CXQ_MEASURES_PACK.")] = "",
    registry: Annotated[
        str,
        typer.Option(
            envvar="CXQ_REGISTRY_URL", help="Where the registry answers: with the changes announced since the pack."
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """List every rule in force on a day: value, article, quotation and the number of our reading.

    Without --registry these are the packs' own; with it, changes that two people have announced are in them.
    """
    from shared.measures.wording import article_order

    if registry and not pack:
        told = asyncio.run(_asked(registry, on))
        if as_json:
            answer_json(told)
        else:
            answer("\n".join(lines_of(told)))
        return
    known = _load(pack)
    try:
        held = known.in_force(on)
    except LookupError as error:
        raise CommandProblem(f"No rules are known for {on}: {error}.", "Name another day or pack.") from error
    rules = sorted(held.rules_on(on), key=lambda rule: (article_order(rule.held.article), rule.parameter.name))
    if as_json:
        answer_json({**_of_pack(held), "on": on, "measures": [_of_rule(rule) for rule in rules]})
        return
    answer(f"{held.pack} · {held.title_zh}\n{held.title_en}\n{on} · {len(rules)} rules · digest {held.digest[:12]}")
    for rule in rules:
        answer("\n" + "\n".join(_told(rule)))


async def _asked(registry: str, on: date) -> dict[str, Any]:
    import httpx

    async with httpx.AsyncClient(base_url=registry, timeout=10) as client:
        try:
            return await rules_announced(client, on)
        except httpx.TransportError as error:
            said = f"The registry does not answer at {registry}."
            raise CommandProblem(said, "Start it, or leave --registry out.", Exit.UNAVAILABLE) from error


async def rules_announced(client: "httpx.AsyncClient", on: date) -> dict[str, Any]:
    """Ask the registry for the rules of a day, announced changes included, in the form that `--json` has."""
    answered = await client.get("/v1/measures", params={"on": on.isoformat()})
    told: dict[str, Any] = answered.json()
    if not answered.is_success:
        raise CommandProblem(told.get("detail", "The registry refused."), told.get("remedy", ""), Exit.FAILED)
    rules = [
        {**{name: rule[name] for name in ("parameter", "description", "unit")}, **rule["in_force"]}
        for rule in told["measures"]
    ]
    return {**told["pack"], "on": told["on"], "measures": rules, "announced": told["announced"]}


def lines_of(told: dict[str, Any]) -> list[str]:
    """Write the registry's answer for people."""
    counted = f"{told['on']} · {len(told['measures'])} rules · digest {told['digest'][:12]}"
    lines = [f"{told['pack']} · {told['title']['zh']}", told["title"]["en"], counted]
    for rule in told["measures"]:
        until = f" until {rule['in_force_until']}" if rule["in_force_until"] else ""
        reading = f" · reading {rule['reading']}" if rule["reading"] else ""
        lines += [
            f"\n{rule['parameter']} · {rule['description']['zh']} · {rule['description']['en']}",
            f"  {_both(rule['said'])} — {_both(rule['article_said'])}：{rule['quote']}",
            f"  from {rule['in_force_from']}{until}{reading}",
        ]
    for change in told["announced"]:
        said = f"{_both(change['said'])} — {change['article']}：{change['quote']}"
        lines.append(f"\nannounced: {change['parameter']} from {change['first_day']} on\n  {said}")
    return lines


def _both(said: dict[str, str]) -> str:
    return said["zh"] if said["zh"] == said["en"] else f"{said['zh']} ({said['en']})"


@measures.command("diff")
def compare_packs(
    before: Annotated[str, typer.Argument(metavar="PACK_A")],
    after: Annotated[str, typer.Argument(metavar="PACK_B")],
    *,
    on: On,
    as_json: AsJson = False,
) -> None:
    """Show what changes from one pack of rules to another; one not in force on the day is read on its nearest day."""
    from shared.measures.comparison import compare

    old, new = _load(before), _load(after)
    comparison = compare(old, new, on)
    if as_json:
        answer_json(
            {
                "before": {**_of_pack(old), "read_on": comparison.before_on},
                "after": {**_of_pack(new), "read_on": comparison.after_on},
                "differences": [_of_difference(one) for one in comparison.differences],
                "same": comparison.same,
            }
        )
        return
    _tell(old, new, comparison)


def _load(pack: str) -> "Measures":
    from shared.measures.reader import Measures
    from shared.settings import MeasuresSettings

    adopt_environment()
    settings = MeasuresSettings()
    return Measures.load(pack or settings.measures_pack, more=settings.measures_dir)


def _tell(old: "Measures", new: "Measures", comparison: "Comparison") -> None:
    for sign, pack, read_on in (("-", old, comparison.before_on), ("+", new, comparison.after_on)):
        answer(f"{sign} {pack.pack} on {read_on}{' (an excerpt)' if pack.excerpt else ''} · {pack.title_zh}")
    for one in comparison.differences:
        unit = one.parameter.unit
        answer(f"\n{one.parameter.name} · {one.parameter.description_zh} · {one.parameter.description_en}")
        for sign, held in (("-", one.before), ("+", one.after)):
            if held is not None:
                answer(f"  {sign} {_said(held, unit)}")
    answer(f"\n{len(comparison.differences)} differ, {comparison.same} are the same.")


def _told(rule: "Rule") -> list[str]:
    parameter, held = rule.parameter, rule.held
    until = f" until {held.until}" if held.until else ""
    return [
        f"{parameter.name} · {parameter.description_zh} · {parameter.description_en}",
        f"  {_said(held, parameter.unit)}",
        f"  from {held.first_day}{until}{f' · reading {held.reading}' if held.reading else ''}",
    ]


def _said(held: "DatedValue", unit: "Unit") -> str:
    from shared.measures.wording import article_in_words, in_words

    value = ", ".join(held.value) if isinstance(held.value, tuple) else _twice(in_words, held.value, unit)
    article = _twice(article_in_words, held.article)
    return f"{value} — {article}：{held.quote}"


def _twice(say: Callable[..., str], *what: Any) -> str:
    """Say something in both languages, or once where they agree."""
    zh, en = say(*what, "zh"), say(*what, "en")
    return zh if zh == en else f"{zh} ({en})"


def _of_pack(pack: "Measures") -> dict[str, object]:
    return {
        "pack": pack.pack,
        "title": {"zh": pack.title_zh, "en": pack.title_en},
        "digest": pack.digest,
        "in_force_from": pack.life.first_day,
        "in_force_until": pack.life.until,
        "excerpt": pack.excerpt,
    }


def _of_rule(rule: "Rule") -> dict[str, object]:
    parameter = rule.parameter
    return {
        "parameter": parameter.name,
        "description": {"zh": parameter.description_zh, "en": parameter.description_en},
        "unit": parameter.unit,
        **_of_value(rule.held),
    }


def _of_value(held: "DatedValue") -> dict[str, object]:
    return {
        "value": held.value,
        "in_force_from": held.first_day,
        "in_force_until": held.until,
        "article": held.article,
        "quote": held.quote,
        "reading": held.reading,
    }


def _of_difference(one: "Difference") -> dict[str, object]:
    return {
        "parameter": one.parameter.name,
        "description": {"zh": one.parameter.description_zh, "en": one.parameter.description_en},
        "unit": one.parameter.unit,
        "kind": one.kind,
        "before": _of_value(one.before) if one.before else None,
        "after": _of_value(one.after) if one.after else None,
    }
