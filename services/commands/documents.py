"""`cxq openapi`: the committed API documents, made from the code."""

import json
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from services.commands.environment import ROOT
from services.commands.problems import CommandProblem, Exit
from services.commands.telling import tell


def openapi(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 when a file is not up to date.")
    ] = False,
    folder: Annotated[Path, typer.Option(help="Where the documents are.")] = ROOT / "docs" / "api",
) -> None:
    """Write the OpenAPI documents of the five services; needs no servers."""
    documents = openapi_documents()
    stale = [name for name, text in documents.items() if not _holds(folder / name, text)]
    extra = sorted({file.name for file in folder.glob("*.json")} - documents.keys())
    if check:
        if stale or extra:
            raise CommandProblem(
                f"Not what the code says, in {folder}: {', '.join([*stale, *extra])}.",
                "Write the documents with `make docs` and commit them.",
            )
        tell(f"{len(documents)} OpenAPI documents are up to date.")
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in stale:
            (folder / name).write_text(documents[name])
        for name in extra:
            (folder / name).unlink()
    except OSError as error:
        raise CommandProblem(
            f"{folder} cannot be written: {error.strerror}.", "Name another with --folder.", Exit.USAGE
        ) from error
    tell(f"{len(documents)} OpenAPI documents in {folder}, {len(stale)} of them written anew.")


def openapi_documents() -> dict[str, str]:
    """Make the document of each service by the name of its file, from the same factory that serves it."""
    from shared.settings import CONTEXTS, Settings

    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(env="dev", state_dir=Path(folder))
        return {
            f"{name}.json": _readable(import_module(f"services.{name}.app").create_app(settings).state.openapi)
            for name in CONTEXTS
        }


def _readable(document: bytes) -> str:
    return json.dumps(json.loads(document), ensure_ascii=False, indent=2) + "\n"


def _holds(file: Path, text: str) -> bool:
    return file.exists() and file.read_text() == text
