"""How much money a period has at its disposal: granted with its approval, changed by a further grant or withdrawal."""

from datetime import date
from typing import assert_never

from shared.events.issuance.quotas import QuotaGranted, QuotaWithdrawn
from shared.kernel.decider import Decider, message


@message
class SetGrant:
    """Have a period's money come to `amount` fen, none if its approval is void."""

    period_id: str
    amount: int
    on: date


@message
class Granted:
    """What a period has been given so far, in fen, less what was withdrawn."""

    amount: int = 0


type Event = QuotaGranted | QuotaWithdrawn


def decide(command: SetGrant, state: Granted) -> list[Event]:
    """Grant what lacks or withdraw what is too much; what is right already stays."""
    change = command.amount - state.amount
    if change > 0:
        return [QuotaGranted(period_id=command.period_id, amount=change, on=command.on)]
    if change < 0:
        return [QuotaWithdrawn(period_id=command.period_id, amount=-change, on=command.on)]
    return []


def evolve(state: Granted, event: Event) -> Granted:
    """Count one fact."""
    match event:
        case QuotaGranted(amount=amount):
            return Granted(amount=state.amount + amount)
        case QuotaWithdrawn(amount=amount):
            return Granted(amount=state.amount - amount)
    assert_never(event)


budget: Decider[SetGrant, Event, Granted] = Decider(decide, evolve, initial=Granted())
