"""`make clean`: ends what a killed run has left on its state folder, and removes the folder.

`python -m deploy.local.forgetting [STATE_DIR]`.
"""

import shutil
import signal
import sys
from pathlib import Path

from deploy.local.notes import service_record
from deploy.local.problems import ServerProblem, explained_disk_errors
from deploy.local.processes import end_recorded, sole_use
from deploy.local.servers import forget
from services.commands.environment import state_folder
from shared.settings import CONTEXTS


def forget_everything(folder: Path) -> None:
    """Remove all that runs have kept under `folder`; raises `ServerProblem` while a run is using it."""
    if not folder.exists():
        return
    with explained_disk_errors(folder), sole_use(folder):
        for context in CONTEXTS:
            end_recorded(service_record(folder, context), signal.SIGTERM, limit_s=10.0)
        forget(folder)
        shutil.rmtree(folder)


def main() -> None:
    """Forget the state folder named first, or this project's."""
    folder = Path(sys.argv[1]).absolute() if len(sys.argv) > 1 else state_folder()
    try:
        forget_everything(folder)
    except ServerProblem as problem:
        sys.exit(str(problem))
    print(f"{folder} is forgotten.")


if __name__ == "__main__":
    main()
