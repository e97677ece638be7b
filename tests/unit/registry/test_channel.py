"""Channels and their authorisations: admitted, authorised between days, revoked at any time."""

from dataclasses import replace
from datetime import date, timedelta

from services.registry.domain.channel import (
    Authorise,
    Authorised,
    CloseChannel,
    RegisterChannel,
    Revoke,
    authorisation,
    channel,
)
from shared.events.registry.channels import (
    ChannelAuthorisationRevoked,
    ChannelAuthorised,
    ChannelClosed,
    ChannelRegistered,
)
from tests.specification import Specification

channels, authorisations = Specification(channel), Specification(authorisation)
TODAY, A_DAY = date(2026, 11, 23), timedelta(days=1)
UNTIL = date(2027, 5, 31)
REGISTERED = ChannelRegistered(channel_id="chn_1", principal="bank-1", on=TODAY)
AUTHORISE = Authorise(
    authorisation_id="ath_1", channel_id="chn_1", channel_open=True, principal="bank-1", claimant_id="clm_1",
    scopes=("profile", "certificates", "profile"), valid_from=TODAY, valid_until=UNTIL, document_digest="d",
    authorised_by="boss-1", on=TODAY,
)  # fmt: skip
AUTHORISED = ChannelAuthorised(
    authorisation_id="ath_1", channel_id="chn_1", principal="bank-1", claimant_id="clm_1",
    scopes=("certificates", "profile"), valid_from=TODAY, valid_until=UNTIL, document_digest="d",
    authorised_by="boss-1", on=TODAY,
)  # fmt: skip
REVOKED = ChannelAuthorisationRevoked(
    authorisation_id="ath_1", channel_id="chn_1", claimant_id="clm_1", revoked_by="boss-1", on=TODAY
)


def test_a_channel_is_admitted_and_closed_once() -> None:
    channels.given().when(RegisterChannel(channel_id="chn_1", principal="bank-1", on=TODAY)).then(REGISTERED)
    closed = ChannelClosed(channel_id="chn_1", closed_by="officer-1", on=TODAY)
    channels.given(REGISTERED).when(CloseChannel(closed_by="officer-1", on=TODAY)).then(closed)
    channels.given(REGISTERED, closed).when(CloseChannel(closed_by="o", on=TODAY)).then_refused("channel-not-open")
    channels.given().when(CloseChannel(closed_by="o", on=TODAY)).then_refused("channel-not-open")


def test_a_claimant_authorises_an_open_channel_between_two_days() -> None:
    authorisations.given().when(AUTHORISE).then(AUTHORISED)
    authorisations.given().when(replace(AUTHORISE, channel_open=False)).then_refused("channel-not-open")
    one_day = replace(AUTHORISE, valid_until=TODAY)
    authorisations.given().when(one_day).then(replace(AUTHORISED, valid_until=TODAY))


def test_an_authorisation_begins_today_at_the_earliest_and_ends_after_it_begins() -> None:
    early = replace(AUTHORISE, valid_from=TODAY - A_DAY)
    authorisations.given().when(early).then_refused("authorisation-begins-in-the-past")
    short = replace(AUTHORISE, valid_from=TODAY + A_DAY, valid_until=TODAY)
    authorisations.given().when(short).then_refused("authorisation-ends-too-early")


def test_it_covers_its_matters_on_its_days_until_it_is_revoked() -> None:
    given = Authorised(fact=replace(AUTHORISED, scopes=("profile",)))
    days = (TODAY - A_DAY, TODAY, UNTIL, UNTIL + A_DAY)
    assert [given.covers("profile", day) for day in days] == [False, True, True, False]
    assert not given.covers("certificates", TODAY)
    assert not Authorised(fact=AUTHORISED, revoked_on=TODAY).covers("profile", TODAY)


def test_it_is_revoked_once_at_any_time() -> None:
    revoke = Revoke(revoked_by="boss-1", on=TODAY)
    authorisations.given(AUTHORISED).when(revoke).then(REVOKED)
    authorisations.given(AUTHORISED, REVOKED).when(revoke).then_refused("authorisation-not-in-this-stage")
    authorisations.given().when(revoke).then_refused("authorisation-not-in-this-stage")
