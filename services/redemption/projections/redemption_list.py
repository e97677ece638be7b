"""Every redemption with its stage and its money, for lists."""

from typing import Any

import sqlalchemy as sa

from services.redemption.tables import REDEMPTION
from shared.events.definition import Recorded
from shared.events.redemption import (
    DisbursementOrdered,
    FundsDisbursed,
    FundsRecovered,
    NoticeConcluded,
    NoticePublished,
    ObjectionAnswered,
    PanelDrawn,
    RedemptionAccepted,
    RedemptionApplied,
    RedemptionApproved,
    RedemptionCarriedOver,
    RedemptionCorrected,
    RedemptionLapsed,
    RedemptionOpened,
    RedemptionRefused,
    RedemptionReturned,
    RepaymentReversed,
)
from shared.projections.keys import row_of
from shared.projections.projection import Projection, Row, RowKey

table = sa.Table(
    "redemption_list",
    REDEMPTION,
    sa.Column("redemption_id", sa.Text, primary_key=True),
    sa.Column("contract_id", sa.Text, nullable=False),
    sa.Column("claimant_id", sa.Text, nullable=False, index=True),
    sa.Column("provider_id", sa.Text, nullable=False, index=True),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("actual_amount", sa.BigInteger, nullable=False),
    sa.Column("payable", sa.BigInteger, nullable=False),
    sa.Column("approved", sa.BigInteger, nullable=False),
    sa.Column("paid", sa.BigInteger, nullable=False),
    sa.Column("recovered", sa.BigInteger, nullable=False),
    sa.Column("redeem_by", sa.Date, nullable=False),
    sa.Column("notice_until", sa.Date),
    sa.Column("payable_from", sa.Date),
    sa.Column("disbursed_on", sa.Date),
)


def evolve(row: Row | None, event: Recorded[Any], _key: RowKey) -> Row | None:
    """Fold one fact into a redemption's row."""
    fact = event.data
    if isinstance(fact, RedemptionOpened):
        return {
            "redemption_id": fact.redemption_id,
            "contract_id": fact.contract_id,
            "claimant_id": fact.claimant_id,
            "provider_id": fact.provider_id,
            "stage": "awaited",
            "actual_amount": fact.actual_amount,
            "payable": 0,
            "approved": 0,
            "paid": 0,
            "recovered": 0,
            "redeem_by": fact.redeem_by,
            "notice_until": None,
            "payable_from": None,
            "disbursed_on": None,
        }
    if row is None:
        raise LookupError(f"{event.id} speaks of a redemption that was never opened")
    return row | _change(row, fact)


def _change(row: Row, fact: Any) -> Row:
    match fact:
        case RedemptionApplied(payable=payable):
            return {"stage": "applied", "payable": payable}
        case RedemptionReturned():
            return {"stage": "returned"}
        case RedemptionCorrected():
            return {"stage": "applied"}
        case RedemptionAccepted():
            return {"stage": "accepted"}
        case PanelDrawn():
            return {"stage": "under_review"}
        case RedemptionApproved(approved=approved):
            return {"stage": "on_notice", "approved": approved}
        case NoticePublished(until=until):
            return {"notice_until": until}
        case ObjectionAnswered(upheld=upheld):
            return {"stage": "accepted", "approved": 0, "notice_until": None} if upheld else {}
        case NoticeConcluded():
            return {"stage": "payable"}
        case RedemptionCarriedOver(payable_from=payable_from):
            return {"payable_from": payable_from}
        case DisbursementOrdered():
            return {"stage": "disbursement_ordered"}
        case FundsDisbursed(total=total, on=on):
            return {"stage": "disbursed", "paid": total, "disbursed_on": on}
        case FundsRecovered(amount=amount):
            return {"recovered": row["recovered"] + amount}
        case RepaymentReversed(amount=amount):
            return {"recovered": row["recovered"] - amount}
        case RedemptionRefused():
            return {"stage": "refused"}
        case RedemptionLapsed():
            return {"stage": "lapsed"}
        case _:
            raise TypeError(f"{type(fact).__name__} is not a fact of this read model")


redemption_list = Projection(
    name="redemption_list",
    table=table,
    rows=dict.fromkeys(
        (
            RedemptionOpened,
            RedemptionApplied,
            RedemptionReturned,
            RedemptionCorrected,
            RedemptionAccepted,
            PanelDrawn,
            RedemptionApproved,
            NoticePublished,
            ObjectionAnswered,
            NoticeConcluded,
            RedemptionCarriedOver,
            DisbursementOrdered,
            FundsDisbursed,
            FundsRecovered,
            RepaymentReversed,
            RedemptionRefused,
            RedemptionLapsed,
        ),
        row_of("redemption_id"),
    ),
    evolve=evolve,
    poison="halt",
)
