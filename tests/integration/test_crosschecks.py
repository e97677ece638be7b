"""What must agree between contexts, broken on purpose, is named with its place."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from services.crosschecks import CROSS_CHECKS
from shared.audit import examine_across
from shared.clock import SystemClock
from shared.database import create_engine
from shared.events.contracts import ContractCompleted, ContractRegistered, ContractSubmitted
from shared.events.issuance.quotas import QuotaReturned
from shared.events.issuance.vouchers import (
    VoucherClawBackReversed,
    VoucherClawedBack,
    VoucherCommitted,
    VoucherRedeemed,
)
from shared.events.redemption import FundsDisbursed, FundsRecovered, RepaymentReversed, VoucherRecovery
from shared.events.registry.channels import ChannelAuthorisationRevoked, ChannelAuthorised
from shared.events.registry.claimants import ClaimantEligibilityChanged, ClaimantRelatedPartiesDeclared
from shared.events.registry.office import OfficeUserAppointed, OfficeUserEnded
from shared.events.registry.standing import PartySanctioned, SanctionLifted
from shared.kernel.ids import new_id
from shared.kernel.money import yuan
from shared.settings import Settings
from shared.store.transaction import Cause, Transaction, on
from tests.contexts import fresh_contexts
from tests.unit.redemption.facts import (
    ACTUAL,
    APPLIED,
    CLM,
    CTR,
    OPENED,
    PAYABLE,
    PAYMENTS,
    PRV,
    RDM,
    VOUCHERS,
    opinion,
)

CONTEXTS = ("registry", "issuance", "contracts", "redemption", "appraisal")
MAY_1 = date(2026, 5, 1)
COMMITTED = VoucherCommitted(
    voucher_id="vch_1", period_id="prd_1", claimant_id=CLM, year=2026, amount=yuan(50_000), contract_id=CTR,
    on=date(2026, 2, 1), valid_until=MAY_1, provisional=False,
)  # fmt: skip
SUBMITTED = ContractSubmitted(
    contract_id=CTR, project_id="prj_1", claimant_id=CLM, provider_id=PRV, service_id="svc_1", service_kind="testing",
    amount=yuan(120_000), signed_on=date(2026, 2, 1), starts_on=date(2026, 2, 1), ends_on=date(2026, 4, 1),
    vouchers=VOUCHERS, document_digest="d", on=date(2026, 2, 1), pack="p", pack_digest="d",
)  # fmt: skip
REGISTERED = ContractRegistered(
    contract_id=CTR, claimant_id=CLM, provider_id=PRV, vouchers=VOUCHERS, amount=yuan(120_000), valid_until=MAY_1,
    on=date(2026, 2, 1),
)  # fmt: skip
COMPLETED = ContractCompleted(
    contract_id=CTR, claimant_id=CLM, provider_id=PRV, vouchers=VOUCHERS, amount=yuan(120_000),
    invoiced_amount=yuan(90_000), paid_amount=ACTUAL, actual_amount=ACTUAL, ended_on=OPENED.ended_on,
    redeem_by=OPENED.redeem_by, provisional=False, on=OPENED.on,
)  # fmt: skip
PAID = FundsDisbursed(
    redemption_id=RDM, contract_id=CTR, claimant_id=CLM, provider_id=PRV, payments=PAYMENTS, total=PAYABLE,
    ordered_by="off_1", approved_by="off_2", on=date(2026, 4, 17),
)  # fmt: skip
REDEEMED = VoucherRedeemed(
    voucher_id="vch_1", period_id="prd_1", claimant_id=CLM, year=2026, amount=yuan(50_000), contract_id=CTR,
    redemption_id=RDM, paid=PAYABLE, released=yuan(10_000), revoked=False, on=date(2026, 4, 17),
)  # fmt: skip
RECOVERED = FundsRecovered(
    recovery_id="rcv_1", repayment_id="rpm_1", redemption_id=RDM, contract_id=CTR, claimant_id=CLM, provider_id=PRV,
    recoveries=(VoucherRecovery(voucher_id="vch_1", amount=yuan(30_000)),), amount=yuan(30_000),
    received_on=date(2026, 5, 4), recorded_by="off_4", on=date(2026, 5, 4),
)  # fmt: skip
NOT_RECOVERED = RepaymentReversed(
    recovery_id="rcv_1", repayment_id="rpm_1", redemption_id=RDM, contract_id=CTR, claimant_id=CLM, provider_id=PRV,
    recoveries=RECOVERED.recoveries, amount=yuan(30_000), reasons_digest="d", reversed_by="off_2", on=date(2026, 5, 5),
)  # fmt: skip
_POSTED: dict[str, Any] = {
    "voucher_id": "vch_1", "period_id": "prd_1", "claimant_id": CLM, "year": 2026, "amount": yuan(50_000),
    "contract_id": CTR, "redemption_id": RDM, "recovery_id": "rcv_1", "repayment_id": "rpm_1",
    "recovered": yuan(30_000),
}  # fmt: skip
RETURNED = QuotaReturned(period_id="prd_1", voucher_id="vch_1", amount=yuan(10_000), on=date(2026, 4, 17))
CLAWED_BACK = VoucherClawedBack(**_POSTED, on=date(2026, 5, 4))
NOT_CLAWED_BACK = VoucherClawBackReversed(**_POSTED, on=date(2026, 5, 5))
BANNED = PartySanctioned(
    sanction_id="snc_1", party_id=PRV, party_kind="provider", measure="disqualify", proposed_by="off_1",
    approved_by="off_2", until=date(2029, 2, 1), on=date(2026, 2, 1),
)  # fmt: skip
LIFTED = SanctionLifted(sanction_id="snc_1", party_id=PRV, measure="disqualify", on=date(2026, 3, 1))

type Logs = Mapping[str, Sequence[object]]
LAWFUL: Logs = {
    "registry": (),
    "issuance": (COMMITTED, REDEEMED),
    "contracts": (SUBMITTED, REGISTERED, COMPLETED),
    "redemption": (OPENED, PAID, APPLIED, opinion("exp_1", PAYABLE)),
    "appraisal": (),
}


@pytest.fixture(scope="module")
async def settings(postgres_url: str) -> AsyncIterator[Settings]:
    """Five empty logs."""
    async with fresh_contexts(postgres_url, *CONTEXTS) as fresh:
        yield fresh


async def breached(settings: Settings, logs: Logs, cause: Cause | None = None) -> dict[str, str]:
    """Write logs that no rule has let through, look across them, and take them back."""
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        written: dict[str, Transaction] = {}
        for context in CONTEXTS:
            engine = create_engine(settings.application_url(context))
            stack.push_async_callback(engine.dispose)
            connection = await stack.enter_async_context(engine.connect())
            tx = on(connection, context, clock, cause or Cause(actor="test", correlation_id="c"))
            for fact in logs[context]:
                tx.append(f"stream-{new_id('any', clock.now())}", 0, [fact])
            await tx.flush()
            written[context] = tx
        findings = await examine_across({name: tx.connection for name, tx in written.items()}, CROSS_CHECKS)
        return {finding.id: finding.breaches[0].where for finding in findings if finding.breached}


async def test_logs_that_agree_have_no_breach(settings: Settings) -> None:
    assert await breached(settings, LAWFUL) == {}


@pytest.mark.parametrize(
    ("check", "context", "facts"),
    [
        ("M5", "issuance", (REDEEMED,)),
        ("M5", "issuance", (replace(COMMITTED, contract_id="ctr_2"), REDEEMED)),
        ("M6", "issuance", (COMMITTED, replace(REDEEMED, paid=PAYABLE - 1, released=yuan(10_000) + 1))),
        ("M6", "issuance", (COMMITTED, replace(REDEEMED, released=yuan(10_000) + 1))),
        ("M4", "contracts", (SUBMITTED, REGISTERED, replace(COMPLETED, actual_amount=ACTUAL - 2))),
        ("M4", "contracts", (SUBMITTED, REGISTERED)),
        ("M4", "redemption", (OPENED, OPENED, PAID)),
        ("M8", "registry", (BANNED,)),
        ("M8", "registry", (replace(BANNED, party_id="exp_1", party_kind="expert"),)),
    ],
)
async def test_logs_that_disagree_are_found(
    settings: Settings, check: str, context: str, facts: Sequence[object]
) -> None:
    assert check in await breached(settings, {**LAWFUL, context: facts})


FAILING = ClaimantEligibilityChanged(
    claimant_id=CLM, outcome="fail", rules=(), occasion="day", until=None, on=date(2026, 1, 31), pack="p",
    pack_digest="d",
)  # fmt: skip
RELATED = ClaimantRelatedPartiesDeclared(
    claimant_id=CLM, parties=("prv_other", PRV), others=0, declaration_digest="d", declared_by="owner",
    on=date(2026, 1, 31),
)  # fmt: skip
ON_THE_DAY = date(2026, 2, 1)


@pytest.mark.parametrize(
    ("told", "declared", "breach"),
    [
        ((FAILING,), False, True),
        ((replace(FAILING, outcome="needs_review"),), False, False),
        ((FAILING, replace(FAILING, outcome="pass", on=ON_THE_DAY)), False, False),
        ((replace(FAILING, on=ON_THE_DAY),), False, False),
        ((RELATED,), False, True),
        ((RELATED,), True, False),
        ((RELATED, replace(RELATED, parties=("prv_other",))), False, False),
        ((RELATED, replace(RELATED, parties=(), on=ON_THE_DAY)), False, False),
    ],
)
async def test_a_contract_of_who_fails_or_hides_a_relation_is_found(
    settings: Settings,
    told: Sequence[object],
    declared: bool,  # noqa: FBT001 (a table)
    breach: bool,  # noqa: FBT001 (a table)
) -> None:
    contract = replace(SUBMITTED, pack="beijing-2023", relation_declared=declared)
    logs = {**LAWFUL, "registry": told, "contracts": (contract, REGISTERED, COMPLETED)}
    assert await breached(settings, logs) == ({"M10": "contracts 1"} if breach else {})


WITH_CLAW_BACK: Logs = {
    **LAWFUL,
    "issuance": (COMMITTED, REDEEMED, CLAWED_BACK, NOT_CLAWED_BACK),
    "redemption": (OPENED, PAID, APPLIED, RECOVERED, NOT_RECOVERED),
}


async def test_what_came_back_and_was_put_right_agrees_also_while_its_posting_is_on_its_way(settings: Settings) -> None:
    assert await breached(settings, WITH_CLAW_BACK) == {}
    assert await breached(settings, {**WITH_CLAW_BACK, "issuance": (COMMITTED, REDEEMED, CLAWED_BACK)}) == {}


@pytest.mark.parametrize(
    "posted",
    [
        (replace(CLAWED_BACK, recovered=yuan(30_000) - 1),),
        (replace(CLAWED_BACK, voucher_id="vch_2"),),
        (CLAWED_BACK, CLAWED_BACK),
        (CLAWED_BACK, replace(NOT_CLAWED_BACK, repayment_id="rpm_2")),
        (CLAWED_BACK, replace(NOT_CLAWED_BACK, recovered=1)),
    ],
)
async def test_a_posting_of_what_did_not_come_back_is_found(settings: Settings, posted: Sequence[object]) -> None:
    logs = {**WITH_CLAW_BACK, "issuance": (COMMITTED, REDEEMED, *posted)}
    assert (await breached(settings, logs)).keys() == {"M6"}


AUTHORISED = ChannelAuthorised(
    authorisation_id="ath_1", channel_id="chn_1", principal="bank", claimant_id=CLM, scopes=("claims", "contracts"),
    valid_from=date(2026, 2, 1), valid_until=date(2099, 1, 1), document_digest="d", authorised_by="boss",
    on=date(2026, 2, 1),
)  # fmt: skip
REVOKED = ChannelAuthorisationRevoked(
    authorisation_id="ath_1", channel_id="chn_1", claimant_id=CLM, revoked_by="boss", on=date(2026, 2, 1)
)


@pytest.mark.parametrize(
    ("told", "breach"),
    [
        ((AUTHORISED,), False),
        ((), True),
        ((AUTHORISED, REVOKED), True),
        ((replace(AUTHORISED, channel_id="chn_2"),), True),
        ((replace(AUTHORISED, claimant_id="clm_other"),), True),
        ((replace(AUTHORISED, valid_until=date(2026, 2, 2)),), True),
        ((replace(AUTHORISED, scopes=("profile",)),), True),
    ],
)
async def test_a_channel_that_acted_without_authority_is_found(
    settings: Settings,
    told: Sequence[object],
    breach: bool,  # noqa: FBT001 (a table)
) -> None:
    by_channel = Cause(actor="bank", correlation_id="c", channel="chn_1")
    issued = (COMMITTED, REDEEMED, RETURNED)  # what returns to a period is done for no claimant
    logs = {**LAWFUL, "registry": told, "issuance": issued, "contracts": (SUBMITTED, REGISTERED)}
    found = await breached(settings, logs, by_channel)
    assert ("R41" in found) is breach


PAID_ON = PAID.on
A_DAY = timedelta(days=1)
APPOINTED = OfficeUserAppointed(
    office_user_id="ofu_1", principal="off_9", office="voucher_office", duties=("approval",),
    valid_from=PAID_ON - A_DAY, valid_until=None, proposed_by="a", approved_by="b", on=PAID_ON - A_DAY,
)  # fmt: skip
HERSELF = replace(APPOINTED, office_user_id="ofu_2", principal=PAID.approved_by)
ENDED = OfficeUserEnded(office_user_id="ofu_1", principal="off_9", ended_by="a", on=PAID_ON)


@pytest.mark.parametrize(
    ("told", "breach"),
    [
        ((APPOINTED,), True),
        ((APPOINTED, HERSELF), False),
        ((APPOINTED, replace(HERSELF, on=PAID_ON, valid_from=PAID_ON)), False),
        ((APPOINTED, replace(HERSELF, valid_from=PAID_ON + A_DAY)), True),
        ((APPOINTED, ENDED), False),
        ((APPOINTED, replace(ENDED, on=PAID_ON + A_DAY)), True),
        ((replace(APPOINTED, on=PAID_ON, valid_from=PAID_ON),), False),
        ((replace(APPOINTED, valid_until=PAID_ON - A_DAY),), False),
        ((replace(APPOINTED, duties=("planning",)),), False),
    ],
)
async def test_what_was_decided_without_the_duty_is_found(
    settings: Settings,
    told: Sequence[object],
    breach: bool,  # noqa: FBT001 (a table)
) -> None:
    found = await breached(settings, {**LAWFUL, "registry": told})
    assert found == ({"R42": "redemption 2"} if breach else {})


async def test_a_lifted_ban_and_a_bans_first_day_are_no_breach(settings: Settings) -> None:
    assert await breached(settings, {**LAWFUL, "registry": (BANNED, LIFTED)}) == {}


async def test_a_suspension_stops_payments_only(settings: Settings) -> None:
    suspended = replace(BANNED, measure="suspend_disbursement", on=date(2026, 1, 1), until=date(2026, 3, 1))
    assert await breached(settings, {**LAWFUL, "registry": (suspended,)}) == {}
    longer = replace(suspended, until=date(2026, 12, 31))
    assert await breached(settings, {**LAWFUL, "registry": (longer,)}) == {"M8": "redemption 2"}


async def test_an_answer_to_what_was_told_after_the_snapshot_is_not_judged(settings: Settings) -> None:
    late = Cause(actor="redemption", correlation_id="c", causation_id="contracts-99")
    assert await breached(settings, {**LAWFUL, "contracts": (SUBMITTED, REGISTERED)}, late) == {}
