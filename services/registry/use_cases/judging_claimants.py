"""Art. 7 is asked again whenever the answer may be another: a change, a decision of a person, a day."""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.registry.domain.claimant import Event, Reassess, Registered, State, claimant
from services.registry.domain.claimant_judgement import Assessment, DecideReview, OpenReview
from services.registry.domain.claimant_profile import enterprise_facts, team_facts
from services.registry.domain.eligibility import (
    Finding,
    enterprise_answer_holds_until,
    enterprise_findings,
    team_findings,
)
from services.registry.domain.profile import digest_of
from services.registry.tables import claimants, eligibility_reviews
from services.registry.use_cases.acting_for_claimants import locked_claimant
from services.registry.use_cases.streams import stream_of
from shared.events.registry.claimants import (
    Certificate,
    ClaimantReviewDecided,
    ClaimantReviewDropped,
    ClaimantReviewOpened,
    Occasion,
    Verdict,
)
from shared.kernel.calendar import start_of
from shared.measures.terms import EligibilityTerms, Terms
from shared.procedures.due import clear_deadline, set_deadline
from shared.store.tables import deadlines
from shared.store.transaction import Handled, Transaction, UnknownSubjectError

ELIGIBILITY_MAY_CHANGE = "eligibility-may-change"
RULES_CHANGE = "rules-of-eligibility-change"
_PARAMETERS = tuple(field.name for field in fields(EligibilityTerms))


def assess(
    tx: Transaction, profile: Mapping[str, Any], certificates: tuple[Certificate, ...], *, occasion: Occasion,
    before: tuple[Mapping[str, Any], tuple[Certificate, ...]] | None, barred: bool = False,
) -> Assessment:  # fmt: skip
    """Ask every rule of art. 7 about a profile today; `before` is what was judged last, None for the first time."""
    terms = tx.measures.on(tx.today)
    findings = findings_on(tx.today, profile, certificates, terms, barred=barred)
    looked_at = {f.rule: f.value for f in findings_on(tx.today, *before, terms)} if before is not None else {}
    unchanged = {f.rule for f in findings if f.rule in looked_at and looked_at[f.rule] == f.value}
    return Assessment(
        findings=findings,
        unchanged=frozenset(unchanged),
        until=_holds_until(tx, profile, certificates, terms),
        occasion=occasion,
        on=tx.today,
        pack=terms.pack,
        pack_digest=terms.digest,
    )


async def settle(tx: Transaction, handled: Handled[Event, State], findings: Iterable[Finding]) -> None:
    """Bring the officers' queue and the day of the next look into line with what was decided about a claimant."""
    values = {finding.rule: finding for finding in findings}
    for event in handled.events:
        match event:
            case ClaimantReviewOpened():
                await _enqueue(tx, event, values[event.rule])
            case ClaimantReviewDropped():
                await _close(tx, event.claimant_id, event.rule, {"state": "dropped"})
            case _:
                pass
    if not isinstance(handled.state, Registered):
        raise TypeError("nobody is registered after this")
    answer = handled.state.judgement.answer
    if answer is None or answer.until is None:
        await clear_deadline(tx, ELIGIBILITY_MAY_CHANGE, handled.state.claimant_id)
    else:
        first_day = answer.until + timedelta(days=1)
        await set_deadline(tx, ELIGIBILITY_MAY_CHANGE, handled.state.claimant_id, start_of(first_day))


async def reassess(tx: Transaction, claimant_id: str) -> None:
    """Judge a claimant again because the day is another; early, late, twice: harmless."""
    row = await locked_claimant(tx, claimant_id)
    stream = stream_of(claimant_id, "clm")
    assessment = assess_as_it_stands(tx, row, (await tx.load(claimant, stream)).state, "day")
    handled = await tx.handle(claimant, stream, Reassess(assessment=assessment))
    await settle(tx, handled, assessment.findings)


async def follow_change_of_rules(tx: Transaction, parameter: str, first_day: date) -> None:
    """Have everybody judged again on the day on which a rule of art. 7 changes; other rules are none of this."""
    if parameter in _PARAMETERS:
        await set_deadline(tx, RULES_CHANGE, first_day.isoformat(), start_of(first_day))


async def reassess_everyone(tx: Transaction, _first_day: str) -> None:
    """Have every claimant judged, one after the other; who registers from now on is judged by the new rules anyway."""
    everyone = sa.select(sa.literal(ELIGIBILITY_MAY_CHANGE), claimants.c.claimant_id, sa.literal(tx.now))
    statement = insert(deadlines).from_select(["kind", "subject", "due_at"], everyone)
    earlier = sa.func.least(deadlines.c.due_at, statement.excluded.due_at)
    await tx.connection.execute(
        statement.on_conflict_do_update(index_elements=["kind", "subject"], set_={"due_at": earlier})
    )


async def open_review(
    tx: Transaction, claimant_id: str, rule: str, officer: str, *, if_match: int | None
) -> Handled[Event, State]:
    """Put a rule of a claimant on the officers' queue, because somebody wants to look (art. 18)."""
    row = await locked_claimant(tx, claimant_id)
    stream = stream_of(claimant_id, "clm")
    assessment = assess_as_it_stands(tx, row, (await tx.load(claimant, stream)).state, "review")
    command = OpenReview(rule=rule, opened_by=officer, assessment=assessment)
    handled = await tx.handle(claimant, stream, command, if_match=if_match)
    await settle(tx, handled, assessment.findings)
    return handled


async def decide_review(
    tx: Transaction, claimant_id: str, rule: str, officer: str, *, verdict: Verdict, reason: str, if_match: int | None
) -> Handled[Event, State]:
    """Decide what a rule could not; the reason stays here, its digest goes into the log."""
    row = await locked_claimant(tx, claimant_id)
    stream = stream_of(claimant_id, "clm")
    assessment = assess_as_it_stands(tx, row, (await tx.load(claimant, stream)).state, "review")
    salt = secrets.token_hex(16)
    command = DecideReview(
        rule=rule,
        verdict=verdict,
        reason_digest=digest_of(salt, {"reason": reason}),
        decided_by=officer,
        assessment=assessment,
    )
    handled = await tx.handle(claimant, stream, command, if_match=if_match)
    if any(isinstance(event, ClaimantReviewDecided) for event in handled.events):
        decision = {"state": verdict, "reason": reason, "salt": salt, "closed_by": officer}
        await _close(tx, claimant_id, rule, decision)
    await settle(tx, handled, assessment.findings)
    return handled


def findings_on(
    day: date, profile: Mapping[str, Any], certificates: tuple[Certificate, ...], terms: Terms, *,
    barred: bool = False,
) -> tuple[Finding, ...]:  # fmt: skip
    """Give what every rule of art. 7 finds of a profile on a day, by the rules of that day."""
    if profile["kind"] == "team":
        return team_findings(team_facts(profile), terms.eligibility)
    facts = replace(enterprise_facts(profile, certificates), barred=barred)
    return enterprise_findings(facts, terms.eligibility, terms.voucher, day)


def assess_as_it_stands(tx: Transaction, row: Any, state: State, occasion: Occasion) -> Assessment:
    """Ask art. 7 about a claimant of whom nothing has changed; `row` is its row in `claimants`."""
    if not isinstance(state, Registered):
        raise UnknownSubjectError(row.claimant_id)
    same = (row.profile, state.certificates)
    return assess(tx, *same, occasion=occasion, before=same)


def _holds_until(
    tx: Transaction, profile: Mapping[str, Any], certificates: tuple[Certificate, ...], terms: Terms
) -> date | None:
    """Give the last day of the same answer: the facts turn it, or the rules do."""
    starts = {rule.held.first_day for parameter in _PARAMETERS for rule in tx.measures.history(parameter)}
    ends = [day - timedelta(days=1) for day in starts if day > tx.today]
    if profile["kind"] == "enterprise":
        facts = enterprise_facts(profile, certificates)
        turn = enterprise_answer_holds_until(facts, terms.eligibility, terms.voucher, tx.today)
        ends += [turn] if turn is not None else []
    return min(ends, default=None)


async def _enqueue(tx: Transaction, event: ClaimantReviewOpened, finding: Finding) -> None:
    of_rule = (eligibility_reviews.c.claimant_id == event.claimant_id) & (eligibility_reviews.c.rule == event.rule)
    before = sa.select(sa.func.coalesce(sa.func.max(eligibility_reviews.c.number), 0)).where(of_rule)
    await tx.connection.execute(
        insert(eligibility_reviews).values(
            claimant_id=event.claimant_id,
            rule=event.rule,
            number=(await tx.connection.execute(before)).scalar_one() + 1,
            article=finding.article,
            value=str(finding.value),
            opened_by=event.opened_by,
            opened_at=tx.now,
            state="open",
        )
    )


async def _close(tx: Transaction, claimant_id: str, rule: str, values: Mapping[str, str]) -> None:
    await tx.connection.execute(
        sa.update(eligibility_reviews)
        .where(
            eligibility_reviews.c.claimant_id == claimant_id,
            eligibility_reviews.c.rule == rule,
            eligibility_reviews.c.state == "open",
        )
        .values(closed_at=tx.now, **values)
    )
