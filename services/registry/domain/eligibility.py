"""Who may claim, as a list of named rules that reads like art. 7; each finding says what it looked at."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Literal

from services.registry.domain import credit_code
from shared.events.registry.claimants import Certificate, Outcome
from shared.kernel.calendar import years_after
from shared.kernel.decider import message
from shared.kernel.districts import DIVISIONS
from shared.kernel.money import Fen
from shared.kernel.refusal import Reason
from shared.measures.terms import EligibilityTerms, VoucherTerms

type Stage = Literal["planning", "development", "testing"]

_A_DAY = timedelta(days=1)

DISTRICTS = frozenset(DIVISIONS)


@message
class Finding:
    """What one rule found: `value` is what was looked at, `limit` what it is held against.

    `code` is the refusal's where the rule fails, and empty for a rule that only records.

    `recorded` is the claimant's own word, which art. 15(1) lets stand until somebody checks; `needs_review` is what the
    facts at hand cannot decide, and the provider confirms later (art. 9(2)).
    """

    rule: str
    code: str
    outcome: Outcome
    value: object
    limit: object
    article: str
    parameter: str = ""

    def reason(self) -> Reason | None:
        """Give the reason of a refusal when the rule failed."""
        if self.outcome != "fail":
            return None
        return Reason(
            code=self.code, article=self.article, value=self.value, limit=self.limit, parameter=self.parameter
        )


@message
class Declarations:
    """What an enterprise says of itself in good faith (art. 7(1), 15(1))."""

    legal_person: bool
    sound_finances: bool
    clean_record: bool


@message
class EnterpriseFacts:
    """What art. 7 asks of an enterprise; money in fen.

    `credit_code` is normalised, and None in a self-check that does not say it. `listed_on` is the first listing as a
    technology SME. `barred` is the office's own knowledge: a measure of art. 17 is in force against this code.
    """

    credit_code: str | None
    founded_on: date
    district: str
    staff: int
    annual_revenue: Fen
    total_assets: Fen
    field: str
    listed_on: date | None
    certificates: tuple[Certificate, ...]
    declarations: Declarations
    undertaking: bool
    barred: bool = False


@message
class TeamFacts:
    """What art. 7 asks of a team; `school` is None in a self-check that does not say it."""

    school: str | None
    members: int
    students: int
    registered_as_company: bool
    stage: Stage
    undertaking: bool


def enterprise_findings(
    facts: EnterpriseFacts, terms: EligibilityTerms, voucher: VoucherTerms, today: date
) -> tuple[Finding, ...]:
    """Judge an enterprise by every rule of art. 7."""
    return (
        _credit_code(facts),
        _in_beijing(facts, terms),
        _legal_person(facts, terms),
        _age(facts, terms, today),
        _at_most("staff", "staff-over-limit", facts.staff, terms.staff_max, "staff_max"),
        _at_most(
            "annual-revenue", "revenue-over-limit", facts.annual_revenue, terms.annual_revenue_max, "annual_revenue_max"
        ),
        _at_most("total-assets", "assets-over-limit", facts.total_assets, terms.total_assets_max, "total_assets_max"),
        _declared(
            "sound-finances",
            "finances-not-sound",
            declared=facts.declarations.sound_finances,
            asked=terms.sound_finances_required,
            parameter="sound_finances_required",
        ),
        _clean_record(facts, terms),
        _field(facts, terms),
        _certificate_dates(facts.certificates),
        _allowance_certificates(facts.certificates, voucher, today),
        _undertaking(given=facts.undertaking),
    )


def team_findings(facts: TeamFacts, terms: EligibilityTerms) -> tuple[Finding, ...]:
    """Judge a team by every rule of art. 7."""
    enough = facts.students * 100 > facts.members * terms.team_student_share_over
    planning = facts.stage == "planning" and terms.team_planning_stage_excluded
    return (
        _declared(
            "no-company",
            "team-registered-as-company",
            declared=not facts.registered_as_company,
            asked=terms.team_unregistered_required,
            parameter="team_unregistered_required",
            article="7",
        ),
        Finding(
            rule="student-majority",
            code="students-not-the-majority",
            outcome="pass" if enough else "fail",
            value=f"{facts.students}/{facts.members}",
            limit=terms.team_student_share_over,
            article="7",
            parameter="team_student_share_over",
        ),
        Finding(
            rule="school",
            code="school-not-confirmed",
            outcome="recorded" if facts.school is not None else "needs_review",
            value=facts.school,
            limit=None,
            article="7",
        ),
        Finding(
            rule="project-stage",
            code="project-in-planning",
            outcome="fail" if planning else "recorded",
            value=facts.stage,
            limit=None,
            article="7",
            parameter="team_planning_stage_excluded",
        ),
        _undertaking(given=facts.undertaking),
    )


def enterprise_answer_holds_until(
    facts: EnterpriseFacts, terms: EligibilityTerms, voucher: VoucherTerms, today: date
) -> date | None:
    """Give the last day on which the same facts have the same outcomes by the same rules; None without end."""

    def outcomes(day: date) -> list[Outcome]:
        return [finding.outcome for finding in enterprise_findings(facts, terms, voucher, day)]

    for day in sorted(set(_turning_days(facts, terms))):
        if day > today and outcomes(day) != outcomes(today):
            return day - _A_DAY
    return None


def reasons_against(findings: Iterable[Finding]) -> tuple[Reason | None, ...]:
    """Turn findings into what a refusal carries; None stands for a rule that did not fail."""
    return tuple(finding.reason() for finding in findings)


def _credit_code(facts: EnterpriseFacts) -> Finding:
    known = facts.credit_code is not None
    valid = facts.credit_code is not None and credit_code.is_valid(facts.credit_code)
    return Finding(
        rule="credit-code",
        code="credit-code-invalid",
        outcome="needs_review" if not known else "pass" if valid else "fail",
        value="…" + facts.credit_code[-4:] if facts.credit_code is not None else None,  # Told apart, not told.
        limit=None,
        article="7(1)",
    )


def _in_beijing(facts: EnterpriseFacts, terms: EligibilityTerms) -> Finding:
    outcome: Outcome = "pass"
    if terms.beijing_registration_required:
        if facts.district not in DISTRICTS:
            outcome = "fail"
        elif facts.credit_code is None or not credit_code.is_beijing_division(facts.credit_code):
            # A code given elsewhere proves nothing: it is kept by a company that moves to Beijing.
            outcome = "needs_review"
    return Finding(
        rule="beijing-registration",
        code="not-registered-in-beijing",
        outcome=outcome,
        value=facts.district,
        limit=None,
        article="7(1)",
        parameter="beijing_registration_required",
    )


def _legal_person(facts: EnterpriseFacts, terms: EligibilityTerms) -> Finding:
    outcome: Outcome = "recorded"
    body = None if facts.credit_code is None else credit_code.kind_of_body(facts.credit_code)
    if terms.legal_personality_required:
        if not facts.declarations.legal_person or body == credit_code.INDIVIDUAL_BUSINESS:
            outcome = "fail"
        elif body is not None and body != credit_code.ENTERPRISE:
            outcome = "needs_review"
    return Finding(
        rule="legal-personality",
        code="not-a-legal-person",
        outcome=outcome,
        value=body if facts.declarations.legal_person else False,
        limit=None,
        article="7(1)",
        parameter="legal_personality_required",
    )


def _age(facts: EnterpriseFacts, terms: EligibilityTerms, today: date) -> Finding:
    """Young enough, the anniversary included; or newly listed this calendar year (reading 1)."""
    founded = facts.founded_on <= today
    last_day = _last_young_day(facts, terms)
    young = founded and today <= last_day
    listed = terms.listing_replaces_age and _newly_listed(facts, today)
    return Finding(
        rule="age",
        code="too-old-and-not-newly-listed",
        outcome="pass" if young or (founded and listed) else "fail",
        value=facts.founded_on,
        limit=last_day,
        article="7(1)",
        parameter="age_years_max",
    )


def _last_young_day(facts: EnterpriseFacts, terms: EligibilityTerms) -> date:
    """Name the anniversary on which a company is young for the last time; the calendar's end for what is beyond it."""
    if facts.founded_on.year + terms.age_years_max >= date.max.year:
        return date.max
    return years_after(facts.founded_on, terms.age_years_max)


def _turning_days(facts: EnterpriseFacts, terms: EligibilityTerms) -> Iterator[date]:
    """List the days on which an outcome may become another; a day after the calendar's end is none."""
    yield facts.founded_on
    if _last_young_day(facts, terms) < date.max:
        yield _last_young_day(facts, terms) + _A_DAY
    if facts.listed_on is not None:
        yield facts.listed_on
        if facts.listed_on.year < date.max.year:
            yield date(facts.listed_on.year + 1, 1, 1)
    for certificate in facts.certificates:
        yield certificate.valid_from
        if certificate.valid_until < date.max:
            yield certificate.valid_until + _A_DAY


def _newly_listed(facts: EnterpriseFacts, today: date) -> bool:
    """Tell whether the first listing was this year and the listing itself is valid today."""
    if facts.listed_on is None or facts.listed_on.year != today.year or facts.listed_on > today:
        return False
    return any(c.kind == "technology_sme" and _holds(c, today) for c in facts.certificates)


def _at_most(rule: str, code: str, value: int, limit: int, parameter: str) -> Finding:
    return Finding(
        rule=rule,
        code=code,
        outcome="pass" if value <= limit else "fail",
        value=value,
        limit=limit,
        article="7(1)",
        parameter=parameter,
    )


def _declared(rule: str, code: str, *, declared: bool, asked: bool, parameter: str, article: str = "7(1)") -> Finding:
    return Finding(
        rule=rule,
        code=code,
        outcome="recorded" if declared or not asked else "fail",
        value=declared,
        limit=None,
        article=article,
        parameter=parameter,
    )


def _clean_record(facts: EnterpriseFacts, terms: EligibilityTerms) -> Finding:
    if facts.barred:  # A measure in force bars by art. 17 itself, whatever is declared.
        return Finding(rule="clean-record", code="party-barred", outcome="fail", value=True, limit=None, article="17")
    return _declared(
        "clean-record",
        "record-not-clean",
        declared=facts.declarations.clean_record,
        asked=terms.clean_record_required,
        parameter="clean_record_required",
    )


def _field(facts: EnterpriseFacts, terms: EligibilityTerms) -> Finding:
    return Finding(
        rule="field",
        code="field-not-supported",
        outcome="pass" if facts.field in terms.fields else "fail",
        value=facts.field,
        limit=terms.fields,
        article="7(2)",
        parameter="fields",
    )


def _certificate_dates(certificates: tuple[Certificate, ...]) -> Finding:
    reversed_kinds = tuple(c.kind for c in certificates if c.valid_until < c.valid_from)
    return Finding(
        rule="certificate-dates",
        code="certificate-dates-reversed",
        outcome="fail" if reversed_kinds else "pass",
        value=reversed_kinds,
        limit=None,
        article="12",
    )


def _allowance_certificates(certificates: tuple[Certificate, ...], voucher: VoucherTerms, today: date) -> Finding:
    """Record which certificates raise the allowance today; having none is no fault (art. 12)."""
    valid = sorted({c.kind for c in certificates if c.kind in voucher.allowance_certificates and _holds(c, today)})
    return Finding(
        rule="allowance-certificates",
        code="",
        outcome="recorded",
        value=tuple(valid),
        limit=voucher.allowance_certificates,
        article="12",
        parameter="allowance_certificates",
    )


def _undertaking(*, given: bool) -> Finding:
    return Finding(
        rule="undertaking",
        code="undertaking-missing",
        outcome="recorded" if given else "fail",
        value=given,
        limit=None,
        article="15(1)",
    )


def _holds(certificate: Certificate, day: date) -> bool:
    return certificate.valid_from <= day <= certificate.valid_until
