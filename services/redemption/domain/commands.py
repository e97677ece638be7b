"""What may be asked of a redemption; the day, the rules and the ids arrive inside."""

from datetime import date

from shared.events.contracts import VoucherUse
from shared.events.redemption import Evidence, SideAtFault
from shared.kernel.calendar import WorkingDays
from shared.kernel.decider import message
from shared.procedures.notices import AnswerObjection, RaiseObjection
from shared.procedures.panels import Candidate


@message
class OpenRedemption:
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
    on: date


@message
class Apply:
    """`invoices_total` is the sum of the invoices handed in, in fen."""

    evidence: tuple[Evidence, ...]
    invoices_total: int
    share_max_percent: int
    on: date
    pack: str
    pack_digest: str


@message
class ReturnForCorrection:
    reasons: tuple[str, ...]
    reasons_digest: str
    checked_by: str
    working_days: WorkingDays
    roll: bool
    on: date


@message
class Correct:
    evidence: tuple[Evidence, ...]
    invoices_total: int
    on: date


@message
class Accept:
    checked_by: str
    on: date


@message
class DrawPanel:
    seed: str
    candidates: tuple[Candidate, ...]
    on: date


@message
class ReplaceExperts:
    """Draw others for the experts of a panel who are `barred` and have not judged."""

    seed: str
    candidates: tuple[Candidate, ...]
    barred: frozenset[str]
    on: date


@message
class GiveOpinion:
    """`barred`: a measure of art. 17 stands against the expert."""

    expert_id: str
    barred: bool
    score: int
    amount: int
    reasons_digest: str
    on: date


@message
class Conclude:
    """Sum up the review and publish it; cause and side are for a refusal only."""

    cause: str
    cause_digest: str
    side_at_fault: SideAtFault | None
    notice_id: str
    notice_working_days: int
    working_days: WorkingDays
    on: date


@message
class ConcludeNotice:
    disbursement_last_quarter: int
    on: date


@message
class OrderDisbursement:
    ordered_by: str
    suspended: tuple[str, ...]
    disbursement_last_quarter: int
    on: date


@message
class Disburse:
    approved_by: str
    suspended: tuple[str, ...]
    disbursement_last_quarter: int
    on: date


@message
class Lapse:
    on: date


@message
class RefuseForRevocation:
    """A sanction has taken a voucher of the contract: there is nothing left to pay it with (art. 17)."""

    voucher_id: str
    on: date


type Command = (
    OpenRedemption | Apply | ReturnForCorrection | Correct | Accept | DrawPanel | ReplaceExperts | GiveOpinion
    | Conclude | RaiseObjection | AnswerObjection | ConcludeNotice | OrderDisbursement | Disburse | Lapse
    | RefuseForRevocation
)  # fmt: skip
