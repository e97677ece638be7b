"""Where a command finds its settings: the environment variables, or what the run on this machine left in its folder."""

import os
import shlex
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

if TYPE_CHECKING:
    from shared.context import BoundedContext
    from shared.settings import Settings

ROOT: Final = Path(__file__).parents[2]
"""The folder that holds the project."""
ENVIRONMENT_FILE: Final = "environment"
"""Written by `cxq up` into its state folder: the settings of the services that it runs, as a shell would read them."""


def state_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Say where a development machine keeps its data: `CXQ_STATE_DIR`, or `.cxq` in the project."""
    return Path(environ.get("CXQ_STATE_DIR") or ROOT / ".cxq").absolute()


def write_environment(folder: Path, values: Mapping[str, str]) -> None:
    """Leave the settings of a run where later commands find them; the file holds a password and is its owner's only."""
    file = folder / ENVIRONMENT_FILE
    replacement = file.with_suffix(f".{os.getpid()}")
    replacement.touch(mode=0o600)
    replacement.write_text("".join(f"{name}={shlex.quote(value)}\n" for name, value in sorted(values.items())))
    replacement.replace(file)


def read_environment(folder: Path) -> dict[str, str]:
    """Read what a run has left; empty when there was none."""
    try:
        text = (folder / ENVIRONMENT_FILE).read_text()
    except OSError:
        return {}
    return dict(word.partition("=")[::2] for word in shlex.split(text))


def adopt_environment(environ: MutableMapping[str, str] = os.environ) -> None:
    """Fill in the settings that are not set from what the run on this machine has left.

    Where a variable says something else than the file, the file is about other servers and is left alone.
    """
    kept = read_environment(state_folder(environ))
    if all(environ.get(name, value) == value for name, value in kept.items()):
        environ.update(kept)


def settings() -> "Settings":
    """Read the settings; pydantic's ValidationError names what is missing or wrong."""
    from shared.settings import Settings

    adopt_environment()
    return Settings()


def context_name(name: str) -> str:
    """Check the name of a service as it is written on the command line."""
    from shared.settings import CONTEXTS

    if name not in CONTEXTS:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(CONTEXTS)}")
    return name


def load_context(name: str) -> "BoundedContext":
    """Import one service and give its parts."""
    from importlib import import_module

    context: BoundedContext = import_module(f"services.{name}.app").CONTEXT
    return context
