"""The stages of a redemption: what a decision needs to know, and no more."""

from datetime import date
from typing import Literal

from shared.events.contracts import VoucherUse
from shared.events.redemption import Evidence, RefusalCause, VoucherPayment
from shared.kernel.decider import message
from shared.procedures.notices import Notice
from shared.procedures.panels import Opinion


@message
class File:
    """What every stage knows of its contract."""

    redemption_id: str
    contract_id: str
    claimant_id: str
    provider_id: str
    vouchers: tuple[VoucherUse, ...]
    amount: int
    invoiced_amount: int
    actual_amount: int
    ended_on: date
    redeem_by: date
    provisional: bool
    payable: int = 0
    evidence: tuple[Evidence, ...] = ()
    drawn_before: tuple[str, ...] = ()
    """The experts of every panel so far: they do not judge the same case twice."""


@message
class Unopened: ...


@message
class Awaited:
    file: File


@message
class Applied:
    file: File


@message
class Returned:
    file: File
    reasons_digest: str
    correct_by: date


@message
class Accepted:
    file: File


@message
class UnderReview:
    file: File
    experts: tuple[str, ...]
    opinions: tuple[Opinion, ...] = ()


@message
class Approved:
    """Approved and, but for an instant within one decision, on public notice."""

    file: File
    payments: tuple[VoucherPayment, ...]
    notice: Notice | None = None


@message
class Payable:
    file: File
    payments: tuple[VoucherPayment, ...]
    payable_from: date | None = None
    ordered_by: str | None = None


@message
class Disbursed:
    file: File
    payments: tuple[VoucherPayment, ...]
    on: date


@message
class Ended:
    """Refused or lapsed: nothing is paid."""

    file: File
    how: Literal["refused", "lapsed"]
    cause: RefusalCause | None = None
    cause_digest: str = ""


type Going = Awaited | Applied | Returned | Accepted | UnderReview | Approved | Payable
type Opened = Going | Disbursed | Ended
type State = Unopened | Opened


def stage_of(state: State) -> str:
    """Name a state for people and programs, such as `under_review`."""
    match state:
        case Ended(how=how):
            return how
        case Approved():
            return "on_notice"
        case UnderReview():
            return "under_review"
        case Payable(ordered_by=str()):
            return "disbursement_ordered"
        case _:
            return type(state).__name__.lower()
