"""What art. 7 finds of a claimant, again at each deciding act, and the rules that wait for a person.

Pure parts of the claimant's decider. A rule that fails by itself fails, whatever a person has said; a person decides
the others, and that stands until what the rule looks at changes.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date
from typing import Literal, assert_never

from services.registry.domain.eligibility import Finding
from shared.events.registry.claimants import (
    ClaimantEligibilityChanged,
    ClaimantReviewDecided,
    ClaimantReviewDropped,
    ClaimantReviewOpened,
    Occasion,
    Outcome,
    RuleOutcome,
    Verdict,
)
from shared.kernel.decider import message
from shared.kernel.refusal import Reason, refuse_unless


@message
class Assessment:
    """What every rule of art. 7 finds today, by which rules, and how long that holds by itself.

    `unchanged` names the rules that look at the same values as when they were last judged: what a person has decided
    of those still stands.
    """

    findings: tuple[Finding, ...]
    unchanged: frozenset[str]
    until: date | None
    occasion: Occasion
    on: date
    pack: str
    pack_digest: str


@message
class OpenReview:
    """An officer wants to look at a rule that does not fail by itself: checks come after the claim (art. 15(1), 18)."""

    rule: str
    opened_by: str
    assessment: Assessment


@message
class DecideReview:
    rule: str
    verdict: Verdict
    reason_digest: str
    decided_by: str
    assessment: Assessment


@message
class Judgement:
    """The last answer, who waits to look at which rule (None: the rule itself asks), and what people decided."""

    answer: ClaimantEligibilityChanged | None
    open: Mapping[str, str | None]
    verdicts: Mapping[str, Verdict]


type ReviewCommand = OpenReview | DecideReview
type JudgementEvent = (
    ClaimantEligibilityChanged | ClaimantReviewOpened | ClaimantReviewDecided | ClaimantReviewDropped
)  # fmt: skip

UNJUDGED = Judgement(answer=None, open={}, verdicts={})


def judge(assessment: Assessment, claimant_id: str, judgement: Judgement) -> list[JudgementEvent]:
    """Say which rules a person has to look at from now on, which not any more, and what the answer is if it is new."""
    standing = {rule: verdict for rule, verdict in judgement.verdicts.items() if rule in assessment.unchanged}
    asking = {f.rule for f in assessment.findings if f.outcome == "needs_review" and f.rule not in standing}
    waiting = {rule: by for rule, by in judgement.open.items() if by is not None or rule in asking}
    events: list[JudgementEvent] = [
        ClaimantReviewDropped(claimant_id=claimant_id, rule=rule, on=assessment.on)
        for rule in sorted(judgement.open.keys() - waiting.keys())
    ]
    events += [
        ClaimantReviewOpened(claimant_id=claimant_id, rule=rule, opened_by=None, on=assessment.on)
        for rule in sorted(asking - waiting.keys())
    ]
    answer = _answer(assessment, claimant_id, asking | waiting.keys(), standing)
    known = judgement.answer
    if known is None or (known.rules, known.until) != (answer.rules, answer.until):
        events.append(answer)
    return events


def decide_review(command: ReviewCommand, claimant_id: str, judgement: Judgement) -> list[JudgementEvent]:
    """Open or decide the review of one rule, and judge anew with that."""
    assessment = command.assessment
    refuse_unless(_unknown(command.rule, assessment), _fails_by_itself(command.rule, assessment))
    event: JudgementEvent
    match command:
        case OpenReview():
            if command.rule in judgement.open:
                return []
            event = ClaimantReviewOpened(
                claimant_id=claimant_id, rule=command.rule, opened_by=command.opened_by, on=assessment.on
            )
        case DecideReview():
            refuse_unless(_not_open(command.rule, judgement))
            event = ClaimantReviewDecided(
                claimant_id=claimant_id,
                rule=command.rule,
                verdict=command.verdict,
                reason_digest=command.reason_digest,
                decided_by=command.decided_by,
                on=assessment.on,
            )
        case _:
            assert_never(command)
    # The officer judged what stands there now, so it is not outlived by what changed before.
    looked_at = replace(assessment, unchanged=assessment.unchanged | {command.rule})
    return [event, *judge(looked_at, claimant_id, evolve_judgement(judgement, event))]


def evolve_judgement(judgement: Judgement, event: JudgementEvent) -> Judgement:
    """Fold one fact into the judgement."""
    match event:
        case ClaimantReviewOpened(rule=rule, opened_by=opened_by):
            verdicts = {name: verdict for name, verdict in judgement.verdicts.items() if name != rule}
            return replace(judgement, open={**judgement.open, rule: opened_by}, verdicts=verdicts)
        case ClaimantReviewDecided(rule=rule, verdict=verdict):
            still_open = {name: by for name, by in judgement.open.items() if name != rule}
            return replace(judgement, open=still_open, verdicts={**judgement.verdicts, rule: verdict})
        case ClaimantReviewDropped(rule=rule):
            return replace(judgement, open={name: by for name, by in judgement.open.items() if name != rule})
        case ClaimantEligibilityChanged():
            reviewed = {rule.rule for rule in event.rules if rule.reviewed}
            verdicts = {rule: verdict for rule, verdict in judgement.verdicts.items() if rule in reviewed}
            return replace(judgement, answer=event, verdicts=verdicts)
    assert_never(event)


def _answer(
    assessment: Assessment, claimant_id: str, waiting: Collection[str], standing: Mapping[str, Verdict]
) -> ClaimantEligibilityChanged:
    rules = tuple(_outcome(finding, waiting, standing) for finding in assessment.findings)
    return ClaimantEligibilityChanged(
        claimant_id=claimant_id,
        outcome=_overall({rule.outcome for rule in rules}),
        rules=rules,
        occasion=assessment.occasion,
        until=assessment.until,
        on=assessment.on,
        pack=assessment.pack,
        pack_digest=assessment.pack_digest,
    )


def _outcome(finding: Finding, waiting: Collection[str], standing: Mapping[str, Verdict]) -> RuleOutcome:
    outcome: Outcome = finding.outcome
    reviewed = False
    if finding.outcome != "fail":
        if finding.rule in waiting:
            outcome = "needs_review"
        elif finding.rule in standing:
            outcome, reviewed = standing[finding.rule], True
    return RuleOutcome(
        rule=finding.rule, code=finding.code, outcome=outcome, article=finding.article, reviewed=reviewed
    )


def _overall(outcomes: Collection[Outcome]) -> Literal["pass", "fail", "needs_review"]:
    if "fail" in outcomes:
        return "fail"
    return "needs_review" if "needs_review" in outcomes else "pass"


def _unknown(rule: str, assessment: Assessment) -> Reason | None:
    known = tuple(finding.rule for finding in assessment.findings if finding.code)  # What only records bars nobody.
    return None if rule in known else Reason(code="rule-unknown", article="7", value=rule, limit=known)


def _fails_by_itself(rule: str, assessment: Assessment) -> Reason | None:
    fails = any(finding.rule == rule and finding.outcome == "fail" for finding in assessment.findings)
    return Reason(code="rule-fails-by-itself", article="7", value=rule, kind="state") if fails else None


def _not_open(rule: str, judgement: Judgement) -> Reason | None:
    return None if rule in judgement.open else Reason(code="review-not-open", article="7", value=rule, kind="state")
