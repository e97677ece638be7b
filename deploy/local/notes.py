"""What a run writes into its state folder for those who look for it: addresses, and which process is which service."""

import json
from collections.abc import Mapping
from pathlib import Path

from deploy.local.servers import Origin

_NOTES = "house.json"


def service_record(state_dir: Path, context: str) -> Path:
    """Say where the process id of a service is kept while it runs."""
    return state_dir / f"{context}.process.json"


def write_notes(state_dir: Path, urls: Mapping[str, str], origin: Origin) -> None:
    """Leave the services' addresses by context, and where the servers come from."""
    (state_dir / _NOTES).write_text(json.dumps({"urls": dict(urls), "origin": origin}))


def read_notes(state_dir: Path) -> tuple[dict[str, str], Origin]:
    """Read what `write_notes` has left; FileNotFoundError when nothing has ever run on this folder."""
    notes = json.loads((state_dir / _NOTES).read_text())
    return notes["urls"], Origin(notes["origin"])
