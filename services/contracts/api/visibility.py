"""Whose a project or a contract is: both parties see their own, the office and the auditor see all (art. 9(3), 16)."""

from typing import Annotated

import sqlalchemy as sa
from fastapi import Depends

from shared.http.identity import Caller
from shared.http.policy import Role
from shared.kernel.ids import is_id
from shared.store.transaction import UnknownSubjectError


def check_visible(caller: Caller, subject: str, *, claimant_id: str, provider_id: str) -> None:
    """Let a caller see a subject; what is somebody else's does not exist for them (`UnknownSubjectError`)."""
    match caller.role:
        case Role.CLAIMANT if caller.party == claimant_id:
            return
        case Role.PROVIDER if caller.party == provider_id:
            return
        case Role.OFFICER | Role.AUDITOR:
            return
        case _:
            raise UnknownSubjectError(subject)


def visible_to(caller: Caller, table: sa.Table) -> sa.ColumnElement[bool]:
    """Say which rows of a list, with the columns `claimant_id` and `provider_id`, a caller may see."""
    match caller.role:
        case Role.CLAIMANT:
            return table.c.claimant_id == caller.party
        case Role.PROVIDER:
            return table.c.provider_id == caller.party
        case Role.OFFICER | Role.AUDITOR:
            return sa.true()
        case _:
            return sa.false()


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
