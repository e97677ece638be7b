"""The sample register, read and typed: who can claim, who can serve, and with which facilities."""

from dataclasses import dataclass as plain_dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from shared.kernel.money import Fen

FOLDER = Path(__file__).parent

type Field = Literal[
    "next_generation_it", "medicine_and_health", "intelligent_manufacturing", "new_materials", "green_energy"
]
type CertificateKind = Literal["national_high_tech", "zhongguancun_high_tech", "technology_sme"]
type Stage = Literal["development", "testing"]
type ProviderKind = Literal["municipal", "beijing_based"]
type Capability = Literal["testing", "rnd", "industrial_design", "compute"]
type FacilityKind = Literal["major_infrastructure", "large_instrument", "big_science", "compute"]
type ServiceKind = Literal["analysis", "testing", "inspection", "rnd", "compute"]

_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Certificate:
    """A high-tech certificate or a technology-SME listing; valid on both its days and between (art. 12)."""

    kind: CertificateKind
    number: str
    valid_from: date
    valid_until: date

    def is_valid_on(self, day: date) -> bool:
        """Tell whether the certificate holds on a day."""
        return self.valid_from <= day <= self.valid_until


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Company:
    """An enterprise that may claim; money in fen, `listed_on` is its first listing as a technology SME (art. 7)."""

    name: str
    credit_code: str
    founded_on: date
    district: str
    staff: int
    annual_revenue: Fen
    total_assets: Fen
    field: Field
    certificates: tuple[Certificate, ...]
    listed_on: date | None

    def is_certified_on(self, day: date) -> bool:
        """Tell whether a certificate gives the higher allowance on a day (art. 12)."""
        return any(certificate.is_valid_on(day) for certificate in self.certificates)


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Member:
    """A person in a team."""

    name: str
    student: bool


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class TeamProject:
    """What a team works on; it is past the planning stage (art. 7)."""

    title: str
    stage: Stage


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Team:
    """A team of students that may claim (art. 7)."""

    name: str
    school: str
    members: tuple[Member, ...]
    project: TeamProject


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class ProviderConditions:
    """The six conditions of art. 6 as a provider answers them, in the article's order."""

    legal_person_in_beijing: bool
    open_facilities: bool
    service_team: bool
    serves_priority_needs: bool
    service_norms_and_prices: bool
    sound_finances_and_record: bool


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Provider:
    """A provider; `third_party_testing` firms get no appraisal grant (art. 11)."""

    name: str
    credit_code: str
    kind: ProviderKind
    district: str
    capabilities: tuple[Capability, ...]
    third_party_testing: bool
    conditions: ProviderConditions


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class OfferedService:
    """A service a facility offers; the price is in fen for one unit."""

    name: str
    kind: ServiceKind
    unit: str
    unit_price: Fen


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Facility:
    """A facility open to others; `provider` is its owner's credit code, the value is in fen."""

    number: str
    provider: str
    name: str
    kind: FacilityKind
    original_value: Fen
    site: str
    price_standard: str
    service_norms: str
    services: tuple[OfferedService, ...]


@plain_dataclass(frozen=True, slots=True, kw_only=True)
class SampleRegister:
    """The whole sample, in the order of its files."""

    companies: tuple[Company, ...]
    teams: tuple[Team, ...]
    providers: tuple[Provider, ...]
    facilities: tuple[Facility, ...]

    def facilities_of(self, credit_code: str) -> tuple[Facility, ...]:
        """List the facilities of one provider."""
        return tuple(facility for facility in self.facilities if facility.provider == credit_code)


def load_sample_register(folder: Path = FOLDER) -> SampleRegister:
    """Read the four files; pydantic's ValidationError for an unknown field or a value of the wrong type."""
    return SampleRegister(
        companies=TypeAdapter(tuple[Company, ...]).validate_json((folder / "companies.json").read_bytes()),
        teams=TypeAdapter(tuple[Team, ...]).validate_json((folder / "teams.json").read_bytes()),
        providers=TypeAdapter(tuple[Provider, ...]).validate_json((folder / "providers.json").read_bytes()),
        facilities=TypeAdapter(tuple[Facility, ...]).validate_json((folder / "facilities.json").read_bytes()),
    )
