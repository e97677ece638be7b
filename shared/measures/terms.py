"""The parameters of the rules as they stand on one day, grouped by who decides with them; pure values."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from shared.kernel.money import Fen


class Unit(StrEnum):
    """What a parameter's value counts; a rule file must name the one its field has here."""

    FEN = "fen"
    DAYS = "days"
    WORKING_DAYS = "working_days"
    MONTHS = "months"
    YEARS = "years"
    QUARTER = "quarter"
    PERCENT = "percent"
    COUNT = "count"
    SWITCH = "switch"
    CODES = "codes"


type Value = int | bool | tuple[str, ...]

# Plain values to a reader and to mypy; the unit is for the reader of the rule files.
Money = Annotated[Fen, Unit.FEN]
Days = Annotated[int, Unit.DAYS]
NoticeDays = Annotated[int, Unit.WORKING_DAYS]
Months = Annotated[int, Unit.MONTHS]
Years = Annotated[int, Unit.YEARS]
Quarter = Annotated[int, Unit.QUARTER]
Percent = Annotated[int, Unit.PERCENT]
Count = Annotated[int, Unit.COUNT]
Switch = Annotated[bool, Unit.SWITCH]
Codes = Annotated[tuple[str, ...], Unit.CODES]


@dataclass(frozen=True, slots=True, kw_only=True)
class EligibilityTerms:
    """Who may claim (art. 7)."""

    beijing_registration_required: Switch
    legal_personality_required: Switch
    age_years_max: Years
    listing_replaces_age: Switch
    staff_max: Count
    annual_revenue_max: Money
    total_assets_max: Money
    sound_finances_required: Switch
    clean_record_required: Switch
    fields: Codes
    team_unregistered_required: Switch
    team_student_share_over: Percent
    team_planning_stage_excluded: Switch


@dataclass(frozen=True, slots=True, kw_only=True)
class VoucherTerms:
    """What a voucher may be worth, how long it lives and where its money returns to (art. 12 and 15)."""

    face_value_max: Money
    annual_allowance_certified: Money
    annual_allowance_other: Money
    allowance_certificates: Codes
    vouchers_per_claim_max: Count
    allowance_year_is_claim_year: Switch
    registration_days: Days
    validity_months: Months
    returns_to_allowance: Codes
    return_to_quota: Switch
    reminder_days_first: Days
    reminder_days_second: Days
    reminder_days_last: Days
    roll_to_working_day: Switch
    governed_by_deciding_act: Switch


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractTerms:
    """What a voucher may pay for, with whom and how much of it (art. 5, 7, 10, 12 and 16; faq 1, 2, 3 and 6)."""

    contract_share_max: Percent
    contracts_per_voucher_max: Count
    several_vouchers_per_contract: Switch
    contract_ends_within_validity: Switch
    actual_amount_is_lower_of_invoiced_and_paid: Switch
    service_kinds: Codes
    activity_kinds: Codes
    statutory_testing_excluded: Switch
    funded_projects_excluded: Switch
    eligible_claimant_required: Switch
    listed_provider_required: Switch
    related_parties_declared: Switch
    voucher_clause_required: Switch
    industrial_design_capability_required: Switch
    new_product_share_max: Percent
    roll_to_working_day: Switch


@dataclass(frozen=True, slots=True, kw_only=True)
class RedemptionTerms:
    """When and how a voucher is paid out (art. 12 and 15)."""

    redemption_application_months: Months
    redemption_notice_working_days: NoticeDays
    lapse_counts_in_annual_total: Switch
    contract_share_max: Percent
    actual_amount_is_lower_of_invoiced_and_paid: Switch
    disbursement_last_quarter: Quarter
    fourth_quarter_carries_over: Switch
    roll_to_working_day: Switch


@dataclass(frozen=True, slots=True, kw_only=True)
class AppraisalTerms:
    """What the yearly appraisal grants (art. 11, 13 and 14)."""

    grant_class_1_excellent_max: Money
    grant_class_1_good_max: Money
    grant_class_2_excellent_max: Money
    grant_class_2_good_max: Money
    grants_below_good: Switch
    third_party_testing_excluded: Switch
    appraisal_notice_working_days: NoticeDays
    bonus_share_min: Percent
    roll_to_working_day: Switch


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingTerms:
    """Who may serve, who may refer, and how a party leaves or is banned (art. 6 and 17; faq 4, 5 and 7)."""

    provider_conditions: Codes
    provider_clean_record_years: Years
    provider_exit_notice_months: Months
    ban_years: Years
    referral_agency_enterprises_min: Count
    referral_agency_events_min: Count
    referral_agency_conditions: Codes
    referral_working_rules: Codes
    service_agency_conditions: Codes
    laboratory_conditions: Codes
    laboratory_accreditations: Codes
    roll_to_working_day: Switch


@dataclass(frozen=True, slots=True, kw_only=True)
class RepealedTerms:
    """What only repealed rules have said: quoted and compared, but no day's terms hold it (art. 20; faq 1)."""

    priority_projects: Codes


STATED_ONLY = frozenset(
    {
        "activity_kinds",
        "allowance_year_is_claim_year",
        "bonus_share_min",
        "fourth_quarter_carries_over",
        "governed_by_deciding_act",
        "grant_class_1_excellent_max",
        "grant_class_1_good_max",
        "grant_class_2_excellent_max",
        "grant_class_2_good_max",
        "grants_below_good",
        "provider_clean_record_years",
        "vouchers_per_claim_max",
    }
)
"""What the rules say and no decision reads as a parameter: another value would be announced and change nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Every parameter in force on a day.

    `pack` and `digest` (SHA-256 of what the pack says, in hex) go into the events decided by them (reading 10).
    """

    pack: str
    digest: str
    eligibility: EligibilityTerms
    voucher: VoucherTerms
    contract: ContractTerms
    redemption: RedemptionTerms
    appraisal: AppraisalTerms
    standing: StandingTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """What a refusal points to: the value, the article it comes from and the words themselves.

    `reading` numbers our interpretation where the text leaves the matter open, and is None where the text says it.
    """

    pack: str
    parameter: str
    article: str
    quote: str
    value: Value
    reading: int | None = None
