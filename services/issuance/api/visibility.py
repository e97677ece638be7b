"""Whose a voucher or a year is: a claimant sees its own, the office and the auditor see all (art. 9(3), 16).

A channel sees what it has asked for itself, while it may act for the claimant (art. 15(1)).
"""

from typing import Annotated

from fastapi import Depends, Query

from services.issuance.asked_by_channel import act_on_voucher
from shared.http.identity import Caller
from shared.http.policy import Role
from shared.http.reading import ReadDesk
from shared.kernel.ids import is_id
from shared.store.transaction import UnknownSubjectError


def check_visible(caller: Caller, subject: str, *, claimant_id: str) -> None:
    """Let a caller see a subject; what is somebody else's does not exist for them (`UnknownSubjectError`)."""
    if caller.role is Role.CHANNEL or (caller.role is Role.CLAIMANT and caller.party != claimant_id):
        raise UnknownSubjectError(subject)


async def check_sees_voucher(request: ReadDesk, voucher_id: str, *, claimant_id: str) -> None:
    """Let a caller see a voucher; somebody else's does not exist for them (`UnknownSubjectError`).

    Refuses (`channel-not-authorised`) a channel that asked for it and may not act for its claimant any more.
    """
    if request.caller.role is not Role.CHANNEL:
        check_visible(request.caller, voucher_id, claimant_id=claimant_id)
        return
    async with request.reading() as tx:
        await act_on_voucher(tx, voucher_id, claimant_id)


def claimant_of(caller: Caller) -> str:
    """Name the claimant a caller acts for; a token without one acts for nobody that is registered."""
    return caller.party or ""


def own_claimant_of(caller: Caller) -> str | None:
    """Name the claimant whose objects are a caller's own; None for a channel, which has what it asked for itself."""
    return None if caller.role is Role.CHANNEL else claimant_of(caller)


NamedClaimant = Annotated[
    str | None,
    Query(
        max_length=64,
        description="代办渠道所代理的申领单位 · The claimant a channel acts for; a claimant names nobody",
        examples=["clm_01jq8v5x0000000000000000cc"],
    ),
]
"""The type of a parameter that names for whom a channel asks; its default is None."""


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
