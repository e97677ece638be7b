"""`cxq export ledger`: the books of issuance as a file for finance."""

import asyncio
import csv
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.commands.asking import officer_s_token, told
from services.commands.problems import CommandProblem, Exit
from services.commands.telling import answer, progress_of

if TYPE_CHECKING:
    import httpx

exports = typer.Typer(no_args_is_help=True, help="Write data into a file.")
_WHO = "Issuance"
_FORMATS = (".csv", ".xlsx")
_ROWS_AT_ONCE = 1_000
type Rows = list[list[str]]
type Write = Callable[[Rows], None]


@exports.callback()
def _export() -> None:
    """Keep `ledger` a command of its own, though it is the only one so far."""


@exports.command()
def ledger(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to: a .csv or .xlsx that is not there yet.")],
    *,
    period: Annotated[str, typer.Option(help="Only this period (its id).")] = "",
    year: Annotated[int | None, typer.Option(help="Only claims of this year.")] = None,
    claimant: Annotated[str, typer.Option(help="Only this claimant (its id).")] = "",
    account: Annotated[str, typer.Option(help="Only entries that touch this account, e.g. paid.")] = "",
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day, included.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day, included.")] = None,
    url: Annotated[
        str, typer.Option(envvar="CXQ_ISSUANCE_URL", help="Where issuance answers.")
    ] = "http://127.0.0.1:8102",
    token: Annotated[
        str, typer.Option(envvar="CXQ_TOKEN", help="Access token; in development an officer's by default.")
    ] = "",
) -> None:
    """Write the entries of the ledger into a file, one row each, in the order of the log."""
    import httpx

    if file.suffix.lower() not in _FORMATS:
        raise CommandProblem(f"{file.name} is neither CSV nor XLSX.", "End the name in .csv or .xlsx.", Exit.USAGE)
    if file.exists():
        raise CommandProblem(f"{file} is there already.", "Name another file, or move this one away.", Exit.USAGE)
    if not os.access(file.parent, os.W_OK):
        raise CommandProblem(f"{file.parent} is no folder that can be written to.", "Name another file.", Exit.USAGE)
    wanted = {
        "period_id": period or None,
        "year": year,
        "claimant_id": claimant or None,
        "account": account or None,
        "since": since.date().isoformat() if since else None,
        "until": until.date().isoformat() if until else None,
    }

    async def fetch() -> dict[str, Any]:
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:
            with progress_of(f"export {file.name}") as report:
                return await export_ledger(client, file, wanted, token or officer_s_token(), report)

    order = asyncio.run(fetch())
    answer(f"{file}: {order['entries']:,} entries, up to position {order['as_of']:,}.")


async def export_ledger(
    client: "httpx.AsyncClient",
    file: Path,
    wanted: dict[str, Any],
    token: str,
    report: Callable[[int, int], None],
) -> dict[str, Any]:
    """Order the entries, write them into a file, and give the order as it was answered.

    The file appears under its name when it is whole; CommandProblem when fewer entries came than were promised.
    """
    order = told(
        await client.post(
            "/v1/ledger/exports",
            json={"format": "csv"} | {name: value for name, value in wanted.items() if value is not None},
            headers={"Authorization": f"Bearer {token}", "Accept-Language": "en"},
        ),
        _WHO,
    )
    done = 0
    unfinished = file.with_name(f"{file.name}.part")
    try:
        async with client.stream("GET", order["href"]) as response:
            if not response.is_success:
                await response.aread()
                told(response, _WHO)
            with _writing(unfinished, file.suffix.lower()) as write:
                async for rows in _rows(response):
                    await asyncio.to_thread(write, rows)
                    done += len(rows)
                    report(done, order["entries"])
        if done != order["entries"]:
            raise CommandProblem(f"{done:,} of {order['entries']:,} entries came.", "Export again.", Exit.FAILED)
        await asyncio.to_thread(unfinished.rename, file)
    finally:
        await asyncio.to_thread(unfinished.unlink, missing_ok=True)
    return order


async def _rows(response: "httpx.Response") -> AsyncIterator[Rows]:
    """Read the rows under the heading, many at a time; no cell of the ledger holds a line break."""
    heading = True
    lines: list[str] = []
    async for line in response.aiter_lines():
        if heading:
            heading = False
            continue
        lines.append(line)
        if len(lines) == _ROWS_AT_ONCE:
            yield list(csv.reader(lines))
            lines = []
    if lines:
        yield list(csv.reader(lines))


@contextmanager
def _writing(path: Path, form: str) -> Iterator[Write]:
    """Open the file in its form and give what writes rows into it."""
    from services.issuance.reports.ledger_file import BOM, HEADINGS, Workbook, cells_from_csv

    if form == ".xlsx":
        with Workbook(path) as book:
            yield lambda rows: book.add(cells_from_csv(row) for row in rows)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(BOM)
        writer = csv.writer(file)
        writer.writerow(HEADINGS)
        yield writer.writerows
