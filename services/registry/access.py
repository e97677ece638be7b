"""Who was shown what of whom: access to personal and confidential data is written down as it happens (art. 9(3), 16).

A handler that shows such data asks for `AccessLog` and calls `record` before it answers: what is not recorded is not
shown.
"""

from collections.abc import Iterable
from typing import Annotated

import sqlalchemy as sa
from fastapi import Depends, Request

from services.registry.tables import access_records
from shared.http.desk import Desk, cause_of
from shared.kernel.refusal import Refused
from shared.store.execution import Answer
from shared.store.transaction import Transaction


class AccessDesk(Desk):
    """Records accesses of the caller; ask for it as a parameter of type `AccessLog`."""

    async def record(self, subjects: str | Iterable[str], fields: Iterable[str]) -> None:
        """Write down that the caller is shown these fields of these parties; nothing for nobody.

        `fields` are names, never values. Raises `StoreBusyError` when it cannot be written: then nothing is shown.
        """
        shown_of = [subjects] if isinstance(subjects, str) else list(subjects)
        if not shown_of:
            return
        rows = [
            {
                "at": self._visit.began,
                "principal": self.caller.principal,
                "role": self.caller.role.value,
                "operation": self._visit.operation,
                "subject": subject,
                "fields": sorted(fields),
                "request_id": self._visit.request_id,
            }
            for subject in shown_of
        ]

        async def write(tx: Transaction) -> None:
            await tx.connection.execute(sa.insert(access_records), rows)

        await self._edge.runtime.commands.execute(
            cause_of(self._visit), write, answer=lambda _, __: Answer(status=200), refused=_never
        )


def _never(refused: Refused) -> Answer:
    raise AssertionError("writing down an access decides nothing") from refused


def _desk(request: Request) -> AccessDesk:
    return AccessDesk(request)


AccessLog = Annotated[AccessDesk, Depends(_desk)]
"""The type of a handler's parameter that lets it record what it shows."""
