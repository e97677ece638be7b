"""Whether a channel may act for a claimant: its authorisation as it stands now, held against a day."""

from datetime import date

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registry.recognition_tables import channel_authorisations, channels
from shared.events.registry.channels import ChannelScope


async def may_act(
    connection: AsyncConnection, principal: str, claimant_id: str, day: date, scope: ChannelScope | None = None
) -> bool:
    """Tell whether a channel's principal may act for a claimant on a day, in a matter, or in any when none is named."""
    table = channel_authorisations
    covers = table.c.scopes.contains([scope]) if scope is not None else sa.true()
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
