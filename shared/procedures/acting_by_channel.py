"""Channels such as a bank: how a context lets one act for a claimant that has authorised it, and nobody else.

The registry tells which claimant lets which channel act in which matters between which days. Each context keeps what
concerns it; an authorisation that is revoked, or whose channel is closed, is gone from the copy.
"""

from datetime import date

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert

from shared.bus.reactions import Reactions
from shared.events.definition import Recorded
from shared.events.registry.channels import (
    ChannelAuthorisationRevoked,
    ChannelAuthorised,
    ChannelClosed,
    ChannelScope,
)
from shared.kernel.refusal import refuse
from shared.store.transaction import Transaction

_ONE_AT_A_TIME = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('channel:' || :channel_id, 0))")
"""A channel's closure and its authorisations have different owners, so that they may arrive side by side."""


def channel_authorisations(metadata: sa.MetaData) -> sa.Table:
    """Describe the copy in a context's own database: which channel may act for which claimant, and when."""
    return sa.Table(
        "channel_authorisations",
        metadata,
        sa.Column("authorisation_id", sa.Text, primary_key=True),
        sa.Column("channel_id", sa.Text, nullable=False, index=True),
        sa.Column("principal", sa.Text, nullable=False, index=True),
        sa.Column("claimant_id", sa.Text, nullable=False, index=True),
        sa.Column("scopes", ARRAY(sa.Text), nullable=False),
        sa.Column("valid_from", sa.Date, nullable=False),
        sa.Column("valid_until", sa.Date, nullable=False),
    )


def closed_channels(metadata: sa.MetaData) -> sa.Table:
    """Describe the channels that act for nobody any more, whatever authorisation of theirs is still on its way."""
    return sa.Table("closed_channels", metadata, sa.Column("channel_id", sa.Text, primary_key=True))


def following_channels(authorisations: sa.Table, closed: sa.Table) -> Reactions:
    """Give the reactions that keep a context's copies up to date, for its `REACTIONS`."""

    async def authorise(tx: Transaction, event: Recorded[ChannelAuthorised]) -> None:
        given = event.data
        await tx.connection.execute(_ONE_AT_A_TIME, {"channel_id": given.channel_id})
        over = sa.select(closed.c.channel_id).where(closed.c.channel_id == given.channel_id)
        if (await tx.connection.execute(over)).first() is not None:
            return
        statement = insert(authorisations).values(
            authorisation_id=given.authorisation_id,
            channel_id=given.channel_id,
            principal=given.principal,
            claimant_id=given.claimant_id,
            scopes=list(given.scopes),
            valid_from=given.valid_from,
            valid_until=given.valid_until,
        )
        await tx.connection.execute(statement.on_conflict_do_nothing())

    async def revoke(tx: Transaction, event: Recorded[ChannelAuthorisationRevoked]) -> None:
        revoked = authorisations.c.authorisation_id == event.data.authorisation_id
        await tx.connection.execute(sa.delete(authorisations).where(revoked))

    async def close(tx: Transaction, event: Recorded[ChannelClosed]) -> None:
        channel_id = event.data.channel_id
        await tx.connection.execute(_ONE_AT_A_TIME, {"channel_id": channel_id})
        await tx.connection.execute(insert(closed).values(channel_id=channel_id).on_conflict_do_nothing())
        await tx.connection.execute(sa.delete(authorisations).where(authorisations.c.channel_id == channel_id))

    return {ChannelAuthorised: authorise, ChannelAuthorisationRevoked: revoke, ChannelClosed: close}


def authorised_claimants(table: sa.Table, principal: str, scope: ChannelScope, day: date) -> sa.Select[tuple[str]]:
    """Select the claimants that a channel's principal may act for in a matter on a day; both days are included."""
    return sa.select(table.c.claimant_id).where(
        table.c.principal == principal,
        table.c.scopes.contains([scope]),
        table.c.valid_from <= day,
        table.c.valid_until >= day,
    )


async def act_by_channel(tx: Transaction, table: sa.Table, claimant_id: str, scope: ChannelScope) -> None:
    """Let the transaction's actor act for a claimant as a channel, and note the channel with all that comes of it.

    Refuses (`channel-not-authorised`) without saying whether there is such a claimant.
    """
    found = await tx.connection.execute(
        authorised_claimants(table, tx.cause.actor, scope, tx.today)
        .with_only_columns(table.c.channel_id)
        .where(table.c.claimant_id == claimant_id)
        .limit(1)
    )
    channel_id = found.scalar_one_or_none()
    if channel_id is None:
        raise refuse("channel-not-authorised", article="15(1)", value=scope)
    tx.cause = tx.cause._replace(channel=channel_id)
