"""What happens to the money of a period as a whole."""

from datetime import date, datetime

from shared.events.definition import event


@event("issuance.quota-granted", key="period_id")
class QuotaGranted:
    """So much money has been put at a period's disposal, in fen, with its approval (art. 12)."""

    period_id: str
    amount: int
    on: date


@event("issuance.quota-withdrawn", key="period_id")
class QuotaWithdrawn:
    """So much money has been taken from a period's disposal again, in fen: its approval or its quota has changed."""

    period_id: str
    amount: int
    on: date


@event("issuance.quota-returned", key="period_id")
class QuotaReturned:
    """Lapsed money went back to the period, because the rule `return_to_quota` says so."""

    period_id: str
    voucher_id: str
    amount: int
    on: date


@event("issuance.class-quota-released", key="period_id")
class ClassQuotaReleased:
    """A class's time to draw on its own part is over: what it left of it, in fen, is everybody's (art. 12)."""

    period_id: str
    name: str
    amount: int
    at: datetime
