"""A channel that acts for claimants: admitted by the office, authorised by each claimant, revocable at any time."""

from datetime import date
from typing import assert_never

from shared.events.registry.channels import (
    ChannelAuthorisationRevoked,
    ChannelAuthorised,
    ChannelClosed,
    ChannelRegistered,
    ChannelScope,
)
from shared.kernel.decider import Decider, message
from shared.kernel.refusal import Reason, refuse, refuse_unless

ARTICLE = "15(1)"
"""A claimant registers and claims by itself; who does it for the claimant needs the claimant's word."""


@message
class RegisterChannel:
    channel_id: str
    principal: str
    on: date


@message
class CloseChannel:
    closed_by: str
    on: date


@message
class NoChannel: ...


@message
class Open:
    channel_id: str
    principal: str
    registered_on: date


@message
class Closed:
    channel: Open
    closed_on: date


type ChannelCommand = RegisterChannel | CloseChannel
type ChannelEvent = ChannelRegistered | ChannelClosed
type ChannelState = NoChannel | Open | Closed


@message
class Authorise:
    """`channel_open` says whether the channel is admitted today; `principal` is then its own."""

    authorisation_id: str
    channel_id: str
    channel_open: bool
    principal: str
    claimant_id: str
    scopes: tuple[ChannelScope, ...]
    valid_from: date
    valid_until: date
    document_digest: str
    authorised_by: str
    on: date


@message
class Revoke:
    revoked_by: str
    on: date


@message
class NotAuthorised: ...


@message
class Authorised:
    fact: ChannelAuthorised
    revoked_on: date | None = None

    def covers(self, scope: ChannelScope, day: date) -> bool:
        """Tell whether it lets the channel act in a matter on a day."""
        within = self.fact.valid_from <= day <= self.fact.valid_until
        return within and scope in self.fact.scopes and self.revoked_on is None


type AuthorisationCommand = Authorise | Revoke
type AuthorisationEvent = ChannelAuthorised | ChannelAuthorisationRevoked
type AuthorisationState = NotAuthorised | Authorised


def decide_channel(command: ChannelCommand, state: ChannelState) -> list[ChannelEvent]:
    """Say what happens to a channel, or refuse."""
    match command, state:
        case RegisterChannel(), NoChannel():
            return [ChannelRegistered(channel_id=command.channel_id, principal=command.principal, on=command.on)]
        case CloseChannel(), Open(channel_id=channel_id):
            return [ChannelClosed(channel_id=channel_id, closed_by=command.closed_by, on=command.on)]
        case ((RegisterChannel() | CloseChannel()), _):
            raise refuse("channel-not-open", article=ARTICLE, kind="state")
    assert_never(command)


def evolve_channel(state: ChannelState, event: ChannelEvent) -> ChannelState:
    """Fold one fact into a channel's state."""
    match event:
        case ChannelRegistered():
            return Open(channel_id=event.channel_id, principal=event.principal, registered_on=event.on)
        case ChannelClosed(on=on):
            assert isinstance(state, Open), state
            return Closed(channel=state, closed_on=on)
    assert_never(event)


def decide_authorisation(command: AuthorisationCommand, state: AuthorisationState) -> list[AuthorisationEvent]:
    """Say what happens to an authorisation, or refuse and say which article refuses."""
    match command, state:
        case Authorise(), NotAuthorised():
            return [_authorised(command)]
        case Revoke(), Authorised(fact=fact, revoked_on=None):
            return [
                ChannelAuthorisationRevoked(
                    authorisation_id=fact.authorisation_id,
                    channel_id=fact.channel_id,
                    claimant_id=fact.claimant_id,
                    revoked_by=command.revoked_by,
                    on=command.on,
                )
            ]
        case ((Authorise() | Revoke()), _):
            raise refuse("authorisation-not-in-this-stage", article=ARTICLE, kind="state")
    assert_never(command)


def evolve_authorisation(state: AuthorisationState, event: AuthorisationEvent) -> AuthorisationState:
    """Fold one fact into an authorisation's state."""
    match event:
        case ChannelAuthorised():
            return Authorised(fact=event)
        case ChannelAuthorisationRevoked(on=on):
            assert isinstance(state, Authorised), state
            return Authorised(fact=state.fact, revoked_on=on)
    assert_never(event)


channel: Decider[ChannelCommand, ChannelEvent, ChannelState] = Decider(
    decide_channel, evolve_channel, initial=NoChannel()
)
authorisation: Decider[AuthorisationCommand, AuthorisationEvent, AuthorisationState] = Decider(
    decide_authorisation, evolve_authorisation, initial=NotAuthorised()
)


def _authorised(command: Authorise) -> ChannelAuthorised:
    ends_too_early = command.valid_until < max(command.valid_from, command.on)
    refuse_unless(
        None if command.channel_open else Reason(code="channel-not-open", article=ARTICLE, kind="state"),
        Reason(code="authorisation-begins-in-the-past", article=ARTICLE, value=command.valid_from, limit=command.on)
        if command.valid_from < command.on
        else None,
        Reason(code="authorisation-ends-too-early", article=ARTICLE, value=command.valid_until,
               limit=max(command.valid_from, command.on))
        if ends_too_early
        else None,
    )  # fmt: skip
    return ChannelAuthorised(
        authorisation_id=command.authorisation_id,
        channel_id=command.channel_id,
        principal=command.principal,
        claimant_id=command.claimant_id,
        scopes=tuple(sorted(set(command.scopes))),
        valid_from=command.valid_from,
        valid_until=command.valid_until,
        document_digest=command.document_digest,
        authorised_by=command.authorised_by,
        on=command.on,
    )
