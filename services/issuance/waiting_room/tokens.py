"""Entry tokens: a place in the waiting room, sealed, so that a claim is let in without a look-up."""

from datetime import datetime

import msgspec

from services.issuance.domain.ticket import Ticket
from services.issuance.domain.waiting_room import Admission, Shown, Unfit
from shared.http.seals import Seal
from shared.settings import Settings

ENTRY_TOKEN = "Entry-Token"  # noqa: S105 (the name of a header)


class _Content(msgspec.Struct, frozen=True, array_like=True):
    """What a token says."""

    ticket_id: str
    period_id: str
    claimant_id: str
    principal: str
    place: int
    admits_from: datetime
    expires_at: datetime


class EntryTokens:
    """Writes and reads entry tokens; every instance reads what any of them has written."""

    def __init__(self, settings: Settings) -> None:
        self._seal = Seal(settings, "entry-token")

    def write(self, ticket: Ticket) -> str:
        """Write the token of a ticket: always the same one."""
        content = _Content(
            ticket_id=ticket.ticket_id,
            period_id=ticket.period_id,
            claimant_id=ticket.claimant_id,
            principal=ticket.principal,
            place=ticket.place,
            admits_from=ticket.admits_from,
            expires_at=ticket.expires_at,
        )
        return self._seal.write(content)

    def shown(self, token: str, *, period_id: str, claimant_id: str, principal: str, key: str) -> Shown:
        """Say what a claim shows by its token, "" for none.

        A token is good for the claim of its own claimant, by its own user, in its own period, under the key that is its
        ticket's id. A key has one answer for ever, so a token has one claim.
        """
        if not token:
            return Unfit.MISSING
        said = self._seal.read(token, _Content)
        asked = (key, period_id, claimant_id, principal)
        if said is None or (said.ticket_id, said.period_id, said.claimant_id, said.principal) != asked:
            return Unfit.INVALID
        return Admission(admits_from=said.admits_from, expires_at=said.expires_at)
