"""How service agencies did in a year, as the office found (faq 5)."""

from dataclasses import dataclass
from datetime import date

from shared.events.definition import event


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationFigures:
    """What the register's records say of an agency's year.

    Laboratories it put forward in the year, those of its that entered the catalogue in it and those in it at the end;
    delegations that were in force on any day of it, and of how many providers.
    """

    laboratories_reported: int
    laboratories_entered: int
    laboratories_catalogued: int
    delegations: int
    providers: int


@event("registry.agency-evaluation-proposed", key="agency_id")
class AgencyEvaluationProposed:
    """An officer has evaluated a service agency's year on these figures; the words are not public yet."""

    agency_id: str
    year: int
    figures: EvaluationFigures
    assessment_digest: str
    proposed_by: str
    on: date
    pack: str
    pack_digest: str


@event("registry.agency-evaluation-withdrawn", key="agency_id")
class AgencyEvaluationWithdrawn:
    """A proposed evaluation comes to nothing; another may be proposed."""

    agency_id: str
    year: int
    withdrawn_by: str
    on: date


@event("registry.agency-evaluated", key="agency_id")
class AgencyEvaluated:
    """Two officers have evaluated a service agency's year (faq 5); anyone may read the figures and the words."""

    agency_id: str
    year: int
    figures: EvaluationFigures
    assessment_digest: str
    proposed_by: str
    approved_by: str
    on: date
