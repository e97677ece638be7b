"""A voucher as it stands: how far it has come, and what is known of it there."""

from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum
from typing import TypedDict

from services.issuance.domain.clawing_back import ClawedBack
from shared.events.issuance.vouchers import LiveStage
from shared.kernel.decider import message


class Stage(StrEnum):
    """How far a voucher has come."""

    CLAIMED = "claimed"
    COMMITTED = "committed"
    USED = "used"
    REDEEMED = "redeemed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    LAPSED = "lapsed"
    REVOKED = "revoked"


LIVE: Mapping[Stage, LiveStage] = {Stage.CLAIMED: "claimed", Stage.COMMITTED: "committed", Stage.USED: "used"}
"""The stages in which something can still become of a voucher, and what events call them."""


class Identity(TypedDict):
    """What every fact of a voucher says of it; `amount` in fen."""

    voucher_id: str
    period_id: str
    claimant_id: str
    year: int
    amount: int


@message
class Unclaimed:
    """There is no such voucher."""


@message
class Voucher:
    """A voucher as it stands, in fen; `contract_id` and `valid_until` are those of its present or last contract."""

    voucher_id: str
    period_id: str
    claimant_id: str
    year: int
    amount: int
    place: int
    claimed_on: date
    register_by: date
    register_by_provisional: bool
    stage: Stage
    pack: str
    contract_id: str | None = None
    valid_until: date | None = None
    valid_until_provisional: bool = False
    paid: int = 0
    released: int = 0
    ended_on: date | None = None
    released_from: tuple[str, ...] = ()
    """The contracts that came to nothing; none of them gets the voucher again."""
    free_since: date | None = None
    """The day on which the last of them gave it back."""
    claw_backs: tuple[ClawedBack, ...] = ()

    @property
    def identity(self) -> Identity:
        """What every fact of it says of it."""
        return Identity(
            voucher_id=self.voucher_id,
            period_id=self.period_id,
            claimant_id=self.claimant_id,
            year=self.year,
            amount=self.amount,
        )

    @property
    def expires_on(self) -> date:
        """The day on which it expires if nobody registers it: the one after its last, however late the sweep.

        While it was registered it could not: given back later than that, it expires on that day.
        """
        ended = self.register_by + timedelta(days=1)
        return ended if self.free_since is None else max(ended, self.free_since)

    def belongs_to(self, contract_id: str, *stages: Stage) -> bool:
        """Say whether it pays this contract, and has come as far as one of the stages."""
        return self.contract_id == contract_id and self.stage in stages


type State = Unclaimed | Voucher
