"""Given / when / then over any decider."""

from dataclasses import dataclass

import pytest

from shared.kernel.decider import Decider
from shared.kernel.refusal import Refused


@dataclass(frozen=True, slots=True)
class Specification[C, E, S]:
    """Past events, then a command, then what comes of it."""

    decider: Decider[C, E, S]
    history: tuple[E, ...] = ()
    command: C | None = None

    def given(self, *events: E) -> "Specification[C, E, S]":
        """State the past."""
        return Specification(self.decider, events)

    def when(self, command: C) -> "Specification[C, E, S]":
        """Ask for something."""
        return Specification(self.decider, self.history, command)

    def then(self, *expected: E) -> None:
        """Expect exactly these new events."""
        assert self._decide() == list(expected)

    def then_nothing(self) -> None:
        """Expect the command to be accepted without effect."""
        self.then()

    def then_refused(self, *codes: str) -> None:
        """Expect a refusal with exactly these reasons."""
        with pytest.raises(Refused) as refusal:
            self._decide()
        assert tuple(reason.code for reason in refusal.value.reasons) == codes

    def _decide(self) -> list[E]:
        assert self.command is not None, "say when(...) before then(...)"
        return self.decider.decide(self.command, self.decider.fold(self.history))
