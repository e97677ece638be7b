"""What art. 7 finds again and again: rules that wait for a person, and what a person decides."""

from dataclasses import replace
from typing import Any

from hypothesis import given as for_all
from hypothesis import strategies as st

from services.registry.domain.claimant import ChangeProfile, Reassess, Registered, State, claimant
from services.registry.domain.claimant_judgement import Assessment, DecideReview, OpenReview
from services.registry.domain.eligibility import Declarations
from shared.events.registry.claimants import (
    ClaimantEligibilityChanged,
    ClaimantReviewDecided,
    ClaimantReviewDropped,
    ClaimantReviewOpened,
    Verdict,
)
from shared.kernel.refusal import Refused
from tests.specification import Specification
from tests.unit.registry.facts import COMPANY, TODAY
from tests.unit.registry.test_claimant import (
    CHANGED,
    COMPLETED,
    ELSEWHERE,
    KNOWN,
    REGISTERED,
    answered,
    assessed,
    found,
)

spec = Specification(claimant)
MOVED = replace(COMPANY, credit_code=ELSEWHERE)
RULE = "beijing-registration"
ASKED = ClaimantReviewOpened(claimant_id="clm_1", rule=RULE, opened_by=None, on=TODAY)
WAITING = (REGISTERED, COMPLETED, ASKED, answered(assessed(found(MOVED), "registration"), "needs_review"))
AGAIN = assessed(found(MOVED), "review")
SAME = assessed(found(COMPANY), "review")


def decide(verdict: Verdict, rule: str = RULE, assessment: Assessment = AGAIN) -> DecideReview:
    return DecideReview(
        rule=rule, verdict=verdict, reason_digest="r", decided_by="officer-1", assessment=assessment
    )  # fmt: skip


def decided(verdict: Verdict, rule: str = RULE) -> ClaimantReviewDecided:
    return ClaimantReviewDecided(
        claimant_id="clm_1", rule=rule, verdict=verdict, reason_digest="r", decided_by="officer-1", on=TODAY
    )


PASSED = (decided("pass"), answered(AGAIN, "pass", beijing_registration=("pass", True)))
FAILED = (decided("fail"), answered(AGAIN, "fail", beijing_registration=("fail", True)))


def profile(assessment: Assessment) -> ChangeProfile:
    return ChangeProfile(profile_digest="01", changed_by="user-1", assessment=assessment)


def test_an_officer_passes_what_the_rule_could_not_decide() -> None:
    spec.given(*WAITING).when(decide("pass")).then(*PASSED)


def test_an_officer_fails_what_the_rule_could_not_decide() -> None:
    spec.given(*WAITING).when(decide("fail")).then(*FAILED)


def test_what_was_decided_stands_on_another_day() -> None:
    day = replace(AGAIN, occasion="day")
    spec.given(*WAITING, *PASSED).when(Reassess(assessment=day)).then_nothing()
    spec.given(*WAITING, *FAILED).when(Reassess(assessment=day)).then_nothing()


def test_what_was_decided_stands_while_something_else_changes() -> None:
    grown = assessed(found(replace(MOVED, staff=173)), "profile", anew=frozenset({"staff"}))
    spec.given(*WAITING, *PASSED).when(profile(grown)).then(CHANGED)


def test_what_was_decided_ends_when_what_the_rule_looks_at_changes() -> None:
    elsewhere = assessed(found(replace(MOVED, district="通州区")), "profile", anew=frozenset({RULE}))
    spec.given(*WAITING, *PASSED).when(profile(elsewhere)).then(CHANGED, ASKED, answered(elsewhere, "needs_review"))


def test_a_rule_that_needs_nobody_any_more_is_dropped_from_the_queue() -> None:
    abroad = assessed(found(replace(MOVED, district="南开区")), "profile", anew=frozenset({RULE}))
    dropped = ClaimantReviewDropped(claimant_id="clm_1", rule=RULE, on=TODAY)
    spec.given(*WAITING).when(profile(abroad)).then(CHANGED, dropped, answered(abroad, "fail"))


def test_an_officer_may_look_at_what_a_company_only_says_of_itself() -> None:
    look = OpenReview(rule="clean-record", opened_by="officer-1", assessment=SAME)
    opened = ClaimantReviewOpened(claimant_id="clm_1", rule="clean-record", opened_by="officer-1", on=TODAY)
    waiting = answered(SAME, "needs_review", clean_record=("needs_review", False))
    spec.given(*KNOWN).when(look).then(opened, waiting)
    spec.given(*KNOWN, opened, waiting).when(look).then_nothing()
    no = decide("fail", "clean-record", SAME)
    failed = answered(SAME, "fail", clean_record=("fail", True))
    spec.given(*KNOWN, opened, waiting).when(no).then(decided("fail", "clean-record"), failed)


def test_what_an_officer_wants_to_see_waits_whatever_changes_meanwhile() -> None:
    opened = ClaimantReviewOpened(claimant_id="clm_1", rule="staff", opened_by="officer-1", on=TODAY)
    waiting = answered(SAME, "needs_review", staff=("needs_review", False))
    grown = assessed(found(replace(COMPANY, staff=173)), "profile", anew=frozenset({"staff"}))
    spec.given(*KNOWN, opened, waiting).when(profile(grown)).then(CHANGED)


def test_what_fails_by_itself_is_for_nobody_to_decide() -> None:
    said = Declarations(legal_person=True, sound_finances=True, clean_record=False)
    fails = assessed(found(replace(COMPANY, declarations=said)), "review")
    look = OpenReview(rule="clean-record", opened_by="officer-1", assessment=fails)
    spec.given(*KNOWN).when(look).then_refused("rule-fails-by-itself")
    spec.given(*WAITING).when(decide("pass", "clean-record", fails)).then_refused("rule-fails-by-itself")


def test_only_what_waits_is_decided() -> None:
    spec.given(*KNOWN).when(decide("pass", "staff", SAME)).then_refused("review-not-open")
    spec.given(*KNOWN).when(decide("pass", "taste", SAME)).then_refused("rule-unknown")
    spec.given(*WAITING, *PASSED).when(decide("fail")).then_refused("review-not-open")


def test_a_rule_that_only_records_bars_nobody_and_is_nobody_s_to_decide() -> None:
    look = OpenReview(rule="allowance-certificates", opened_by="officer-1", assessment=SAME)
    spec.given(*KNOWN).when(look).then_refused("rule-unknown")


COMPANIES = st.builds(
    lambda code, district, staff: replace(COMPANY, credit_code=code, district=district, staff=staff),
    st.sampled_from([COMPANY.credit_code, ELSEWHERE]),
    st.sampled_from(["丰台区", "通州区", "南开区"]),
    st.sampled_from([172, 500, 501]),
)
RULES = st.sampled_from([RULE, "staff", "clean-record"])
VERDICTS: st.SearchStrategy[Verdict] = st.sampled_from(["pass", "fail"])


@for_all(st.lists(st.one_of(COMPANIES, RULES, st.tuples(RULES, VERDICTS)), max_size=20))
def test_the_answer_always_follows_from_the_rules_and_the_queue_from_the_answer(steps: list[Any]) -> None:
    facts, state = COMPANY, claimant.fold(KNOWN)
    for step in steps:
        match step:
            case str() as rule:
                command: Any = OpenReview(rule=rule, opened_by="officer-1", assessment=assessed(found(facts), "review"))
            case (rule, verdict):
                command = decide(verdict, rule, assessed(found(facts), "review"))
            case _:
                before = {finding.rule: finding.value for finding in found(facts)}
                facts = step
                anew = frozenset(f.rule for f in found(facts) if before[f.rule] != f.value)
                command = profile(assessed(found(facts), "profile", anew=anew))
        state = _after(command, state)
        assert isinstance(state, Registered)
        answer, judgement = state.judgement.answer, state.judgement
        assert isinstance(answer, ClaimantEligibilityChanged)
        outcomes = {rule.rule: rule.outcome for rule in answer.rules}
        by_itself = {finding.rule: finding.outcome for finding in found(facts)}
        for rule, outcome in by_itself.items():
            if outcome == "fail":
                expected: Any = "fail"
            elif rule in judgement.open:
                expected = "needs_review"
            else:
                expected = judgement.verdicts.get(rule, outcome)
            assert outcomes[rule] == expected
        assert all(rule in judgement.open for rule, outcome in outcomes.items() if outcome == "needs_review")
        failed, waits = "fail" in outcomes.values(), "needs_review" in outcomes.values()
        assert answer.outcome == ("fail" if failed else "needs_review" if waits else "pass")


def _after(command: Any, state: State) -> State:
    try:
        new = claimant.decide(command, state)
    except Refused:
        return state
    for fact in new:
        state = claimant.evolve(state, fact)
    return state
