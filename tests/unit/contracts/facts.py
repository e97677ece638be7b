"""Facts of one contract that the specifications of this context share."""

from datetime import date

from services.contracts.domain.completion import CompleteContract
from services.contracts.domain.contract import Commitment
from services.contracts.domain.project import Confirmed, ProposeProject
from services.contracts.domain.standing import Parties
from services.contracts.domain.submission import SubmitContract
from shared.events.contracts import (
    ContractRegistered,
    ContractSubmitted,
    ProjectConfirmed,
    ProjectProposed,
    VoucherUse,
)
from shared.kernel.money import yuan
from shared.measures.reader import Measures
from shared.measures.working_days import load_working_days

MARCH_2, MARCH_5, MARCH_10 = date(2026, 3, 2), date(2026, 3, 5), date(2026, 3, 10)
APRIL_30, JUNE_10, JUNE_11 = date(2026, 4, 30), date(2026, 6, 10), date(2026, 6, 11)

TERMS = Measures.load().on(MARCH_10)
WORKING_DAYS = load_working_days()

GOOD = Parties(
    claimant_registered=True,
    claimant_eligible=True,
    claimant_barred=False,
    related=False,
    provider_listed=True,
    provider_gone=False,
    provider_barred=False,
    provider_capabilities=frozenset({"testing", "analysis"}),
    service_kind="testing",
)

PROPOSED = ProjectProposed(
    project_id="prj_1",
    claimant_id="clm_1",
    provider_id="prv_1",
    service_id="svc_1",
    service_kind="testing",
    planned_amount=yuan(120_000),
    description_digest="d1",
    on=MARCH_2,
)
CONFIRMED = ProjectConfirmed(
    project_id="prj_1", claimant_id="clm_1", provider_id="prv_1", confirmed_by="provider-user", on=MARCH_5
)
PROPOSE = ProposeProject(
    project_id="prj_1",
    claimant_id="clm_1",
    provider_id="prv_1",
    service_id="svc_1",
    planned_amount=yuan(120_000),
    description_digest="d1",
    no_statutory_testing=True,
    no_municipal_funding=True,
    relation_declared=False,
    parties=GOOD,
    terms=TERMS.contract,
    on=MARCH_2,
)

FIRST = VoucherUse(voucher_id="vch_1", amount=yuan(50_000))
SECOND = VoucherUse(voucher_id="vch_2", amount=yuan(10_000))

SUBMIT = SubmitContract(
    contract_id="ctr_1",
    project=Confirmed(project=PROPOSED, confirmed_by="provider-user", on=MARCH_5),
    parties=GOOD,
    amount=yuan(120_000),
    signed_on=MARCH_5,
    starts_on=MARCH_10,
    ends_on=APRIL_30,
    vouchers=(FIRST, SECOND),
    taken=frozenset(),
    latest_claim=MARCH_2,
    voucher_clause=True,
    new_products=(),
    products_not_valid=frozenset(),
    document_digest="d2",
    terms=TERMS,
    on=MARCH_10,
)
SUBMITTED = ContractSubmitted(
    contract_id="ctr_1",
    project_id="prj_1",
    claimant_id="clm_1",
    provider_id="prv_1",
    service_id="svc_1",
    service_kind="testing",
    amount=yuan(120_000),
    signed_on=MARCH_5,
    starts_on=MARCH_10,
    ends_on=APRIL_30,
    vouchers=(FIRST, SECOND),
    document_digest="d2",
    on=MARCH_10,
    pack=TERMS.pack,
    pack_digest=TERMS.digest,
)
FIRST_COMMITTED = Commitment(voucher_id="vch_1", amount=yuan(50_000), claimed_on=MARCH_2, valid_until=JUNE_11)
SECOND_COMMITTED = Commitment(voucher_id="vch_2", amount=yuan(10_000), claimed_on=MARCH_5, valid_until=JUNE_10)
REGISTERED = ContractRegistered(
    contract_id="ctr_1",
    claimant_id="clm_1",
    provider_id="prv_1",
    vouchers=(FIRST, SECOND),
    amount=yuan(120_000),
    valid_until=JUNE_10,
    on=MARCH_10,
)
COMPLETE = CompleteContract(
    ended_on=APRIL_30,
    invoiced_amount=yuan(90_000),
    paid_amount=yuan(80_000),
    terms=TERMS.redemption,
    working_days=WORKING_DAYS,
    on=APRIL_30,
)
