"""Two people change a parameter of the rules, from a day to come (reading 10, art. 20)."""

import secrets
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from services.registry.domain.measure_change import (
    ApproveChange,
    Event,
    InForceThen,
    ProposeChange,
    State,
    Unchanged,
    WithdrawChange,
    measure_change,
)
from services.registry.domain.profile import digest_of
from services.registry.tables import measure_change_reasons
from services.registry.use_cases.judging_claimants import follow_change_of_rules
from shared.events.registry.measures import MeasureChangeApproved, ParameterValue
from shared.measures.reader import Measures
from shared.procedures.following_measures import change_of
from shared.store.rules import drop_announced, keep_announced
from shared.store.transaction import Handled, Transaction, UnknownSubjectError


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants a parameter to be, from when on, and on which words it rests."""

    value: ParameterValue
    first_day: date
    article: str
    quote: str
    reason: str


def stream_of_parameter(parameter: str) -> str:
    """Name the stream of a parameter's changes: one a parameter, so that no two overlap."""
    return f"measure-{parameter}"


async def propose(tx: Transaction, change_id: str, parameter: str, wish: Wish, officer: str) -> Handled[Event, State]:
    """Propose a new value; UnknownSubjectError for a parameter that no rules have."""
    if not tx.measures.history(parameter):
        raise UnknownSubjectError(parameter)
    salt = secrets.token_hex(16)
    command = ProposeChange(
        change_id=change_id,
        parameter=parameter,
        value=wish.value,
        first_day=wish.first_day,
        article=wish.article,
        quote=wish.quote,
        reason_digest=digest_of(salt, {"reason": wish.reason}),
        replaced=_in_force_then(tx.measures, parameter, wish.first_day),
        proposed_by=officer,
        on=tx.today,
    )
    handled = await tx.handle(measure_change, stream_of_parameter(parameter), command)
    kept = sa.insert(measure_change_reasons).values(change_id=change_id, reason=wish.reason, salt=salt)
    await tx.connection.execute(kept)
    return handled


async def approve(
    tx: Transaction, parameter: str, change_id: str, approver: str, *, if_match: int | None
) -> Handled[Event, State]:
    """Announce a change as the second pair of eyes; from its first day on every service decides by it."""
    await _check_known(tx, parameter, change_id)
    command = ApproveChange(change_id=change_id, approved_by=approver, on=tx.today, at=tx.now)
    handled = await tx.handle(measure_change, stream_of_parameter(parameter), command, if_match=if_match)
    for event in handled.events:
        if isinstance(event, MeasureChangeApproved):
            await keep_announced(tx.connection, change_of(event))
            await follow_change_of_rules(tx, parameter, event.first_day)
    return handled


async def withdraw(
    tx: Transaction, parameter: str, change_id: str, officer: str, *, if_match: int | None
) -> Handled[Event, State]:
    """Take back what is not in force yet, proposed or announced."""
    await _check_known(tx, parameter, change_id)
    command = WithdrawChange(change_id=change_id, withdrawn_by=officer, on=tx.today, at=tx.now)
    handled = await tx.handle(measure_change, stream_of_parameter(parameter), command, if_match=if_match)
    await drop_announced(tx.connection, change_id)
    return handled


async def _check_known(tx: Transaction, parameter: str, change_id: str) -> None:
    """Raise UnknownSubjectError unless the parameter's latest change is this one."""
    state = (await tx.load(measure_change, stream_of_parameter(parameter))).state
    if isinstance(state, Unchanged) or state.proposal.change_id != change_id:
        raise UnknownSubjectError(change_id)


def _in_force_then(measures: Measures, parameter: str, day: date) -> InForceThen | None:
    try:
        pack = measures.in_force(day)
    except LookupError:
        return None
    if pack.excerpt or parameter not in pack.parameters:
        return None
    found = pack.parameters[parameter]
    held = found.on(day)
    return InForceThen(pack=pack.pack, unit=found.unit, value=held.value, first_day=held.first_day)
