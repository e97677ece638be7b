"""Problem documents (RFC 9457): one catalogue of codes, in two languages, for everything that is refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any, Self

import msgspec
import yaml
from fastapi import Response

from shared.http.language import CONTENT_LANGUAGE, Language
from shared.kernel.calendar import BEIJING
from shared.kernel.money import format_yuan
from shared.kernel.refusal import Reason, Refused
from shared.measures.reader import Measures
from shared.yaml_loader import LOADER

PROBLEM_JSON = "application/problem+json"
KERNEL_PROBLEMS = Path(__file__).parent / "problems.yaml"
PROCEDURE_PROBLEMS = Path(__file__).parents[1] / "procedures" / "problems.yaml"
TYPE_PREFIX = "/problems/"
_SECOND = timedelta(seconds=1)
_ECHO_MAX = 200
_ECHO_PARTS_MAX = 20
_INTEGER_MAX = 2**53
"""Beyond this not every reader of JSON keeps an integer exact."""
_KEYS = {"status", "title", "detail", "remedy", "money", "pointer", "waits", "words"}
_BOTH = {"zh", "en"}
_BETWEEN: Mapping[Language, str] = {"zh": "、", "en": ", "}
_NOTHING: Mapping[Language, str] = {"zh": "无", "en": "none"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """One thing that is wrong: `pointer` is `#/…` into the body, or `query:…`, `header:…`, `path:…`.

    One of several reasons has its own `rule` and `remedy`; of a single one the document has them.
    """

    pointer: str
    code: str
    message: str
    value: object = None
    rule: Mapping[str, str] = field(default_factory=dict)
    remedy: str = ""

    def document(self) -> dict[str, object]:
        """Give it as `errors` has it."""
        said: dict[str, object] = {"pointer": self.pointer, "code": self.code, "message": self.message}
        said["value"] = echo(self.value)
        if self.rule:
            said["rule"] = self.rule
        if self.remedy:
            said["remedy"] = self.remedy
        return said


class ProblemError(Exception):
    """The request cannot be served for a reason of the protocol; `code` is in the catalogue, which has the status."""

    def __init__(
        self,
        code: str,
        *,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[Detail] = (),
        value: object = None,
        limit: object = None,
    ) -> None:
        super().__init__(code)
        self.code, self.headers, self.errors = code, dict(headers or {}), tuple(errors)
        self.value, self.limit = value, limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What the catalogue says of a code; `status` is None where the reason's kind decides between 422 and 409."""

    code: str
    status: int | None
    title: Mapping[Language, str]
    detail: Mapping[Language, str]
    remedy: Mapping[Language, str]
    money: bool = False
    pointer: str = ""
    waits: bool = False
    """Whether it passes by itself at the instant that is the reason's limit; its value is the present one."""
    words: Mapping[str, Mapping[Language, str]] = field(default_factory=dict)
    """What values that are codes, of a state for instance, are called in the sentence; each of several by its own."""

    def status_for(self, reason: Reason | None = None) -> int:
        """Give the HTTP status: the entry's own, else 409 for a conflict with what happened and 422 for a rule."""
        if self.status is not None:
            return self.status
        return 409 if reason is not None and reason.kind == "state" else 422

    def sentence(self, language: Language, *, value: object, limit: object) -> str:
        """Say what is wrong, with the value and the limit filled in."""
        text = self.detail.get(language) or self.title[language]
        for name, filled in (("{value}", value), ("{limit}", limit)):
            if name in text:
                text = text.replace(name, self._called(filled, language))
        return text

    def _called(self, filled: object, language: Language) -> str:
        """Call a value, or each of several, by its word where it has one."""
        if isinstance(filled, (list, tuple, set, frozenset)):
            parts = [self._called(part, language) for part in list(filled)[:_ECHO_PARTS_MAX]]
            return _BETWEEN[language].join(parts) or _NOTHING[language]
        words = self.words.get(filled) if isinstance(filled, str) else None
        return words[language] if words else _said(filled, language, money=self.money)


class CatalogueError(ValueError):
    """A problem catalogue says something that cannot be meant; the message names the file and the code."""


class Catalogue(Mapping[str, Entry]):
    """Every problem code a service may answer with."""

    def __init__(self, entries: Mapping[str, Entry], validation: Mapping[str, Mapping[Language, str]]) -> None:
        self._entries, self._validation = dict(entries), dict(validation)

    @classmethod
    def load(cls, *files: Path) -> Self:
        """Read the kernel's catalogue and then the given ones; CatalogueError for a twin, a gap or an unknown key."""
        entries: dict[str, Entry] = {}
        raw = yaml.load(KERNEL_PROBLEMS.read_text(encoding="utf-8"), LOADER)  # noqa: S506 (it is a safe one)
        validation = raw.pop("validation")
        own = ((file, _read(file)) for file in (PROCEDURE_PROBLEMS, *files))
        for file, content in ((KERNEL_PROBLEMS, raw), *own):
            for code, said in content.items():
                if code in entries:
                    raise CatalogueError(f"{file}: {code} is said twice")
                entries[code] = _entry(file, code, said)
        return cls(entries, validation)

    def __getitem__(self, code: str) -> Entry:
        return self._entries[code]

    def __iter__(self) -> Any:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def validation(self, kind: str, language: Language, context: Mapping[str, object], fallback: str) -> str:
        """Say what validation found; in English `fallback`, the library's own sentence, where we have none."""
        said = self._validation.get(kind)
        if said is None:
            return fallback if language == "en" else self._validation["default"]["zh"]
        text = said[language]
        for name, value in context.items():
            filled = _said(value, language, money=False)
            if name == "expected" and language == "zh":  # the library lists what is allowed as `'a', 'b' or 'c'`
                filled = filled.replace(" or ", _BETWEEN["zh"]).replace(", ", _BETWEEN["zh"])
            text = text.replace(f"{{{name}}}", filled)
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Writes the problems of one request: its language, its path, its trace."""

    catalogue: Catalogue
    language: Language
    instance: str
    trace_id: str
    measures: Measures | None = None
    today: date | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def of_code(
        self,
        code: str,
        *,
        errors: Sequence[Detail] = (),
        value: object = None,
        limit: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> "Problem":
        """Write a problem of the protocol."""
        entry = self.catalogue[code]
        sentence = entry.sentence(self.language, value=value, limit=limit)
        return self._problem(entry, entry.status_for(), sentence, errors, None, headers or {})

    def of_refusal(self, refused: Refused) -> "Problem":
        """Write a refusal on the merits: the first reason gives the head, every reason is in `errors`."""
        first, is_alone = refused.reasons[0], len(refused.reasons) == 1
        entries = [self._entry_of(reason) for reason in refused.reasons]
        errors = [
            Detail(
                pointer=entry.pointer and "/".join((entry.pointer, *map(str, reason.within))),
                code=reason.code,
                message=entry.sentence(self.language, value=reason.value, limit=reason.limit),
                value=reason.value,
                rule={} if is_alone else self._rule(reason),
                remedy="" if is_alone else entry.remedy[self.language],
            )
            for entry, reason in zip(entries, refused.reasons, strict=True)
        ]
        headers = _waiting(entries, refused.reasons)
        status = entries[0].status_for(first)
        return self._problem(entries[0], status, errors[0].message, errors, self._rule(first), headers)

    def _entry_of(self, reason: Reason) -> Entry:
        """Find a reason's entry; a code nobody has described is still answered, under its own name."""
        known = self.catalogue.get(reason.code)
        if known is not None:
            return known
        general = self.catalogue["refused"]
        return Entry(code=reason.code, status=None, title=general.title, detail=general.detail, remedy=general.remedy)

    def _rule(self, reason: Reason) -> dict[str, str]:
        rule = {"article": reason.article} if reason.article else {}
        if self.measures is None or not reason.parameter or self.today is None:
            return rule
        try:
            cited = self.measures.citation(reason.parameter, self.today)
        except LookupError:
            return rule
        return {"pack": cited.pack, "parameter": cited.parameter, "article": cited.article, "quote": cited.quote}

    def _problem(
        self,
        entry: Entry,
        status: int,
        sentence: str,
        errors: Sequence[Detail],
        rule: Mapping[str, str] | None,
        headers: Mapping[str, str],
    ) -> "Problem":
        document: dict[str, object] = {
            "type": TYPE_PREFIX + entry.code,
            "title": entry.title[self.language],
            "status": status,
            "detail": sentence,
            "instance": self.instance,
            "code": entry.code,
            "errors": [error.document() for error in errors],
        }
        if rule:
            document["rule"] = dict(rule)
        document |= {"remedy": entry.remedy.get(self.language, ""), "trace_id": self.trace_id}
        language = {"Content-Language": CONTENT_LANGUAGE[self.language], "Vary": "Accept-Language"}
        return Problem(status=status, body=msgspec.json.encode(document), headers={**language, **headers})


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A problem document, written: bytes and headers, so that it can be answered now and replayed later."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    def response(self) -> Response:
        """Make the HTTP response."""
        return Response(self.body, self.status, dict(self.headers), PROBLEM_JSON)


def _waiting(entries: Sequence[Entry], reasons: Sequence[Reason]) -> dict[str, str]:
    """Say after how many seconds, rounded up, the last of the reasons that pass by themselves has passed."""
    waits = [
        reason.limit - reason.value
        for entry, reason in zip(entries, reasons, strict=True)
        if entry.waits and isinstance(reason.limit, datetime) and isinstance(reason.value, datetime)
    ]
    return {"Retry-After": str(max(1, -(-max(waits) // _SECOND)))} if waits else {}


def echo(value: object) -> object:
    """Give a value back as JSON, shortened: scalars as they are, dates as texts, what has parts not at all."""
    match value:
        case Enum():
            return echo(value.value)
        case str():
            return value[:_ECHO_MAX]
        case datetime() | date():
            return value.isoformat()
        case int() if abs(value) >= _INTEGER_MAX:
            return str(value)[:_ECHO_MAX]
        case list() | tuple() | set() | frozenset():
            return [echo(part) for part in list(value)[:_ECHO_PARTS_MAX]]
        case _:
            return value if isinstance(value, (int, float)) else None


def _said(value: object, language: Language, *, money: bool) -> str:
    if money and isinstance(value, int) and not isinstance(value, bool):
        said = format_yuan(value)
        return said if language == "zh" else said.replace("元", "yuan")
    if isinstance(value, datetime) and value.tzinfo is not None:
        return _instant(value, language)
    said_plainly = echo(value)
    return "" if said_plainly is None else str(said_plainly)


def _instant(at: datetime, language: Language) -> str:
    """Say an instant as a clock in Beijing shows it, to the millisecond where it is not a whole second."""
    try:
        there = at.astimezone(BEIJING)
    except OverflowError:  # the last hours that a calendar knows, which are no longer in it in Beijing
        return at.isoformat()
    said = there.isoformat(" ", "milliseconds")[:23].removesuffix(".000")
    return f"{said}（北京时间）" if language == "zh" else f"{said} (Beijing time)"


def _read(file: Path) -> dict[str, Any]:
    content = yaml.load(file.read_text(encoding="utf-8"), LOADER) or {}  # noqa: S506 (it is a safe one)
    if not isinstance(content, dict):
        raise CatalogueError(f"{file}: expected a code on each line of the first level")
    return content


def _entry(file: Path, code: str, said: Any) -> Entry:
    if not isinstance(said, dict) or (unknown := said.keys() - _KEYS):
        raise CatalogueError(
            f"{file}: {code} may say {', '.join(sorted(_KEYS))}, not {said if not isinstance(said, dict) else unknown}"
        )
    texts: dict[str, Mapping[Language, str]] = {}
    for part in ("title", "detail", "remedy"):
        given = said.get(part)
        if given is None and part == "detail":
            texts[part] = {}
            continue
        if not isinstance(given, dict) or given.keys() != _BOTH or not all(given.values()):
            raise CatalogueError(f"{file}: {code} needs its {part} in zh and en")
        texts[part] = given
    words = said.get("words", {})
    if not isinstance(words, dict) or not all(
        isinstance(word, dict) and word.keys() == _BOTH for word in words.values()
    ):
        raise CatalogueError(f"{file}: {code} needs each of its words in zh and en")
    return Entry(
        code=code,
        status=said.get("status"),
        title=texts["title"],
        detail=texts["detail"],
        remedy=texts["remedy"],
        money=bool(said.get("money", False)),
        pointer=str(said.get("pointer", "")),
        waits=bool(said.get("waits", False)),
        words=words,
    )
