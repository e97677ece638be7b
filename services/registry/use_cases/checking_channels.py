"""Whether a channel may act for a claimant: its authorisation as it stands now, held against a day."""

from datetime import date

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registry.recognition_tables import channel_authorisations, channels
from shared.events.registry.channels import ChannelScope

_OF_THE_REGISTER: tuple[ChannelScope, ...] = ("profile", "certificates")
"""Matters in which a channel sees a claimant here; who claims or contracts for it sees nothing of its profile."""


async def may_act(
    connection: AsyncConnection, principal: str, claimant_id: str, day: date, scope: ChannelScope | None = None
) -> bool:
    """Tell whether a channel may act for a claimant on a day, in a matter or else in one of the register."""
    table = channel_authorisations
    covers = table.c.scopes.overlap([scope] if scope is not None else list(_OF_THE_REGISTER))
    found = await connection.execute(
        sa.select(table.c.authorisation_id)
        .join(channels, channels.c.channel_id == table.c.channel_id)
        .where(
            channels.c.principal == principal,
            channels.c.closed_on.is_(None),
            table.c.claimant_id == claimant_id,
            table.c.revoked_on.is_(None),
            table.c.valid_from <= day,
            table.c.valid_until >= day,
            covers,
        )
        .limit(1)
    )
    return found.first() is not None
