"""From a completed contract to the money, as art. 15(3) to (5) tell it."""

from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256

import pytest

from services.redemption.domain.commands import (
    Accept,
    Apply,
    Conclude,
    ConcludeNotice,
    Correct,
    Disburse,
    DrawPanel,
    GiveOpinion,
    Lapse,
    OpenRedemption,
    OrderDisbursement,
    RefuseForRevocation,
    ReplaceExperts,
    ReturnForCorrection,
)
from services.redemption.domain.redemption import redemption
from shared.events.redemption import (
    ExpertsReplaced,
    FundsDisbursed,
    NoticeWithdrawn,
    ObjectionAnswered,
    ObjectionRaised,
    PanelDrawn,
    RedemptionCarriedOver,
    RedemptionLapsed,
    RedemptionRefused,
    RedemptionReturned,
)
from shared.kernel.refusal import Refused
from shared.measures.working_days import load_working_days
from shared.procedures.notices import AnswerObjection, RaiseObjection
from shared.procedures.panels import Candidate
from tests.specification import Specification
from tests.unit.redemption.facts import (
    ACCEPTED,
    APPLIED,
    APPROVED,
    APRIL_7,
    CLM,
    CTR,
    DRAWN,
    EVIDENCE,
    EXPERTS,
    NOTICE_OVER,
    ON_NOTICE,
    OPENED,
    OPINIONS,
    ORDERED,
    PAYABLE,
    PAYABLE_NOW,
    PAYMENTS,
    PRV,
    PUBLISHED,
    RDM,
    REDEEM_BY,
    TO_REVIEW,
    UNTIL,
    VOUCHERS,
    opinion,
)

spec = Specification(redemption)
WORKING_DAYS = load_working_days()
APPLY = Apply(
    evidence=EVIDENCE,
    invoices_total=OPENED.invoiced_amount,
    share_max_percent=50,
    on=REDEEM_BY,
    pack="beijing-2023",
    pack_digest="d",
)
CONCLUDE = Conclude(
    cause="",
    cause_digest="",
    side_at_fault=None,
    notice_id="ntc_1",
    notice_working_days=5,
    working_days=WORKING_DAYS,
    on=APRIL_7,
)
ORDER = OrderDisbursement(ordered_by="off_1", suspended=(), disbursement_last_quarter=3, on=date(2026, 4, 16))
DISBURSE = Disburse(approved_by="off_2", suspended=(), disbursement_last_quarter=3, on=date(2026, 4, 17))


def test_a_completed_contract_opens_its_redemption_once() -> None:
    command = OpenRedemption(**{field: getattr(OPENED, field) for field in OPENED.__dataclass_fields__})
    spec.given().when(command).then(OPENED)
    spec.given(OPENED).when(command).then_nothing()


def test_the_provider_may_apply_on_the_last_day_and_half_of_the_actual_amount_is_payable() -> None:
    spec.given(OPENED).when(APPLY).then(APPLIED)


def test_an_application_a_day_late_is_refused() -> None:
    spec.given(OPENED).when(replace(APPLY, on=REDEEM_BY + timedelta(days=1))).then_refused("redemption-too-late")


def test_every_reason_against_an_application_is_said_at_once() -> None:
    bad = replace(APPLY, on=date(2026, 4, 3), evidence=EVIDENCE[:2], invoices_total=1)
    spec.given(OPENED).when(bad).then_refused("redemption-too-late", "evidence-missing", "invoice-total-differs")


@pytest.mark.parametrize("missing", range(len(EVIDENCE)))
def test_no_kind_of_evidence_may_be_missing(missing: int) -> None:
    evidence = EVIDENCE[:missing] + EVIDENCE[missing + 1 :]
    spec.given(OPENED).when(replace(APPLY, evidence=evidence)).then_refused("evidence-missing")


def test_an_application_cannot_be_made_twice() -> None:
    spec.given(OPENED, APPLIED).when(APPLY).then_refused("redemption-not-in-this-stage")


def test_without_an_application_the_vouchers_lapse_the_day_after() -> None:
    lapsed = RedemptionLapsed(
        redemption_id=RDM, contract_id=CTR, claimant_id=CLM, provider_id=PRV, vouchers=VOUCHERS, on=date(2026, 4, 3)
    )
    spec.given(OPENED).when(Lapse(on=REDEEM_BY)).then_nothing()
    spec.given(OPENED).when(Lapse(on=date(2026, 4, 3))).then(lapsed)
    spec.given(OPENED, lapsed).when(Lapse(on=date(2026, 4, 4))).then_nothing()
    spec.given(OPENED, APPLIED).when(Lapse(on=date(2026, 4, 3))).then_nothing()
    spec.given(OPENED, lapsed).when(APPLY).then_refused("redemption-not-in-this-stage")


RETURN = ReturnForCorrection(
    reasons=("the stamp is missing",),
    reasons_digest="r",
    checked_by="off_1",
    working_days=WORKING_DAYS,
    roll=True,
    on=date(2026, 4, 2),
)
RETURNED = RedemptionReturned(
    redemption_id=RDM,
    provider_id=PRV,
    reasons_digest="r",
    checked_by="off_1",
    correct_by=date(2026, 4, 13),  # the tenth day is a Sunday
    on=date(2026, 4, 2),
)


def test_a_returned_application_has_ten_days_and_ends_on_a_working_day() -> None:
    spec.given(OPENED, APPLIED).when(RETURN).then(RETURNED)


def test_an_early_return_leaves_the_provider_the_whole_application_period() -> None:
    events = redemption.decide(replace(RETURN, on=date(2026, 3, 5)), redemption.fold([OPENED, APPLIED]))
    assert [event.correct_by for event in events if isinstance(event, RedemptionReturned)] == [REDEEM_BY]


def test_a_return_needs_reasons() -> None:
    spec.given(OPENED, APPLIED).when(replace(RETURN, reasons=())).then_refused("reasons-required")


def test_a_correction_counts_until_its_last_day_and_then_the_vouchers_lapse() -> None:
    correct = Correct(evidence=EVIDENCE, invoices_total=OPENED.invoiced_amount, on=RETURNED.correct_by)
    late = replace(correct, on=RETURNED.correct_by + timedelta(days=1))
    history = (OPENED, APPLIED, RETURNED)
    assert len(redemption.decide(correct, redemption.fold(history))) == 1
    spec.given(*history).when(late).then_refused("redemption-too-late")
    spec.given(*history).when(Lapse(on=RETURNED.correct_by)).then_nothing()
    assert len(redemption.decide(Lapse(on=late.on), redemption.fold(history))) == 1


def test_experts_are_drawn_by_the_seed_and_none_works_for_a_party() -> None:
    candidates = (
        *(Candidate(expert_id=e, employer_id=None) for e in EXPERTS),
        Candidate(expert_id="exp_0", employer_id=PRV),
    )
    spec.given(OPENED, APPLIED, ACCEPTED).when(DrawPanel(seed="s", candidates=candidates, on=DRAWN.on)).then(
        PanelDrawn(
            redemption_id=RDM,
            provider_id=PRV,
            seed="s",
            candidates=EXPERTS,
            experts=tuple(sorted(EXPERTS, key=lambda expert: sha256(f"s:{expert}".encode()).digest())),
            on=DRAWN.on,
        )
    )


def test_a_panel_needs_three_experts() -> None:
    two = tuple(Candidate(expert_id=e, employer_id=None) for e in EXPERTS[:2])
    draw = DrawPanel(seed="s", candidates=two, on=DRAWN.on)
    spec.given(OPENED, APPLIED, ACCEPTED).when(draw).then_refused("too-few-experts")


def test_review_needs_the_formal_check_first() -> None:
    draw = DrawPanel(seed="s", candidates=(), on=DRAWN.on)
    spec.given(OPENED, APPLIED).when(draw).then_refused("redemption-not-in-this-stage")
    spec.given(OPENED, APPLIED).when(Accept(checked_by="off_1", on=REDEEM_BY)).then(ACCEPTED)


@pytest.mark.parametrize(
    ("expert", "amount", "codes"),
    [
        ("exp_9", PAYABLE, ("not-on-this-panel",)),
        ("exp_1", PAYABLE + 1, ("amount-over-payable",)),
        ("exp_1", -1, ("amount-over-payable",)),
    ],
)
def test_an_opinion_that_may_not_count_is_refused(expert: str, amount: int, codes: tuple[str, ...]) -> None:
    command = GiveOpinion(
        expert_id=expert, barred=False, score=80, amount=amount, reasons_digest="r", on=date(2026, 4, 4)
    )
    spec.given(*TO_REVIEW).when(command).then_refused(*codes)


def test_an_expert_judges_once() -> None:
    again = GiveOpinion(
        expert_id="exp_1", barred=False, score=80, amount=PAYABLE, reasons_digest="r", on=date(2026, 4, 4)
    )
    spec.given(*TO_REVIEW, OPINIONS[0]).when(again).then_refused("opinion-already-given")


def test_an_expert_who_is_disqualified_between_the_draw_and_the_opinion_judges_no_more() -> None:
    command = GiveOpinion(
        expert_id="exp_1", barred=True, score=80, amount=PAYABLE, reasons_digest="r", on=date(2026, 4, 4)
    )
    spec.given(*TO_REVIEW).when(command).then_refused("expert-barred")


REPLACE = ReplaceExperts(seed="t", candidates=(), barred=frozenset({"exp_1"}), on=date(2026, 4, 5))
REPLACED = ExpertsReplaced(
    redemption_id=RDM, provider_id=PRV, seed="t", removed=("exp_1",), candidates=("exp_4",), experts=("exp_4",),
    on=date(2026, 4, 5),
)  # fmt: skip


def test_another_is_drawn_for_who_may_judge_no_more_and_the_panel_goes_on() -> None:
    spares = (Candidate(expert_id="exp_5", employer_id=PRV), Candidate(expert_id="exp_4", employer_id=None))
    replace_one = replace(REPLACE, candidates=(*anyone("exp_2", "exp_3"), *spares))
    history = (*TO_REVIEW, *OPINIONS[1:])
    spec.given(*history).when(replace_one).then(REPLACED)
    spec.given(*history, REPLACED).when(CONCLUDE).then_refused("opinions-missing")
    spec.given(*history, REPLACED, opinion("exp_4", PAYABLE)).when(CONCLUDE).then(APPROVED, PUBLISHED)
    late = GiveOpinion(
        expert_id="exp_1", barred=False, score=80, amount=PAYABLE, reasons_digest="r", on=date(2026, 4, 6)
    )
    spec.given(*history, REPLACED).when(late).then_refused("not-on-this-panel")
    nobody_left = replace(replace_one, barred=frozenset({"exp_4"}), candidates=anyone("exp_1", "exp_4"))
    spec.given(*history, REPLACED).when(nobody_left).then_refused("too-few-experts")


def test_who_judged_before_the_measure_has_judged() -> None:
    spec.given(*TO_REVIEW, OPINIONS[0]).when(replace(REPLACE, candidates=anyone("exp_4"))).then_refused(
        "no-expert-to-replace"
    )
    spec.given(*TO_REVIEW).when(replace(REPLACE, barred=frozenset({"exp_9"}))).then_refused("no-expert-to-replace")
    spec.given(OPENED, APPLIED, ACCEPTED).when(REPLACE).then_refused("redemption-not-in-this-stage")


def test_an_approval_goes_on_public_notice_for_five_working_days() -> None:
    spec.given(*TO_REVIEW, *OPINIONS).when(CONCLUDE).then(APPROVED, PUBLISHED)


def test_nothing_is_concluded_before_every_expert_has_judged() -> None:
    spec.given(*TO_REVIEW, *OPINIONS[:2]).when(CONCLUDE).then_refused("opinions-missing")


def test_a_majority_for_refusal_refuses_with_cause_and_side() -> None:
    opinions = (OPINIONS[0], opinion("exp_2", 0), opinion("exp_3", 0))
    spec.given(*TO_REVIEW, *opinions).when(CONCLUDE).then_refused("cause-and-side-required")
    reasoned = replace(CONCLUDE, cause="no result", cause_digest="c", side_at_fault="provider")
    spec.given(*TO_REVIEW, *opinions).when(reasoned).then(
        RedemptionRefused(
            redemption_id=RDM, contract_id=CTR, claimant_id=CLM, provider_id=PRV, vouchers=VOUCHERS, cause="review",
            cause_digest="c",
            side_at_fault="provider", on=APRIL_7,
        )
    )  # fmt: skip


def test_nothing_is_paid_while_the_notice_runs() -> None:
    spec.given(*ON_NOTICE).when(ORDER).then_refused("redemption-not-in-this-stage")
    spec.given(*ON_NOTICE).when(ConcludeNotice(disbursement_last_quarter=3, on=UNTIL)).then_refused(
        "notice-still-running"
    )
    over = ConcludeNotice(disbursement_last_quarter=3, on=NOTICE_OVER.on)
    spec.given(*ON_NOTICE).when(over).then(NOTICE_OVER)


def objection(on: date) -> RaiseObjection:
    return RaiseObjection(objection_id="obj_1", text_digest="t", on=on)


RAISED = ObjectionRaised(
    redemption_id=RDM, provider_id=PRV, notice_id="ntc_1", objection_id="obj_1", text_digest="t", on=UNTIL
)


def answer(*, upheld: bool) -> ObjectionAnswered:
    return ObjectionAnswered(
        redemption_id=RDM, provider_id=PRV, notice_id="ntc_1", objection_id="obj_1", upheld=upheld, answered_by="off_1",
        on=date(2026, 4, 20),
    )  # fmt: skip


def test_an_objection_on_the_last_day_holds_the_notice_open() -> None:
    spec.given(*ON_NOTICE).when(objection(UNTIL)).then(RAISED)
    spec.given(*ON_NOTICE).when(objection(UNTIL + timedelta(days=1))).then_refused("notice-is-over")
    late = ConcludeNotice(disbursement_last_quarter=3, on=date(2026, 4, 30))
    spec.given(*ON_NOTICE, RAISED).when(late).then_refused("objection-open")


def test_a_rejected_objection_lets_the_notice_end() -> None:
    command = AnswerObjection(objection_id="obj_1", upheld=False, answered_by="off_1", on=date(2026, 4, 20))
    spec.given(*ON_NOTICE, RAISED).when(command).then(answer(upheld=False))
    end = ConcludeNotice(disbursement_last_quarter=3, on=date(2026, 4, 20))
    spec.given(*ON_NOTICE, RAISED, answer(upheld=False)).when(end).then(replace(NOTICE_OVER, on=date(2026, 4, 20)))


def test_an_upheld_objection_sends_the_case_back_to_other_experts() -> None:
    history = (*ON_NOTICE, RAISED, answer(upheld=True))
    spec.given(*history).when(ORDER).then_refused("redemption-not-in-this-stage")
    others = ("exp_4", "exp_5", "exp_6")
    on = date(2026, 4, 21)
    again = DrawPanel(seed="s", candidates=anyone(*EXPERTS, *others), on=on)
    (redrawn,) = redemption.decide(again, redemption.fold(history))
    assert isinstance(redrawn, PanelDrawn)
    assert redrawn.candidates == others
    assert set(redrawn.experts) == set(others)
    too_few = DrawPanel(seed="t", candidates=anyone(*EXPERTS, *others[:2]), on=on)
    spec.given(*history).when(too_few).then_refused("too-few-experts")


def anyone(*experts: str) -> tuple[Candidate, ...]:
    """Name experts who work for nobody that matters."""
    return tuple(Candidate(expert_id=expert, employer_id=None) for expert in experts)


def test_only_an_open_objection_can_be_answered() -> None:
    command = AnswerObjection(objection_id="obj_1", upheld=False, answered_by="off_1", on=UNTIL)
    spec.given(*ON_NOTICE).when(command).then_refused("objection-not-open")


def test_two_officers_pay() -> None:
    spec.given(*PAYABLE_NOW).when(ORDER).then(ORDERED)
    spec.given(*PAYABLE_NOW, ORDERED).when(DISBURSE).then(
        FundsDisbursed(
            redemption_id=RDM, contract_id=CTR, claimant_id=CLM, provider_id=PRV, payments=PAYMENTS, total=PAYABLE,
            ordered_by="off_1", approved_by="off_2", on=DISBURSE.on,
        )
    )  # fmt: skip
    spec.given(*PAYABLE_NOW, ORDERED).when(replace(DISBURSE, approved_by="off_1")).then_refused("four-eyes")
    spec.given(*PAYABLE_NOW).when(DISBURSE).then_refused("redemption-not-in-this-stage")


def test_a_party_under_a_measure_is_not_paid() -> None:
    spec.given(*PAYABLE_NOW).when(replace(ORDER, suspended=(PRV,))).then_refused("disbursement-suspended")
    spec.given(*PAYABLE_NOW, ORDERED).when(replace(DISBURSE, suspended=(CLM,))).then_refused("disbursement-suspended")


@pytest.mark.parametrize(("on", "refused"), [(date(2026, 9, 30), False), (date(2026, 10, 1), True)])
def test_the_fourth_quarter_carries_over(on: date, refused: bool) -> None:  # noqa: FBT001
    if refused:
        spec.given(*PAYABLE_NOW).when(replace(ORDER, on=on)).then_refused("fourth-quarter-carries-over")
        spec.given(*PAYABLE_NOW, ORDERED).when(replace(DISBURSE, on=on)).then_refused("fourth-quarter-carries-over")
    else:
        spec.given(*PAYABLE_NOW).when(replace(ORDER, on=on)).then(replace(ORDERED, on=on))


def test_a_notice_that_ends_in_the_fourth_quarter_says_from_when_it_is_paid() -> None:
    end = ConcludeNotice(disbursement_last_quarter=3, on=date(2026, 10, 8))
    spec.given(*ON_NOTICE).when(end).then(
        replace(NOTICE_OVER, on=date(2026, 10, 8)),
        RedemptionCarriedOver(redemption_id=RDM, provider_id=PRV, payable_from=date(2027, 1, 1), on=date(2026, 10, 8)),
    )


@pytest.mark.parametrize("stage", range(1, len(PAYABLE_NOW) + 1))
def test_a_revoked_voucher_ends_the_redemption_at_every_stage_before_the_payment(stage: int) -> None:
    history = PAYABLE_NOW[:stage]
    events = redemption.decide(RefuseForRevocation(voucher_id="vch_1", on=date(2026, 4, 16)), redemption.fold(history))
    on_notice = stage == len(ON_NOTICE)
    assert [type(event) for event in events] == [*[NoticeWithdrawn] * on_notice, RedemptionRefused]
    spec.given(*history, *events).when(ORDER).then_refused("redemption-not-in-this-stage")


def test_a_revocation_after_the_payment_changes_nothing_here() -> None:
    paid = redemption.decide(DISBURSE, redemption.fold([*PAYABLE_NOW, ORDERED]))
    revoke = RefuseForRevocation(voucher_id="vch_1", on=date(2026, 4, 20))
    spec.given(*PAYABLE_NOW, ORDERED, *paid).when(revoke).then_nothing()
    spec.given().when(revoke).then_nothing()


def test_what_is_paid_is_paid_once() -> None:
    paid = redemption.decide(DISBURSE, redemption.fold([*PAYABLE_NOW, ORDERED]))
    with pytest.raises(Refused):
        redemption.decide(DISBURSE, redemption.fold([*PAYABLE_NOW, ORDERED, *paid]))
