"""Facts the tests of issuance start from."""

from datetime import UTC, date, datetime

from shared.events.issuance.periods import PeriodAnnounced, PeriodApproved, PeriodPlanChanged, PeriodProposed
from shared.events.issuance.vouchers import VoucherClaimed, VoucherCommitmentReleased, VoucherCommitted, VoucherUsed
from shared.kernel.calendar import Deadline
from shared.measures.reader import Measures

MEASURES = Measures.load()
MARCH_1, MARCH_16, MARCH_17 = date(2026, 3, 1), date(2026, 3, 16), date(2026, 3, 17)
JUNE_16 = date(2026, 6, 16)
TERMS = MEASURES.on(MARCH_1)
OPENS, CLOSES = datetime(2026, 3, 1, 1, tzinfo=UTC), datetime(2026, 3, 31, 16, tzinfo=UTC)
BEFORE = datetime(2026, 2, 20, 1, tzinfo=UTC)
FACE = 3_000_000

PERIOD, VOUCHER, CLAIMANT, CONTRACT, REDEMPTION = "prd_1", "vch_1", "clm_1", "ctr_1", "rdm_1"

PROPOSED = PeriodProposed(
    period_id=PERIOD,
    name="2026 年第一期",
    quota=20_000_000,
    face_value_max=5_000_000,
    registration_days=15,
    validity_months=3,
    registration_last_day=None,
    validity_last_day=None,
    opens_at=OPENS,
    closes_at=CLOSES,
    proposed_by="officer-li",
    on=date(2026, 2, 20),
    pack=TERMS.pack,
    pack_digest=TERMS.digest,
)
APPROVED = PeriodApproved(period_id=PERIOD, approved_by="officer-wang", on=date(2026, 2, 20))
ANNOUNCED = PeriodAnnounced(
    period_id=PERIOD,
    name=PROPOSED.name,
    quota=PROPOSED.quota,
    face_value_max=PROPOSED.face_value_max,
    registration_days=PROPOSED.registration_days,
    validity_months=PROPOSED.validity_months,
    registration_last_day=None,
    validity_last_day=None,
    opens_at=OPENS,
    closes_at=CLOSES,
    at=BEFORE,
    pack=TERMS.pack,
    pack_digest=TERMS.digest,
)
CHANGED = PeriodPlanChanged(
    period_id=PERIOD,
    name=PROPOSED.name,
    quota=10_000_000,
    face_value_max=PROPOSED.face_value_max,
    registration_days=PROPOSED.registration_days,
    validity_months=PROPOSED.validity_months,
    registration_last_day=None,
    validity_last_day=None,
    opens_at=OPENS,
    closes_at=CLOSES,
    changed_by="officer-zhao",
    voided_approval_of="officer-wang",
    on=PROPOSED.on,
    pack=TERMS.pack,
    pack_digest=TERMS.digest,
)

_IDENTITY = {"voucher_id": VOUCHER, "period_id": PERIOD, "claimant_id": CLAIMANT, "year": 2026, "amount": FACE}


def of_the_voucher[E](event: type[E], **more: object) -> E:
    """Make a fact about the voucher of the examples."""
    return event(**_IDENTITY, **more)


CLAIMED = of_the_voucher(
    VoucherClaimed,
    allowance=TERMS.voucher.annual_allowance_other,
    place=1,
    on=MARCH_1,
    register_by=MARCH_16,
    provisional=False,
    pack=TERMS.pack,
    pack_digest=TERMS.digest,
)
COMMITTED = of_the_voucher(VoucherCommitted, contract_id=CONTRACT, on=MARCH_16, valid_until=JUNE_16, provisional=False)
RELEASED = of_the_voucher(VoucherCommitmentReleased, contract_id=CONTRACT, on=MARCH_16)
USED = of_the_voucher(VoucherUsed, contract_id=CONTRACT, on=date(2026, 5, 4))
VALID = Deadline(last_day=JUNE_16, provisional=False)
