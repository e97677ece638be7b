"""Strict reading of a rule file: typed values, no unknown or repeated keys, and a file and line in every complaint."""

import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Self

import yaml

from shared.yaml_loader import LOADER

_INTEGER = re.compile(r"0|[1-9][0-9_]*")
_CODE = re.compile(r"[a-z][a-z0-9_]*")
_SWITCH = {"true": True, "false": False}


class RuleFileError(ValueError):
    """A rule file says something that cannot be meant; the message starts with `file:line:`."""

    def __init__(self, file: Path, line: int, complaint: str) -> None:
        """Remember the place; lines count from one, as editors do."""
        super().__init__(f"{file}:{line}: {complaint}")
        self.file = file
        self.line = line
        self.complaint = complaint


class Section:
    """A mapping of a YAML file that remembers where it stands.

    Every getter raises RuleFileError for a key that is missing or has a value of another type.
    """

    def __init__(self, file: Path, node: yaml.Node | None) -> None:
        """Take the mapping a node holds; anything else is refused."""
        if not isinstance(node, yaml.MappingNode):
            raise RuleFileError(file, _line(node), "expected `key: value` lines")
        self.file = file
        self.line = _line(node)
        self._nodes: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise RuleFileError(file, _line(key), "a key must be a plain word")
            if key.value in self._nodes:
                raise RuleFileError(file, _line(key), f"`{key.value}` is said twice")
            self._nodes[key.value] = value

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read a whole file; unreadable YAML is a RuleFileError too."""
        try:
            return cls(file, yaml.compose(file.read_text(encoding="utf-8"), Loader=LOADER))
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise RuleFileError(file, line, f"not YAML: {error.problem}") from error
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise RuleFileError(file, 1, f"not YAML: {error}") from error

    def __contains__(self, key: str) -> bool:
        """Tell whether a key is given."""
        return key in self._nodes

    def error(self, complaint: str, key: str | None = None) -> RuleFileError:
        """Make a complaint about the section, or about one of its keys."""
        return RuleFileError(self.file, _line(self._nodes[key]) if key in self._nodes else self.line, complaint)

    def allow_only(self, keys: Iterable[str]) -> None:
        """Refuse keys nobody reads: they are misspelt more often than meant."""
        allowed = set(keys)
        for key in self._nodes:
            if key not in allowed:
                raise self.error(f"unknown key `{key}`; known are {', '.join(sorted(allowed))}", key)

    def text(self, key: str) -> str:
        """Give a text that is not empty."""
        text = self._scalar(key).strip()
        if not text:
            raise self.error(f"`{key}` is empty", key)
        return text

    def integer(self, key: str) -> int:
        """Give a whole number from zero up; `5_000_000` may be written so."""
        text = self._scalar(key)
        if not _INTEGER.fullmatch(text):
            raise self.error(f"`{key}` must be a whole number, not {text!r}", key)
        return int(text)

    def switch(self, key: str) -> bool:
        """Give true or false."""
        text = self._scalar(key)
        if text not in _SWITCH:
            raise self.error(f"`{key}` must be true or false, not {text!r}", key)
        return _SWITCH[text]

    def day(self, key: str) -> date:
        """Give a date written YYYY-MM-DD."""
        return self._as_day(key, self._node(key))

    def days(self, key: str) -> tuple[date, ...]:
        """Give a list of dates, which may be empty."""
        return tuple(self._as_day(key, node) for node in self._items(key))

    def codes(self, key: str) -> tuple[str, ...]:
        """Give a list of distinct snake_case words, at least one."""
        codes: list[str] = []
        for node in self._items(key):
            if not isinstance(node, yaml.ScalarNode) or not _CODE.fullmatch(node.value):
                raise RuleFileError(self.file, _line(node), f"`{key}` must list snake_case words")
            if node.value in codes:
                raise RuleFileError(self.file, _line(node), f"`{key}` names {node.value} twice")
            codes.append(node.value)
        if not codes:
            raise self.error(f"`{key}` is empty", key)
        return tuple(codes)

    def section(self, key: str) -> "Section":
        """Give a mapping inside this one."""
        return Section(self.file, self._node(key))

    def sections(self, key: str) -> list["Section"]:
        """Give a list of mappings, at least one."""
        sections = [Section(self.file, node) for node in self._items(key)]
        if not sections:
            raise self.error(f"`{key}` is empty", key)
        return sections

    def _node(self, key: str) -> yaml.Node:
        if key not in self._nodes:
            raise self.error(f"`{key}` is missing")
        return self._nodes[key]

    def _scalar(self, key: str) -> str:
        node = self._node(key)
        if not isinstance(node, yaml.ScalarNode):
            raise self.error(f"`{key}` must be a single value", key)
        return str(node.value)

    def _items(self, key: str) -> list[yaml.Node]:
        node = self._node(key)
        if not isinstance(node, yaml.SequenceNode):
            raise self.error(f"`{key}` must be a list", key)
        return list(node.value)

    def _as_day(self, key: str, node: yaml.Node) -> date:
        try:
            return date.fromisoformat(node.value if isinstance(node, yaml.ScalarNode) else "")
        except ValueError as error:
            raise RuleFileError(self.file, _line(node), f"`{key}` must be a date written YYYY-MM-DD") from error


def _line(node: yaml.Node | None) -> int:
    """Count lines as editors do, from one; an empty file complains about its first line."""
    return node.start_mark.line + 1 if node is not None and node.start_mark else 1
