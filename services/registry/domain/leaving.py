"""The way off the list by the own wish: a reason, a month's notice, running contracts first (art. 6 last paragraph)."""

from datetime import date

from services.registry.domain.listing import Listed
from shared.events.registry.providers import ProviderDelisted, ProviderExitRequested
from shared.kernel.calendar import WorkingDays, deadline_on, months_after
from shared.kernel.decider import message
from shared.kernel.refusal import refuse


@message
class RequestExit:
    """Give notice; the stated reason stays with the office."""

    reason_digest: str
    notice_months: int
    roll: bool
    working_days: WorkingDays
    on: date
    pack: str
    pack_digest: str


@message
class ConcludeExit:
    """`running_contracts` are those submitted or registered and not over yet: they come first."""

    running_contracts: int
    on: date


def request(command: RequestExit, state: Listed) -> list[ProviderExitRequested]:
    """Take a notice; a municipal provider is on the list by order (art. 6 paragraph 1) and does not choose to leave."""
    if state.kind == "municipal":
        raise refuse("municipal-provider-stays", article="6", kind="state")
    if state.leaving is not None:
        raise refuse("exit-already-requested", article="6", value=state.leaving.until, kind="state")
    last_day = months_after(command.on, command.notice_months)
    deadline = deadline_on(last_day, command.working_days, roll=command.roll)
    return [
        ProviderExitRequested(
            provider_id=state.provider_id,
            reason_digest=command.reason_digest,
            until=deadline.last_day,
            provisional=deadline.provisional,
            on=command.on,
            pack=command.pack,
            pack_digest=command.pack_digest,
        )
    ]


def conclude(command: ConcludeExit, state: Listed) -> list[ProviderDelisted]:
    """Take the provider off the list after its notice and its last contract; until then nothing happens."""
    if state.leaving is None or command.on <= state.leaving.until or command.running_contracts:
        return []
    return [ProviderDelisted(provider_id=state.provider_id, reason="exit by art. 6", on=command.on)]
