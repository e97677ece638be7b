"""Whose a project or a contract is (art. 9(3), 16).

Both parties see their own, a channel those of the claimants it acts for today, the office and the auditor see all.
"""

from datetime import date
from typing import Annotated

import sqlalchemy as sa
from fastapi import Depends

from services.contracts.tables import authorisations
from shared.http.identity import Caller
from shared.http.policy import Role
from shared.http.reading import ReadRequest
from shared.kernel.calendar import business_date
from shared.kernel.ids import is_id
from shared.procedures.acting_by_channel import authorised_claimants
from shared.store.transaction import UnknownSubjectError


def check_visible(caller: Caller, subject: str, *, claimant_id: str, provider_id: str, acted_for: bool = False) -> None:
    """Let a caller see a subject; what is somebody else's does not exist for them (`UnknownSubjectError`).

    `acted_for` says that a channel acts for the claimant today.
    """
    match caller.role:
        case Role.CLAIMANT if caller.party == claimant_id:
            return
        case Role.PROVIDER if caller.party == provider_id:
            return
        case Role.CHANNEL if acted_for:
            return
        case Role.OFFICER | Role.AUDITOR:
            return
        case _:
            raise UnknownSubjectError(subject)


async def is_acted_for(request: ReadRequest, claimant_id: str) -> bool:
    """Tell whether the caller is a channel that acts for a claimant today."""
    if request.caller.role is not Role.CHANNEL:
        return False
    named = _acted_for(request.caller, business_date(request.now)).where(authorisations.c.claimant_id == claimant_id)
    async with request.connection() as connection:
        return (await connection.execute(named)).first() is not None


def visible_to(caller: Caller, table: sa.Table, day: date) -> sa.ColumnElement[bool]:
    """Say which rows of a list, with the columns `claimant_id` and `provider_id`, a caller may see on a day."""
    match caller.role:
        case Role.CLAIMANT:
            return table.c.claimant_id == caller.party
        case Role.CHANNEL:
            return table.c.claimant_id.in_(_acted_for(caller, day))
        case Role.PROVIDER:
            return table.c.provider_id == caller.party
        case Role.OFFICER | Role.AUDITOR:
            return sa.true()
        case _:
            return sa.false()


def _acted_for(caller: Caller, day: date) -> sa.Select[tuple[str]]:
    return authorised_claimants(authorisations, caller.principal, "contracts", day)


def _project(project_id: str) -> str:
    return _known(project_id, "prj")


def _contract(contract_id: str) -> str:
    return _known(contract_id, "ctr")


def _known(subject: str, prefix: str) -> str:
    """Answer 404 for what cannot be an id before anybody looks it up."""
    if not is_id(subject, prefix):
        raise UnknownSubjectError(subject)
    return subject


ProjectId = Annotated[str, Depends(_project)]
ContractId = Annotated[str, Depends(_contract)]
