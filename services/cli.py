"""`cxq`: the command line of all five services."""

import logging
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import typer

from services.commands import development, documents, draws, exporting, importing, keeping, measures, receipts, running
from services.commands.environment import state_folder
from services.commands.problems import CommandProblem, Exit, explain
from services.commands.telling import tell

_EPILOG = (
    "Exit codes: 0 done; 1 the answer is no; 2 written wrongly; 3 something needed does not answer or is taken; "
    "4 a setting is missing or forbids it; 70 a fault of ours; 130 Ctrl-C."
)

app = typer.Typer(
    name="cxq",
    help="科技创新券 · Science and technology innovation vouchers.",
    epilog=_EPILOG,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    add_completion=False,
)
_PANELS: dict[str, tuple[Callable[..., None], ...]] = {
    "Run": (running.up, running.demo, running.migrate, running.serve, running.worker),
    "Keep in order": (
        keeping.audit,
        keeping.rebuild,
        keeping.republish,
        keeping.rehear,
        keeping.parked,
        keeping.unpark,
    ),
    "Verify": (receipts.verify_receipt, draws.verify_draw),
    "Develop": (development.token, documents.openapi),
}
for _panel, _commands in _PANELS.items():
    for _command in _commands:
        app.command(rich_help_panel=_panel)(_command)
app.add_typer(measures.measures, name="measures", rich_help_panel="Keep in order")
app.add_typer(importing.imports, name="import", rich_help_panel="Run")
app.add_typer(exporting.exports, name="export", rich_help_panel="Run")
app.add_typer(development.clock, name="clock", rich_help_panel="Develop")


def main(arguments: Sequence[str] | None = None) -> None:
    """Carry out a command and leave the process with an exit code; nothing but a sentence is shown of an error."""
    for library in ("aiokafka", "librdkafka"):  # of a broker that is away, which the error at the end tells once
        logging.getLogger(library).addHandler(logging.NullHandler())
    try:
        app(args=arguments, prog_name="cxq")
    except SystemExit:
        raise
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)
    except BaseException as error:  # noqa: BLE001 (the last to hear of it, also of a stray cancellation)
        problem = explain(error) or _unexpected(error)
        if os.environ.get("CXQ_LOG_LEVEL") == "debug":
            traceback.print_exception(error)
        tell(f"cxq: {problem}")
        sys.exit(problem.exit_code)


def _unexpected(error: BaseException) -> CommandProblem:
    log = state_folder() / "logs" / "cxq.log"
    said = str(error).partition("\n")[0]
    return CommandProblem(
        f"A fault of ours: {type(error).__name__}{f': {said}' if said else ''}.",
        f"The whole story is in {log}." if _written(log, error) else "CXQ_LOG_LEVEL=debug shows the whole story.",
        Exit.UNEXPECTED,
    )


def _written(log: Path, error: BaseException) -> bool:
    """Keep a fault for whoever mends it, where there is a folder of this machine's runs."""
    with suppress(OSError):
        if state_folder().is_dir():
            log.parent.mkdir(exist_ok=True)
            with log.open("a") as file:
                file.writelines(traceback.format_exception(error))
            return True
    return False


if __name__ == "__main__":
    main()
