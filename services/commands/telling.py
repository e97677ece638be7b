"""How commands tell what they do: a bar on a terminal, plain lines elsewhere, JSON where a program reads."""

import dataclasses
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

PLAIN_INTERVAL_S = 1.0


def tell(line: str) -> None:
    """Say something to the person at the terminal, where it cannot mix with an answer that a program reads."""
    print(line, file=sys.stderr, flush=True)


def answer(text: str) -> None:
    """Give the answer that was asked for."""
    print(text, flush=True)


def answer_json(value: Any) -> None:
    """Give the answer for a program to read: one JSON document."""
    answer(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return str(value)


@contextmanager
def progress_of(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show how far something is: `report(done, total)` draws a bar with rate and time left, or now and then a line."""
    if sys.stderr.isatty():
        with _bar(what) as report:
            yield report
    else:
        yield plain_progress(what, time.monotonic)


def plain_progress(what: str, seconds: Callable[[], float]) -> Callable[[int, int], None]:
    """Report in lines, at most one a second and always the last."""
    began = said = seconds()

    def report(done: int, total: int) -> None:
        nonlocal said
        now = seconds()
        if now - said >= PLAIN_INTERVAL_S:
            said = now
            rate = done / (now - began)
            left = f", {(total - done) / rate:.0f} s left" if rate else ""
            tell(f"{what}: {done:,} of {total:,} ({rate:,.0f}/s{left})")

    return report


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(what, total=None, rate="")

        def report(done: int, total: int) -> None:
            speed = progress.tasks[0].speed
            progress.update(task, completed=done, total=total, rate=f"{speed:,.0f}/s" if speed else "")

        yield report
