"""What the opening minute of a city came to, as a table, a page and the seconds of a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill

from bench.crowd import BOT, PHASES, Coming, Kind, percentile
from bench.door import Call
from bench.drawing import Second

_LONG = sum(seconds for seconds, _ in PHASES)
_RUSH = PHASES[0][0]
_WIDTH = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """What came, with what became of it, and what was found in the database afterwards.

    `overtaken` has, for everyone who was displaced, by how many milliseconds; `behind_own` counts the claims granted to
    the company that asked too much at once; `late` is in seconds.
    """

    seed: int
    clients: int
    winners: int
    played: Sequence[tuple[Coming, Call]]
    oversold: int
    overtaken: Sequence[int]
    behind_own: int
    duplicates: int
    checks: int
    late: float
    resent: int

    @property
    def failed(self) -> int:
        """Requests that were answered with 5xx or not at all."""
        return sum(map(_failed, (call for _, call in self.played)))


def by_second(minute: Minute) -> list[Second]:
    """Sort what was due into the seconds after the opening; a second in which nothing was due is left out."""
    seconds: list[list[Call]] = [[] for _ in range(int(_LONG))]
    for one, call in minute.played:
        seconds[int(one.due)].append(call)
    return [
        Second(
            granted=sum(map(_granted, calls)),
            failed=sum(map(_failed, calls)),
            refused=sum(not _granted(call) and not _failed(call) for call in calls),
            p50=1000 * percentile([call.seconds for call in calls], 0.5),
            p99=1000 * percentile([call.seconds for call in calls], 0.99),
        )
        for calls in seconds
        if calls
    ]


def table(minute: Minute) -> list[str]:
    """Write the lines of the table: a column for the rush, one for what follows, one for all."""
    columns = [
        [call for one, call in minute.played if one.due < _RUSH],
        [call for one, call in minute.played if one.due >= _RUSH],
        [call for _, call in minute.played],
    ]
    lengths = (_RUSH, _LONG - _RUSH, _LONG)
    rates = [f"{len(calls) / long:,.0f}" for calls, long in zip(columns, lengths, strict=True)]
    rows = [
        ("requests", [f"{len(calls):,}" for calls in columns]),
        ("requests/s", rates),
        ("granted", [f"{sum(map(_granted, calls)):,}" for calls in columns]),
        ("granted before, told again", [f"{sum(call.replayed for call in calls):,}" for calls in columns]),
    ]
    for status, code in sorted({(call.status, call.code) for call in columns[2] if call.status not in (0, 201)}):
        counts = (sum((call.status, call.code) == (status, code) for call in calls) for calls in columns)
        rows.append((f"{status} `{code}`", [f"{count:,}" for count in counts]))
    rows.append(("5xx", [f"{sum(call.status >= 500 for call in calls):,}" for calls in columns]))
    to_bots = [[call for call in calls if call.client == BOT] for calls in columns]
    rows.append(("5xx, to bots", [f"{sum(call.status >= 500 for call in calls):,}" for calls in to_bots]))
    rows.append(("not answered", [f"{sum(not call.status for call in calls):,}" for calls in columns]))
    for name, share in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)):
        times = ([call.seconds for call in calls if call.status] for calls in columns)
        rows.append((f"{name}, ms", [f"{1000 * percentile(found, share):,.1f}" for found in times]))
    head = [f"| | the first {_RUSH:.0f} s | the minute after | all |", "|---|---:|---:|---:|"]
    return [*head, *(f"| {name} | {' | '.join(cells)} |" for name, cells in rows)]


def report(minute: Minute, machine: Sequence[str]) -> str:
    """Write the page, in Markdown; `machine` says where it was played."""
    of = {kind: f"{sum(one.kind is kind for one, _ in minute.played):,}" for kind in Kind}
    paragraphs = (
        "# The opening minute of a city",
        "`make bench GOAL=A4` plays it and writes this page; who comes when and asks what is drawn from a seed"
        f" ({minute.seed}).",
        f"{minute.clients:,} clients are connected when a period opens that has money for {minute.winners:,} claims."
        " Requests come at moments that do not depend on any answer: 3,000 a second for two seconds, then 500 a second"
        f" for a minute. Of {len(minute.played):,} requests {of[Kind.RETRY]} are retries of an earlier one under the"
        f" same key; bots send {of[Kind.BAD_TOKEN]} with a bad token, {of[Kind.UNREGISTERED]} of somebody who is not"
        f" registered, and {of[Kind.TOO_MANY]} of one company at once. The limits for principals are those everybody"
        " has to keep to; relay and read models run beside.",
        "![Requests and their times, second by second](opening-minute.svg)",
        "\n".join(table(minute)),
        "Times are counted from when a request was due, so a late generator does not flatter; the latest went out"
        f" {1000 * minute.late:,.0f} ms late. {minute.resent:,} requests were sent once more, on a new connection,"
        " because the server had hung up on an idle one.",
        _what_may_not_be(minute),
        f"Not among the displaced are the {minute.behind_own:,} claims granted to the company that asked"
        f" {of[Kind.TOO_MANY]} times at once: of one company one claim at a time stands in line, and its others join"
        " the end. The order within a millisecond is not seen here.",
        f"Afterwards all gates of the [bench](../bench/README.md) and all {minute.checks} checks of `cxq audit` for"
        " issuance held.",
        "  \n".join(machine),
    )
    return "\n\n".join(map(_wrapped, paragraphs)) + "\n"


def _what_may_not_be(minute: Minute) -> str:
    rows = (
        ("oversold", f"claims in the log beyond {minute.winners:,}, or money below zero", minute.oversold),
        ("displaced", "who, in the order of places, has somebody before them that arrived in a later millisecond;"
         " the service stamps the arrival, and the voucher's id holds the stamp", len(minute.overtaken)),
        ("duplicates",
         "keys that were told of two vouchers, and vouchers without a key of their own", minute.duplicates),
        ("failed", "5xx, or no answer within ten seconds", minute.failed),
    )  # fmt: skip
    head = "| what may not be | how it is measured | found |\n|---|---|---:|\n"
    return head + "\n".join(f"| {name} | {how} | {found:,} |" for name, how, found in rows)


def _wrapped(paragraph: str) -> str:
    return paragraph if "\n" in paragraph else fill(paragraph, _WIDTH, break_long_words=False, break_on_hyphens=False)


def _granted(call: Call) -> bool:
    return call.status == 201 and not call.replayed


def _failed(call: Call) -> bool:
    return call.status >= 500 or not call.status
