"""Stories made up from a service's own document: what was made is found, changed and ended by the document's links.

The cases are made before anything is sent, and a story is drawn by its number: what a service answers decides where a
story can go on, and never what is made up.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import Any

import requests
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.generation.case import Case
from schemathesis.generation.stateful.state_machine import StepOutput
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.stateful import collect_transitions
from schemathesis.specs.openapi.stateful.links import OpenApiLink

from deploy.local.house import House
from tests.bad_input.door import Target, fresh_key
from tests.bad_input.generating import CHECKS, TOO_MANY
from tests.integration.registry.bodies import fresh_code
from tests.integration.registry.institutions import PDF

type AnOperation = APIOperation[Any, Any, Any, Any]

_OFFICE = {"officer", "approver", "auditor"}
_ID = re.compile(r"[a-z]{3}_[0-9a-hjkmnp-tv-z]{26}")
_DECK = 3
"""So many cases are made of each operation; when all were sent, the first comes again with other ids."""
_AS_MADE_UP = 4
"""One body of so many is sent as it was made up; the others are the document's example with the story's own ids."""
_OF_FIVE = 5
_BEGIN, _LOOK = 2, 1
"""So many steps of five begin something, and so many of these look for something; the others follow a link."""


class Book:
    """The operations stories are made of, the cases of each, and the links from one to the next."""

    def __init__(self, schema: BaseSchema, document: Mapping[str, Any], targets: Mapping[str, Target]) -> None:
        self.targets = targets
        self.operations: list[AnOperation] = [
            found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)
        ]
        self.links = collect_transitions(self.operations).operations
        self._document = document
        self._decks: dict[str, list[Case[Any]]] = {}

    @cached_property
    def beginnings(self) -> list[AnOperation]:
        """List the operations that need no id: something is made, or looked for."""
        return [operation for operation in self.operations if "{" not in operation.path]

    def follow(self, source: AnOperation, status: int) -> Sequence[OpenApiLink]:
        """List the links of an answer."""
        known = self.links.get(source.label)
        return [link for link in known.outgoing if link.status_code == str(status)] if known else []

    def case(self, operation: AnOperation, number: int) -> Case[Any]:
        """Give a copy of one of the cases of an operation."""
        deck = self._decks.setdefault(operation.label, []) or self._make(operation)
        made = deck[number % len(deck)]
        return operation.Case(
            path_parameters=dict(made.path_parameters or {}),
            query=dict(made.query or {}),
            headers=dict(made.headers or {}),
            body=made.body,
            media_type=made.media_type,
        )

    def example(self, operation: AnOperation) -> Any:
        """Give the body that the document shows, or None."""
        described = self._document["paths"][operation.path][operation.method]
        return described.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")

    def _make(self, operation: AnOperation) -> list[Case[Any]]:
        deck = self._decks[operation.label]

        @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
        @settings(
            max_examples=_DECK,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def put_into_the_deck(case: Case[Any]) -> None:
            deck.append(case)

        put_into_the_deck()
        return deck


@dataclass(frozen=True, slots=True)
class Shown:
    """An answer that shows something, with the links that go on from it."""

    output: StepOutput
    links: Sequence[OpenApiLink]


@dataclass
class Story:
    """One story: its people have names of their own, and know the ids and versions of what was made in it."""

    book: Book
    house: House
    context: str
    session: requests.Session
    number: int
    worked: Counter[str]
    answered: Counter[str]
    shown: list[Shown] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)
    versions: dict[tuple[str, ...], str] = field(default_factory=dict)
    sent: int = 0
    tried: Counter[str] = field(default_factory=Counter)
    done: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.random = Random(self.number)  # noqa: S311 (a story, and the same one every time)
        files = {"file": ("a.pdf", PDF, "application/pdf")}
        headers = self._token("claimant") | {"idempotency-key": fresh_key()}
        paper = self.session.post(f"{self._url}/v1/documents", headers=headers, files=files, timeout=10)
        self.ids["doc"] = paper.json()["document_id"]

    def tell(self, steps: int) -> None:
        """Take so many steps; each answer is one that the document names, and no fault of ours."""
        for _ in range(steps):
            self._step()

    def _step(self) -> None:
        link, before = self._chosen()
        operation: AnOperation = link.target if link else self._beginning()
        case = self.book.case(operation, self.sent)
        self.sent += 1
        if link and before:
            for container, told in link.extract(before).parameters.items():
                values = {name: found.value.ok() for name, found in told.items() if isinstance(found.value, Ok)}
                setattr(case, container, dict(getattr(case, container) or {}) | values)
        example = self.book.example(operation)
        if example is not None and self.sent % _AS_MADE_UP:
            case.body = self._of_this_story(example)
        case.query.pop("min_position", None)  # who asks for a position that no log has reached only waits
        answer = case.call(self._url, session=self.session, headers=self._headers(case))
        assert answer.status_code < 500, answer.text
        assert answer.status_code != TOO_MANY
        case.validate_response(answer, checks=CHECKS)
        self._remember(case, answer)

    def _chosen(self) -> tuple[OpenApiLink, StepOutput] | tuple[None, None]:
        """Choose a link that was followed least so far, or none to begin something."""
        ways = [(link, shown.output) for shown in self.shown[-6:] for link in shown.links]
        if not ways or self.random.randrange(_OF_FIVE) < _BEGIN:
            return None, None
        self.random.shuffle(ways)
        return min(ways, key=lambda way: self.answered[_name(way[0].target)])

    def _beginning(self) -> AnOperation:
        """Choose what to make: first of all what this story has not got and has tried least; or where to look.

        Every second story makes things in the order of the document, in which few need what comes after them.
        """
        looks = self.random.randrange(_OF_FIVE) < _LOOK
        some = [each for each in self.book.beginnings if (each.method == "get") == looks] or self.book.beginnings
        if self.number % 2:
            some = self.random.sample(some, len(some))
        return min(some, key=lambda each: (_name(each) in self.done, self.tried[_name(each)]))

    def _headers(self, case: Case[Any]) -> dict[str, str]:
        """Sign in as somebody who may, with a fresh key, and with the newest version that an answer told."""
        target = self.book.targets[_name(case.operation)]
        roles = sorted(target.allowed)
        headers = self._token(self.random.choice(roles)) if roles else {}
        if target.route.rules.idempotent:
            headers["idempotency-key"] = fresh_key()
        if target.route.rules.if_match:
            told = str(dict(case.headers).get("If-Match", ""))
            known = self.versions.get(tuple(map(str, (case.path_parameters or {}).values())))
            headers["if-match"] = known or (told if re.fullmatch(r'"\d+"', told) else '"1"')
        return headers

    def _remember(self, case: Case[Any], answer: Any) -> None:
        name, status = _name(case.operation), answer.status_code
        self.answered[name] += 1
        self.tried[name] += 1
        if status >= 300:
            return
        self.worked[name] += 1
        self.done.add(name)
        subject = tuple(map(str, (case.path_parameters or {}).values()))
        if status == 201:
            location = answer.headers.get("location", [""])[0]
            made = _ID.findall(location)
            subject = tuple(made)
            self.ids |= {found[:3]: found for found in made}
        for etag in answer.headers.get("etag", ()):
            self.versions[subject] = etag
        links = self.book.follow(case.operation, status)
        if links:
            self.shown.append(Shown(StepOutput(answer, case), links))

    @property
    def _url(self) -> str:
        return self.house.urls[self.context]

    def _token(self, role: str) -> dict[str, str]:
        """Sign in: the office's people are several, everybody else in a story is one and the same."""
        who = f"story-{self.number}"
        principal = f"{who}-{role}" if role in _OFFICE else who
        return {"authorization": f"Bearer {self.house.token(role, principal)}"}

    def _of_this_story(self, example: Any, key: str = "") -> Any:
        """Put the ids, people, codes and numbers of this story where the example has others."""
        own: dict[str, Callable[[], str]] = {
            "credit_code": fresh_code,
            "principal": lambda: f"story-{self.number}",
            "number": lambda: f"N-{self.number}-{self.sent}",
        }
        match example:
            case dict():
                return {name: self._of_this_story(inner, name) for name, inner in example.items()}
            case list():
                return [self._of_this_story(inner, key) for inner in example]
            case str() if key in own:
                return own[key]()
            case str():
                return self.ids.get(example[:3], example) if _ID.fullmatch(example) else example
            case _:
                return example


def _name(operation: AnOperation) -> str:
    return str(operation.definition.raw["operationId"])
