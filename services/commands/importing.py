"""`cxq import`: files of facilities, sent and watched until their last row, and the lists that the office keeps."""

import asyncio
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.commands.asking import officer_s_token, told
from services.commands.problems import Exit
from services.commands.telling import answer, progress_of

if TYPE_CHECKING:
    import httpx

imports = typer.Typer(no_args_is_help=True, help="Bring the data of a file into the register.")
_ATTEMPTS = 5
_PAUSE_S = 0.5
_SHOWN = 20
_WHO = "The registry"


@imports.command()
def facilities(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or XLSX.", exists=True, dir_okay=False)],
    *,
    provider: Annotated[str, typer.Option(help="The provider whose facilities they are (its id).")],
    url: Annotated[
        str, typer.Option(envvar="CXQ_REGISTRY_URL", help="Where the registry answers.")
    ] = "http://127.0.0.1:8101",
    token: Annotated[
        str, typer.Option(envvar="CXQ_TOKEN", help="Access token; in development an officer's by default.")
    ] = "",
) -> None:
    """Import facilities from a file; exits 1 when a row was refused, after saying which and why.

    Columns: number, name, kind, original_value_yuan, site, service_norms, price_standard
    (资产编号、名称、类型、原值（元）、安放地点、服务规范、收费标准).
    """
    import httpx

    async def send_and_watch() -> list[dict[str, Any]]:
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:
            with progress_of(f"import {file.name}") as report:
                job = await import_file(client, file, provider, token or officer_s_token(), report)
                answer(", ".join(f"{job[name]:,} {name}" for name in ("created", "changed", "unchanged", "refused")))
                return await refused_rows(client, job["import_id"], token or officer_s_token())

    refused = asyncio.run(send_and_watch())
    for row in refused:
        answer(f"row {row['row']} ({row['number'] or 'no number'}) {row['column']}: {row['message']}")
    if refused:
        raise typer.Exit(Exit.FAILED)


async def import_file(
    client: "httpx.AsyncClient", file: Path, provider: str, token: str, report: Callable[[int, int], None]
) -> dict[str, Any]:
    """Send a file, again under the same key while the registry is busy, and give its job once it is finished."""
    headers = {
        "Authorization": f"Bearer {token}",
        "Idempotency-Key": f"import-{secrets.token_hex(12)}",
        "Prefer": "wait=10",
        "Accept-Language": "en",
    }
    content = await asyncio.to_thread(file.read_bytes)
    for _ in range(_ATTEMPTS):
        sent = await client.post(
            "/v1/facility-imports",
            files={"file": (file.name, content)},
            data={"provider_id": provider},
            headers=headers,
        )
        if sent.status_code != 503:  # noqa: PLR2004
            break
        await asyncio.sleep(_PAUSE_S)
    job = told(sent, _WHO)
    while job["state"] == "running":
        await asyncio.sleep(_PAUSE_S)
        job = told(await client.get(f"/v1/facility-imports/{job['import_id']}", headers=headers), _WHO)
        report(job["done"], job["rows"])
    return job


Registry = Annotated[str, typer.Option("--url", envvar="CXQ_REGISTRY_URL", help="Where the registry answers.")]
Token = Annotated[str, typer.Option(envvar="CXQ_TOKEN", help="Access token; in development an officer's by default.")]
ListFile = Annotated[Path, typer.Argument(metavar="FILE", help="CSV or XLSX.", exists=True, dir_okay=False)]


@imports.command("new-products")
def new_products(file: ListFile, *, url: Registry = "http://127.0.0.1:8101", token: Token = "") -> None:
    """Import certified new products (faq 2); exits 1 when a row was refused, after saying which and why.

    Columns: certificate_number, name, holder, valid_from, valid_until (证书编号、名称、持有单位、有效期起、有效期止).
    """
    told = asyncio.run(_send_alone(url, "/v1/new-product-imports", file, token))
    answer(", ".join(f"{told[name]:,} {name}" for name in ("created", "changed", "unchanged", "refused")))
    _tell_refused(told["rows"], "certificate_number")


@imports.command("mutual-list")
def mutual_list(
    file: ListFile,
    *,
    region: Annotated[str, typer.Option(help="tianjin or hebei.")],
    first_day: Annotated[str, typer.Option(metavar="DAY", help="When it replaces the former list, as 2027-01-01.")],
    url: Registry = "http://127.0.0.1:8101",
    token: Token = "",
) -> None:
    """Propose a partner's list of accepting institutions (art. 19) and show what it changes; another approves it.

    Columns: credit_code, name, services (统一社会信用代码、名称、服务内容). Exits 1 when a row was refused, after
    saying which and why; nothing is proposed then.
    """
    told = asyncio.run(_send_alone(url, f"/v1/mutual-lists/{region}/imports", file, token, first_day=first_day))
    edition = told["edition"]
    if edition is not None:
        counts = ", ".join(f"{edition[kind]:,} {kind}" for kind in ("added", "removed", "changed"))
        answer(f"{edition['edition_id']} waits for approval: {edition['institutions']:,} institutions, {counts}")
        answer("\n".join(difference_lines(edition["differences"])))
    _tell_refused([{**row, "result": "refused"} for row in told["refused"]], "credit_code")


def difference_lines(differences: list[dict[str, Any]]) -> list[str]:
    """Write what a new edition changes, a line an institution."""
    signs = {"added": "+", "removed": "-", "changed": "~"}
    return [
        f"{signs[each['kind']]} {(each['after'] or each['before'])['credit_code']}"
        f" {' → '.join(side['name'] for side in (each['before'], each['after']) if side)}"
        for each in differences
    ]


async def _send_alone(url: str, path: str, file: Path, token: str, **fields: str) -> dict[str, Any]:
    import httpx

    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        return await send_file(client, path, file, token or officer_s_token(), **fields)


async def send_file(client: "httpx.AsyncClient", path: str, file: Path, token: str, **fields: str) -> dict[str, Any]:
    """Send a file with its form fields, again under the same key while the registry is busy, and give the answer."""
    headers = {
        "Authorization": f"Bearer {token}",
        "Idempotency-Key": f"import-{secrets.token_hex(12)}",
        "Accept-Language": "en",
    }
    content = await asyncio.to_thread(file.read_bytes)
    for _ in range(_ATTEMPTS):
        sent = await client.post(path, files={"file": (file.name, content)}, data=fields, headers=headers)
        if sent.status_code != 503:  # noqa: PLR2004
            break
        await asyncio.sleep(_PAUSE_S)
    return told(sent, _WHO)


def _tell_refused(rows: list[dict[str, Any]], named: str) -> None:
    refused = [row for row in rows if row["result"] == "refused"]
    for row in refused[:_SHOWN]:
        answer(f"row {row['row']} ({row[named] or 'no number'}) {row['column']}: {row['message']}")
    if refused:
        raise typer.Exit(Exit.FAILED)


async def refused_rows(client: "httpx.AsyncClient", import_id: str, token: str) -> list[dict[str, Any]]:
    """Give the first rows that were refused, with their reasons in English."""
    found = await client.get(
        f"/v1/facility-imports/{import_id}/rows",
        params={"result": "refused", "limit": _SHOWN},
        headers={"Authorization": f"Bearer {token}", "Accept-Language": "en"},
    )
    rows: list[dict[str, Any]] = told(found, _WHO)["items"]
    return rows
