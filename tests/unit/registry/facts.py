"""A company and a team that may claim, and providers at every stage; each test changes one thing."""

from datetime import date

from services.registry.domain.admission import CheckCondition
from services.registry.domain.eligibility import Declarations, EnterpriseFacts, TeamFacts
from services.registry.domain.provider import Event
from shared.events.registry.claimants import Certificate
from shared.events.registry.providers import (
    ProviderApplied,
    ProviderCondition,
    ProviderConditionChecked,
    ProviderListed,
    ProviderNoticePublished,
)
from shared.kernel.money import yuan
from shared.measures.reader import Measures

TODAY = date(2026, 11, 23)
MEASURES = Measures.load()
TERMS = MEASURES.on(TODAY)
CODE = "91110106MAY10000XK"

CERTIFICATE = Certificate(kind="national_high_tech", valid_from=date(2025, 10, 20), valid_until=date(2028, 10, 19))
LISTING = Certificate(kind="technology_sme", valid_from=date(2026, 3, 2), valid_until=date(2027, 3, 31))
COMPANY = EnterpriseFacts(
    credit_code=CODE,
    founded_on=date(2023, 9, 9),
    district="丰台区",
    staff=172,
    annual_revenue=yuan(20_640_000),
    total_assets=yuan(44_720_000),
    field="next_generation_it",
    listed_on=None,
    certificates=(CERTIFICATE,),
    declarations=Declarations(legal_person=True, sound_finances=True, clean_record=True),
    undertaking=True,
)
TEAM = TeamFacts(
    school="北京澄川理工大学", members=5, students=4, registered_as_company=False, stage="testing", undertaking=True
)

PRV = "prv_1"
CONDITIONS: tuple[ProviderCondition, ...] = (
    "legal_person_in_beijing", "open_facilities", "service_team", "serves_priority_needs",
    "service_norms_and_prices", "sound_finances_and_record",
)  # fmt: skip
MONDAY, UNTIL = TODAY, date(2026, 11, 30)
"""A notice published on a Monday runs five working days: Tuesday to Monday."""
APPLIED = ProviderApplied(
    provider_id=PRV, principal="user-prv", profile_digest="00", on=MONDAY, pack="beijing-2023", pack_digest="d"
)
PUBLISHED = ProviderNoticePublished(provider_id=PRV, notice_id="ntc_1", until=UNTIL, provisional=False, on=MONDAY)
LISTED = ProviderListed(
    provider_id=PRV,
    kind="beijing_based",
    principal="user-prv",
    capabilities=("rnd", "testing"),
    third_party_testing=False,
    on=date(2026, 12, 1),
)


def checked(condition: ProviderCondition, *, met: bool = True) -> ProviderConditionChecked:
    """Say what an officer found."""
    return ProviderConditionChecked(provider_id=PRV, condition=condition, met=met, checked_by="officer-1", on=MONDAY)


def check(condition: ProviderCondition, *, met: bool = True) -> CheckCondition:
    """Ask to record what an officer found."""
    return CheckCondition(
        condition=condition,
        met=met,
        conditions=TERMS.standing.provider_conditions,
        checked_by="officer-1",
        notice_id="ntc_1",
        notice_working_days=TERMS.appraisal.appraisal_notice_working_days,
        working_days=MEASURES.working_days,
        on=MONDAY,
    )


ALL_MET = tuple(checked(condition) for condition in CONDITIONS)
ON_NOTICE: tuple[Event, ...] = (APPLIED, *ALL_MET, PUBLISHED)
