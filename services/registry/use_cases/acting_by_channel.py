"""Channels act for claimants: admitted by the office, authorised with a signed document, until that is revoked."""

from datetime import date

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.registry.domain.channel import (
    ARTICLE,
    AuthorisationEvent,
    AuthorisationState,
    Authorise,
    ChannelEvent,
    ChannelState,
    CloseChannel,
    NoChannel,
    Open,
    RegisterChannel,
    Revoke,
    authorisation,
    channel,
)
from services.registry.recognition_tables import channel_authorisations, channels
from services.registry.use_cases.acting_for_claimants import acting_for
from services.registry.use_cases.streams import stream_of
from shared.documents.storage import digests_of
from shared.events.registry.channels import ChannelScope
from shared.kernel.refusal import refuse
from shared.store.transaction import Handled, Transaction, UnknownSubjectError


async def register(tx: Transaction, channel_id: str, principal: str, name: str) -> Handled[ChannelEvent, ChannelState]:
    """Admit a channel; a principal is one open channel at most."""
    command = RegisterChannel(channel_id=channel_id, principal=principal, on=tx.today)
    handled = await tx.handle(channel, stream_of(channel_id, "chn"), command)
    taken = await tx.connection.execute(
        insert(channels)
        .values(channel_id=channel_id, principal=principal, name=name)
        .on_conflict_do_nothing()
        .returning(channels.c.channel_id)
    )
    if taken.first() is None:
        raise refuse("principal-has-channel", article=ARTICLE, kind="state")
    return handled


async def close(
    tx: Transaction, channel_id: str, officer: str, *, if_match: int | None
) -> Handled[ChannelEvent, ChannelState]:
    """Close a channel: from this instant on it acts for nobody."""
    stream = stream_of(channel_id, "chn")
    if isinstance((await tx.load(channel, stream)).state, NoChannel):
        raise UnknownSubjectError(channel_id)
    handled = await tx.handle(channel, stream, CloseChannel(closed_by=officer, on=tx.today), if_match=if_match)
    closed = sa.update(channels).where(channels.c.channel_id == channel_id).values(closed_on=tx.today)
    await tx.connection.execute(closed)
    return handled


async def authorise(
    tx: Transaction, authorisation_id: str, claimant_id: str, principal: str, *, channel_id: str,
    scopes: tuple[ChannelScope, ...], valid_from: date, valid_until: date, document_id: str, document_owner: str,
) -> Handled[AuthorisationEvent, AuthorisationState]:  # fmt: skip
    """Let a channel act for a claimant, by a user of it who may decide and on a document that user has uploaded."""
    await acting_for(tx, claimant_id, principal)
    digests = await digests_of(tx, document_owner, [document_id], article=ARTICLE)
    try:
        admitted = (await tx.load(channel, stream_of(channel_id, "chn"))).state
    except UnknownSubjectError:
        admitted = NoChannel()
    command = Authorise(
        authorisation_id=authorisation_id,
        channel_id=channel_id,
        channel_open=isinstance(admitted, Open),
        principal=admitted.principal if isinstance(admitted, Open) else "",
        claimant_id=claimant_id,
        scopes=scopes,
        valid_from=valid_from,
        valid_until=valid_until,
        document_digest=digests[document_id],
        authorised_by=principal,
        on=tx.today,
    )
    handled = await tx.handle(authorisation, stream_of(authorisation_id, "ath"), command)
    await tx.connection.execute(
        sa.insert(channel_authorisations).values(
            authorisation_id=authorisation_id,
            channel_id=channel_id,
            claimant_id=claimant_id,
            scopes=sorted(set(scopes)),
            valid_from=valid_from,
            valid_until=valid_until,
            document_id=document_id,
            authorised_by=principal,
            authorised_on=tx.today,
        )
    )
    return handled


async def revoke(
    tx: Transaction, authorisation_id: str, claimant_id: str, principal: str
) -> Handled[AuthorisationEvent, AuthorisationState]:
    """Take an authorisation back, at any time; what the channel did before stays done."""
    await acting_for(tx, claimant_id, principal)
    table = channel_authorisations
    of_claimant = (table.c.authorisation_id == authorisation_id) & (table.c.claimant_id == claimant_id)
    if (await tx.connection.execute(sa.select(table.c.channel_id).where(of_claimant))).first() is None:
        raise UnknownSubjectError(authorisation_id)
    command = Revoke(revoked_by=principal, on=tx.today)
    handled = await tx.handle(authorisation, stream_of(authorisation_id, "ath"), command)
    await tx.connection.execute(sa.update(table).where(of_claimant).values(revoked_by=principal, revoked_on=tx.today))
    return handled
