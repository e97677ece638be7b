"""Whose a voucher or a year is: a claimant sees its own, the office and the auditor see all (art. 9(3), 16)."""

from typing import Annotated

from fastapi import Depends

from shared.http.identity import Caller
from shared.http.policy import Role
from shared.kernel.ids import is_id
from shared.store.transaction import UnknownSubjectError


def check_visible(caller: Caller, subject: str, *, claimant_id: str) -> None:
    """Let a caller see a subject; what is somebody else's does not exist for them (`UnknownSubjectError`)."""
    if caller.role is Role.CLAIMANT and caller.party != claimant_id:
        raise UnknownSubjectError(subject)


def claimant_of(caller: Caller) -> str:
    """Name the claimant a caller acts for; a token without one acts for nobody that is registered."""
    return caller.party or ""


def _period(period_id: str) -> str:
    return _known(period_id, "prd")


def _voucher(voucher_id: str) -> str:
    return _known(voucher_id, "vch")


def _claimant(claimant_id: str) -> str:
    return _known(claimant_id, "clm")


def _known(subject: str, prefix: str) -> str:
    """Answer 404 for what cannot be an id before anybody looks it up."""
    if not is_id(subject, prefix):
        raise UnknownSubjectError(subject)
    return subject


PeriodId = Annotated[str, Depends(_period)]
VoucherId = Annotated[str, Depends(_voucher)]
ClaimantId = Annotated[str, Depends(_claimant)]
