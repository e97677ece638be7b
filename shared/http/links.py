"""Signed links: what somebody may fetch without a token for a few minutes, because we have written it."""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from shared.http.problems import ProblemError
from shared.http.seals import Seal
from shared.settings import Settings

VALID_FOR = timedelta(minutes=10)


class Links:
    """Writes and reads what a link carries; `purpose` keeps the links of one operation from another's."""

    def __init__(self, settings: Settings, purpose: str) -> None:
        self._seal = Seal(settings, purpose)

    def write(self, content: Any, until: datetime) -> str:
        """Sign what a link is for, until an instant."""
        return self._seal.write([until, content])

    def read[T](self, link: str, now: datetime, kind: type[T]) -> T:
        """Read what a link is for; ProblemError `link-not-valid` when it is over or not ours."""
        found = self._seal.read(link, tuple[datetime, msgspec.Raw])
        if found is None or now >= found[0]:
            raise ProblemError("link-not-valid")
        return msgspec.json.decode(found[1], type=kind)
