"""Being on the list: by order or after a notice, with what the provider can do, until it is taken off (art. 6, 11)."""

from dataclasses import replace
from datetime import date

from shared.events.registry.facilities import ServiceKind
from shared.events.registry.providers import ProviderCapabilitiesChanged, ProviderKind, ProviderListed
from shared.kernel.decider import message
from shared.kernel.refusal import refuse


@message
class ListMunicipal:
    """Put an institution of the city on the list by order; `barred`: a measure of art. 17 stands against its code."""

    provider_id: str
    principal: str
    capabilities: tuple[ServiceKind, ...]
    third_party_testing: bool
    barred: bool
    on: date


@message
class ChangeCapabilities:
    """Enter what a listed provider can do from today on, and whether testing for others is its business (art. 11)."""

    capabilities: tuple[ServiceKind, ...]
    third_party_testing: bool
    changed_by: str
    on: date


@message
class Delist:
    reason: str
    on: date


@message
class ExitNotice:
    """A notice given; the provider stays on the list up to and including `until`, and longer if contracts run."""

    on: date
    until: date
    provisional: bool


@message
class Entry:
    """What the list says of a provider from the day `since` on."""

    capabilities: tuple[ServiceKind, ...]
    third_party_testing: bool
    since: date


@message
class Listed:
    """`entries` are what the list has said, the newest last and never empty."""

    provider_id: str
    principal: str
    kind: ProviderKind
    entries: tuple[Entry, ...]
    on: date
    leaving: ExitNotice | None = None

    @property
    def capabilities(self) -> tuple[ServiceKind, ...]:
        """What the provider can do as things stand."""
        return self.entries[-1].capabilities

    @property
    def third_party_testing(self) -> bool:
        """Whether testing for others is its business as things stand (art. 11)."""
        return self.entries[-1].third_party_testing


@message
class Delisted:
    """A provider as it stood when it left the list."""

    provider_id: str
    principal: str
    kind: ProviderKind
    entries: tuple[Entry, ...]
    on: date
    delisted_on: date
    leaving: ExitNotice | None = None


def list_by_order(command: ListMunicipal) -> list[ProviderListed]:
    """List an institution of the city at once (art. 6 paragraph 1)."""
    not_barred(barred=command.barred)
    return [
        ProviderListed(
            provider_id=command.provider_id,
            kind="municipal",
            principal=command.principal,
            capabilities=command.capabilities,
            third_party_testing=command.third_party_testing,
            on=command.on,
        )
    ]


def change_capabilities(command: ChangeCapabilities, state: Listed) -> list[ProviderCapabilitiesChanged]:
    """Change the entry; saying what it says already changes nothing."""
    if (set(command.capabilities), command.third_party_testing) == (
        set(state.capabilities), state.third_party_testing
    ):  # fmt: skip
        return []
    return [
        ProviderCapabilitiesChanged(
            provider_id=state.provider_id,
            capabilities=command.capabilities,
            third_party_testing=command.third_party_testing,
            changed_by=command.changed_by,
            on=command.on,
        )
    ]


def listed(event: ProviderListed) -> Listed:
    """Give the state of who has just come on the list."""
    entry = Entry(capabilities=event.capabilities, third_party_testing=event.third_party_testing, since=event.on)
    return Listed(
        provider_id=event.provider_id, principal=event.principal, kind=event.kind, entries=(entry,), on=event.on
    )


def changed(state: Listed, event: ProviderCapabilitiesChanged) -> Listed:
    """Fold a change in; the last change of a day is what the list said on it."""
    entry = Entry(capabilities=event.capabilities, third_party_testing=event.third_party_testing, since=event.on)
    return replace(state, entries=(*state.entries, entry))


def delisted(state: Listed, on: date) -> Delisted:
    """Give the state of who has just left the list."""
    return Delisted(
        provider_id=state.provider_id,
        principal=state.principal,
        kind=state.kind,
        entries=state.entries,
        on=state.on,
        delisted_on=on,
        leaving=state.leaving,
    )


def entry_on(state: Listed | Delisted, day: date) -> Entry:
    """Give what the list said of a provider on a day; before it was listed, what it said first."""
    said = [entry for entry in state.entries if entry.since <= day]
    return said[-1] if said else state.entries[0]


def not_barred(*, barred: bool) -> None:
    """Refuse whom a measure of art. 17 keeps from anything new."""
    if barred:
        raise refuse("party-barred", article="17", kind="state")
