"""Who may act for a claimant besides its own users: channels such as a bank, each with a signed authorisation."""

from datetime import date
from typing import Literal

from shared.events.definition import Payload, event, upcaster

type ChannelScope = Literal["profile", "certificates", "claims", "contracts"]
"""Matters: the claimant's profile, its certificates, claiming vouchers, and the projects that lead to contracts."""


@event("registry.channel-registered", key="channel_id")
class ChannelRegistered:
    """The office has admitted a channel; it may do nothing for anybody before a claimant authorises it."""

    channel_id: str
    principal: str
    on: date


@event("registry.channel-closed", key="channel_id")
class ChannelClosed:
    """A channel acts for nobody any more, from this day on."""

    channel_id: str
    closed_by: str
    on: date


@event("registry.channel-authorised", key="claimant_id", version=2)
class ChannelAuthorised:
    """A claimant lets a channel act for it in these matters, on these days; both days are included.

    `principal` is the channel's, by which the others know who calls.
    """

    authorisation_id: str
    channel_id: str
    principal: str
    claimant_id: str
    scopes: tuple[ChannelScope, ...]
    valid_from: date
    valid_until: date
    document_digest: str
    authorised_by: str
    on: date


@upcaster("cxq.registry.channel-authorised.v1", to="cxq.registry.channel-authorised.v2")
def _only_the_registry_asked(old: Payload) -> Payload:
    """Version 1 knew matters of the registry alone, which knows a channel's principal by itself."""
    return old | {"principal": ""}


@event("registry.channel-authorisation-revoked", key="claimant_id")
class ChannelAuthorisationRevoked:
    """A claimant has taken an authorisation back, at once."""

    authorisation_id: str
    channel_id: str
    claimant_id: str
    revoked_by: str
    on: date
