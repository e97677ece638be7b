"""How a period is shown: as it stands and decides at this instant, or as the board of periods has it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from services.issuance import ledger
from services.issuance.api.class_models import class_views
from services.issuance.api.entry_models import entries_view
from services.issuance.api.period_models import PastPauseView, PauseView, Period
from services.issuance.api.waiting_room_models import WaitingRoomView
from services.issuance.domain.classes import UNDIVIDED, as_of
from services.issuance.domain.period import Event, period
from services.issuance.domain.period_phases import Period as PeriodState
from services.issuance.domain.period_phases import Phase, State, phase_at
from services.issuance.ledger import Quota
from services.issuance.projections.period_board import classes_on
from shared.http.commands import Presented
from shared.http.models import Money
from shared.http.reading import ReadDesk
from shared.store.transaction import Handled, Transaction, UnknownSubjectError

_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A period with its deciding row, if it has one, at an instant of the server's clock."""

    state: State
    version: int
    quota: Quota | None
    at: datetime

    @property
    def period(self) -> PeriodState:
        """The period itself; UnknownSubjectError where there is none."""
        if not isinstance(self.state, PeriodState):
            raise UnknownSubjectError("period")
        return self.state

    @property
    def phase(self) -> Phase:
        """What the server's clock makes of its phase."""
        return phase_at(self.period.phase, self.period.opens_at, self.period.closes_at, self.at)

    @property
    def opens_in_ms(self) -> int | None:
        """The countdown by the server's clock, rounded up: whoever comes when it says 0 finds the period open."""
        if self.phase in {Phase.PROPOSED, Phase.WITHDRAWN, Phase.CLOSED}:
            return None
        return max(0, -((self.at - self.period.opens_at) // _MILLISECOND))


async def look(request: ReadDesk, period_id: str) -> Seen:
    """Look at a period by its stream and its deciding row, in one transaction."""
    async with request.reading() as tx:
        loaded = await tx.load(period, f"period-{period_id}")
        quota = await ledger.quota_of(tx.connection, period_id)
        return Seen(state=loaded.state, version=loaded.version, quota=quota, at=tx.now)


def then_seen(
    period_id: str, use_case: Callable[[Transaction], Awaitable[Handled[Event, State]]]
) -> Callable[[Transaction], Awaitable[Seen]]:
    """Run a use case and look at what it leaves, all in one transaction."""

    async def run(tx: Transaction) -> Seen:
        handled = await use_case(tx)
        quota = await ledger.quota_of(tx.connection, period_id)
        return Seen(state=handled.state, version=handled.version, quota=quota, at=tx.now)

    return run


def presented(seen: Seen) -> Presented:
    """Show a period to whoever may see it."""
    return Presented(body=Period(**period_fields(seen)), version=seen.version)


def presented_new(seen: Seen) -> Presented:
    """Show a period that has just been proposed, and where it is from now on."""
    location = f"/v1/periods/{seen.period.period_id}"
    return Presented(body=Period(**period_fields(seen)), version=seen.version, status=201, location=location)


def period_fields(seen: Seen) -> dict[str, Any]:
    """Describe a period; before its approval it has all of its quota."""
    state = seen.period
    quota = seen.quota if state.phase is not Phase.PROPOSED else None
    return {
        "period_id": state.period_id,
        "name": state.name,
        "phase": seen.phase.value,
        "opens_at": state.opens_at,
        "closes_at": state.closes_at,
        "server_time": seen.at,
        "opens_in_ms": seen.opens_in_ms,
        "pause": PauseView(reason=state.pause.reason, since=state.pause.since) if state.pause is not None else None,
        "past_pauses": [
            PastPauseView(reason=one.reason, since=one.since, until=one.until, resumed_because=one.resumed_because)
            for one in state.past_pauses
        ],
        "withdrawal_reason": state.withdrawn_because,
        "quota": Money.of(state.quota),
        "issued": Money.of(quota.issued if quota else 0),
        "returned": Money.of(quota.returned if quota else 0),
        "remaining": Money.of(quota.remaining if quota else state.quota),
        "claims": quota.claims if quota else 0,
        "face_value_max": Money.of(state.face_value_max),
        "registration_days": state.registration_days,
        "validity_months": state.validity_months,
        "registration_last_day": state.registration_last_day,
        "validity_last_day": state.validity_last_day,
        "waiting_room": WaitingRoomView.of(state.waiting_room),
        "classes": class_views(state.classes, as_of(quota.parts, state.classes, seen.at) if quota else UNDIVIDED),
        "entries": entries_view(state),
        "pack": state.pack,
    }


def board_fields(row: sa.Row[Any], at: datetime) -> dict[str, Any]:
    """Describe a period by its row on the board, at an instant of the server's clock."""
    paused = row.paused_since is not None
    classes, parts = classes_on(row)
    return {
        "period_id": row.period_id,
        "name": row.name,
        "phase": phase_at(Phase(row.phase), row.opens_at, row.closes_at, at).value,
        "opens_at": row.opens_at,
        "closes_at": row.closes_at,
        "pause": PauseView(reason=row.pause_reason, since=row.paused_since) if paused else None,
        "withdrawal_reason": row.withdrawal_reason,
        "quota": Money.of(row.quota),
        "issued": Money.of(row.issued),
        "returned": Money.of(row.returned),
        "remaining": Money.of(row.remaining),
        "claims": row.claims,
        "face_value_max": Money.of(row.face_value_max),
        "classes": class_views(classes, as_of(parts, classes, at)),
    }
